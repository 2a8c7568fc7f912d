"""A run from its creation to its end: outcomes, retries, branches, sensors, and what they leave behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tradewind.metadata.batch import Batch, CommitResult
from tradewind.metadata.runs import list_tries
from tradewind.serialization.messages import XComValue

from tests.scheduler.stage import START, Stage, chains, dag, task


def test_a_manual_run_goes_from_start_to_end(stage: Stage) -> None:
    stage.start()
    stage.deploy(dag(tasks="a > b"))
    stage.trigger(conf={"x": 1})
    assert stage.state() == "running"
    assert stage.states() == {"a": "queued", "b": "none"}
    order = stage.begin("a")
    assert (order.try_number, order.dag_run.conf, order.log_path) == (1, {"x": 1}, "/logs/d/r1/a/1.log")
    assert (order.dag_file.path, order.dag_file.fingerprint) == ("/dags/d.py", "f1")
    assert stage.states() == {"a": "running", "b": "none"}
    stage.clock.advance(5)
    stage.executor.end(order)
    stage.step()
    assert stage.states() == {"a": "success", "b": "queued"}
    row = stage.row("a")
    assert (row.queued_at, row.started_at, row.ended_at) == (START, START, START + timedelta(seconds=5))
    assert row.pid == 4321
    stage.end("b")
    assert stage.states() == {"a": "success", "b": "success"}
    run = stage.run()
    assert (run.state.value, run.started_at, run.ended_at) == ("success", START, START + timedelta(seconds=5))
    assert stage.events("a") == ["schedule", "enqueue", "start", "succeed"]
    assert stage.executor.kills == []
    stage.check_caches()


def test_started_and_finished_in_one_turn_are_one_write(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.start()
    stage.deploy(dag(tasks="a > b"))
    stage.trigger()
    stage.end("a")
    assert stage.events("a") == ["schedule", "enqueue", "start", "succeed"]
    assert stage.states() == {"a": "success", "b": "queued"}


def test_failure_is_passed_on_and_ends_the_run(stage: Stage) -> None:
    stage.start()
    stage.deploy(dag(tasks="a > b, c"))
    stage.trigger()
    stage.end("a", "failed", error="ValueError: no")
    assert stage.states() == {"a": "failed", "b": "upstream_failed", "c": "queued"}
    assert stage.row("a").note == "ValueError: no"
    assert stage.state() == "running"
    stage.end("c")
    assert stage.state() == "failed"
    stage.check_caches()


def test_skip_is_passed_on(sqlite_stage: Stage) -> None:
    sqlite_stage.start()
    sqlite_stage.deploy(dag(tasks="a > b"))
    sqlite_stage.trigger()
    sqlite_stage.end("a", "skipped")
    assert sqlite_stage.states() == {"a": "skipped", "b": "skipped"}
    assert sqlite_stage.state() == "success"


def test_a_branch_skips_what_it_did_not_take(stage: Stage) -> None:
    stage.start()
    join = task("join", trigger_rule="none_failed_min_one_success")
    branches = (task("pick", downstream=("left", "right")), task("left", downstream=("join",)))
    stage.deploy(dag(tasks=(*branches, task("right", downstream=("join",)), join)))
    stage.trigger()
    stage.end("pick", skip_task_ids=("right", "unknown"))
    assert stage.states() == {"pick": "success", "left": "queued", "right": "skipped", "join": "none"}
    stage.end("left")
    stage.end("join")
    assert stage.state() == "success"


def test_empty_tasks_need_no_worker(sqlite_stage: Stage) -> None:
    sqlite_stage.start()
    sqlite_stage.deploy(dag(tasks=chains("a > b > c", is_empty=True)))
    sqlite_stage.trigger()
    assert sqlite_stage.state() == "success"
    assert set(sqlite_stage.states().values()) == {"success"}
    assert sqlite_stage.executor.orders == []
    assert sqlite_stage.row("c").started_at == START


def test_a_dag_without_tasks_succeeds(sqlite_stage: Stage) -> None:
    sqlite_stage.start()
    sqlite_stage.deploy(dag(tasks=()))
    sqlite_stage.trigger()
    assert sqlite_stage.state() == "success"
    sqlite_stage.check_caches()


def test_a_retry_waits_for_its_delay(stage: Stage) -> None:
    stage.start()
    stage.deploy(dag(tasks=[task("a", retries=1, retry_delay_s=300)]))
    stage.trigger()
    stage.end("a", "failed", error="first")
    row = stage.row("a")
    assert (row.state.value, row.due_at, row.note) == ("up_for_retry", START + timedelta(seconds=300), "first")
    assert stage.state() == "running"
    stage.advance(299)
    assert stage.row("a").state.value == "up_for_retry"
    assert stage.tries() == []
    stage.advance(1)
    row = stage.row("a")
    assert (row.state.value, row.try_number, row.due_at, row.note) == ("queued", 2, None, None)
    assert stage.order("a").log_path == "/logs/d/r1/a/2.log"
    stage.end("a", "failed", error="second")
    assert stage.state() == "failed"
    tries = list_tries(stage.database, stage.row("a").ti_pk)
    assert [(found.try_number, found.state.value, found.note) for found in tries] == [
        (1, "failed", "first"),
        (2, "failed", "second"),
    ]
    stage.check_caches()


def test_a_failure_may_name_its_own_retry_time_and_may_forbid_one(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.start()
    stage.deploy(dag(tasks=[task("a", retries=3), task("b", retries=3)]))
    stage.trigger()
    stage.end("a", "failed", retry_at=START + timedelta(seconds=7))
    stage.end("b", "fail_without_retry")
    assert stage.states() == {"a": "up_for_retry", "b": "failed"}
    assert stage.row("a").due_at == START + timedelta(seconds=7)
    stage.advance(7)
    assert stage.states() == {"a": "queued", "b": "failed"}


def test_an_unknown_outcome_counts_as_failure(sqlite_stage: Stage) -> None:
    sqlite_stage.start()
    sqlite_stage.deploy(dag())
    sqlite_stage.trigger()
    sqlite_stage.end("a", "levitated")
    assert sqlite_stage.states() == {"a": "failed"}


def test_a_sensor_goes_on_with_its_try_after_a_reschedule(stage: Stage) -> None:
    stage.start()
    stage.deploy(dag(tasks=[task("a", retries=1)]))
    stage.trigger()
    assert stage.order("a").first_started_at is None
    stage.begin("a")
    stage.clock.advance(1)
    stage.end("a", "reschedule", reschedule_at=START + timedelta(seconds=60), rendered_fields=b"{}")
    row = stage.row("a")
    assert (row.state.value, row.due_at, row.ended_at) == ("up_for_reschedule", START + timedelta(seconds=60), None)
    stage.advance(58)
    assert stage.tries() == []
    stage.advance(1)
    order = stage.begin("a")
    assert (order.try_number, order.first_started_at) == (1, START)
    assert stage.row("a").started_at == START, "the try began with its first poke"
    stage.end("a", "reschedule", reschedule_at=START + timedelta(seconds=120))
    stage.start()
    assert stage.row("a").state.value == "up_for_reschedule", "its timer is armed anew after a restart"
    stage.advance(60)
    assert stage.order("a").first_started_at == START
    stage.end("a", "failed")
    stage.advance(300)
    order = stage.begin("a")
    assert (order.try_number, order.first_started_at) == (2, None)
    assert stage.row("a").started_at == stage.clock.now()
    stage.end("a")
    assert stage.state() == "success"


def test_xcoms_and_rendered_fields_are_written_with_the_outcome(stage: Stage) -> None:
    stage.start()
    stage.deploy(dag(tasks="a > b"))
    stage.trigger()
    order = stage.begin("a")
    stage.executor.push(order, "early", b"1")
    assert stage.xcoms(order.ti_pk) == {}
    stage.step()
    assert stage.xcoms(order.ti_pk) == {"early": b"1"}
    seen = []
    commit = stage.scheduler.book._store.commit

    def look(batch: Batch, *, epoch: int) -> CommitResult:
        seen.append((len(batch.transitions), [x.key for x in batch.xcoms], len(batch.rendered)))
        return commit(batch, epoch=epoch)

    stage.scheduler.book._store.__dict__["commit"] = look
    xcoms = (XComValue(key="return_value", value=b"2"), XComValue(key="early", value=b"3"))
    stage.executor.end(order, xcoms=xcoms, rendered_fields=b'{"sql": "select"}')
    stage.step()
    assert seen == [(2, ["return_value", "early"], 1)], "both moves and what the try left behind are one batch"
    assert stage.xcoms(order.ti_pk) == {"return_value": b"2", "early": b"3"}
    assert stage.rendered(order.ti_pk) == b'{"sql": "select"}'


def test_a_new_try_begins_without_the_xcoms_of_the_last(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.start()
    stage.deploy(dag(tasks=[task("a", retries=1, retry_delay_s=1)]))
    stage.trigger()
    order = stage.end("a", "failed", xcoms=(XComValue(key="k", value=b"1"),))
    assert stage.xcoms(order.ti_pk) == {"k": b"1"}
    stage.advance(1)
    assert stage.xcoms(order.ti_pk) == {}


@pytest.mark.parametrize("late", ["end", "lose", "begin"])
def test_a_late_report_of_an_earlier_try_changes_nothing(sqlite_stage: Stage, late: str) -> None:
    stage = sqlite_stage
    stage.start()
    stage.deploy(dag(tasks=[task("a", retries=2, retry_delay_s=1, callbacks=("on_retry_callback",))]))
    stage.trigger()
    first = stage.end("a", "failed")
    stage.advance(1)
    stage.begin("a")
    before = stage.row("a")
    if late == "end":
        stage.executor.end(first, xcoms=(XComValue(key="k", value=b"1"),), rendered_fields=b"{}", error="late")
    elif late == "lose":
        stage.executor.lose(first, was_started=True)
    else:
        stage.executor.begin(first)
    stage.step()
    assert stage.row("a") == before
    assert stage.xcoms(first.ti_pk) == {}
    assert stage.rendered(first.ti_pk) is None
    assert stage.stored_callbacks() == []
    stage.end("a")
    assert stage.state() == "success"


def test_a_report_that_comes_twice_counts_once(stage: Stage) -> None:
    stage.start()
    stage.deploy(dag(tasks="a > b"))
    stage.trigger()
    order = stage.begin("a")
    stage.executor.begin(order)
    stage.executor.end(order)
    stage.executor.end(order, "failed", xcoms=(XComValue(key="k", value=b"1"),))
    stage.step()
    stage.executor.end(order, "failed")
    stage.executor.lose(order)
    stage.step()
    assert stage.states() == {"a": "success", "b": "queued"}
    assert stage.events("a") == ["schedule", "enqueue", "start", "succeed"]
    assert stage.xcoms(order.ti_pk) == {}


def test_reports_of_strangers_are_ignored(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.start()
    stage.deploy(dag())
    stage.trigger()
    order = stage.order("a")
    stage.executor.end(order)
    stage.step()
    assert stage.state() == "success"
    stage.executor.begin(order)
    stage.executor.push(order, "k", b"1")
    stage.executor.end(order, xcoms=(XComValue(key="k", value=b"1"),))
    stage.executor.lose(order)
    stage.step()
    assert stage.xcoms(order.ti_pk) == {}
    assert stage.scheduler.book.in_flight == {}
