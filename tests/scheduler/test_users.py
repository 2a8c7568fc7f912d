"""What users do to runs that are queued, under way or over: clear, mark, delete; and what the scheduler makes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.metadata.runs import delete_run, list_tries, mark_run
from tradewind.serialization.messages import XComValue

from tests.scheduler.stage import DAY, START, Stage, dag, daily, task

S = TaskInstanceState
R = DagRunState


def silent(stage: Stage, action: Callable[[], object]) -> None:
    """Let a user act without the scheduler hearing of it yet."""
    scheduler, stage._scheduler = stage._scheduler, None
    action()
    stage._scheduler = scheduler


def test_a_run_that_ended_is_cleared_and_runs_again(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stage.deploy(dag(tasks="a > b"))
    stage.start()
    stage.trigger()
    stage.end("a")
    stage.end("b", "failed")
    assert stage.state() == "failed"
    stage.clock.advance(60)
    stage.clear_tasks("b")
    run = stage.run()
    assert (run.state.value, run.clear_number, run.ended_at) == ("running", 1, None)
    assert run.started_at == stage.clock.now()
    order = stage.order("b")
    assert (order.try_number, order.max_tries, order.dag_run.clear_number) == (2, 1, 1)
    assert stage.states() == {"a": "success", "b": "queued"}
    stage.end("b")
    assert stage.state() == "success"
    assert [found.state.value for found in list_tries(stage.database, stage.row("b").ti_pk)] == ["failed", "success"]
    assert "changed by somebody else" not in caplog.text, "its rows were read before they were moved"
    stage.check_caches()


def test_a_running_task_that_is_cleared_is_killed_and_runs_again(stage: Stage) -> None:
    stage.deploy(dag(tasks="a > b"))
    stage.start()
    stage.trigger()
    order = stage.begin("a")
    stage.clear_tasks("a")
    assert stage.states() == {"a": "restarting", "b": "none"}
    assert stage.executor.kills == [(order.ti_pk, 1)]
    assert stage.tries() == ["a"], "no new try before the old process has gone"
    stage.check_caches()
    stage.executor.end(order, "killed", xcoms=(XComValue(key="k", value=b"1"),))
    stage.step()
    assert stage.states() == {"a": "queued", "b": "none"}
    assert stage.order("a").try_number == 2
    assert stage.xcoms(order.ti_pk) == {}
    stage.executor.end(order)
    stage.executor.lose(order)
    stage.step()
    assert stage.states() == {"a": "queued", "b": "none"}, "the old try has no say any more"
    stage.end("a")
    stage.end("b")
    assert stage.state() == "success"
    stage.check_caches()


@pytest.mark.parametrize("end", ["success", "failed", "lost"])
def test_whatever_the_end_of_a_cleared_try_another_one_follows(sqlite_stage: Stage, end: str) -> None:
    stage = sqlite_stage
    stage.deploy(dag())
    stage.start()
    stage.trigger()
    order = stage.begin("a")
    stage.clear_tasks("a")
    if end == "lost":
        stage.executor.lose(order)
    else:
        stage.executor.end(order, end)
    stage.step()
    assert (stage.row("a").state.value, stage.row("a").try_number) == ("queued", 2)


def test_a_report_of_a_try_before_does_not_end_a_restart(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(tasks=[task("a", retries=1, retry_delay_s=1)]))
    stage.start()
    stage.trigger()
    first = stage.end("a", "failed")
    stage.advance(1)
    second = stage.begin("a")
    stage.clear_tasks("a")
    stage.executor.end(first)
    stage.executor.lose(first, was_started=True)
    stage.step()
    assert stage.states() == {"a": "restarting"}, "its process is still at work"
    stage.executor.end(second, "killed")
    stage.step()
    assert stage.row("a").try_number == 3


def test_a_cleared_task_whose_scheduler_died_runs_again(stage: Stage) -> None:
    stage.deploy(dag())
    stage.start()
    stage.trigger()
    stage.begin("a")
    stage.crash()
    stage.clear_tasks("a")
    stage.start()
    assert (stage.row("a").state.value, stage.row("a").try_number) == ("queued", 2)


def test_a_queued_task_that_is_cleared_gets_a_new_try(stage: Stage) -> None:
    stage.deploy(dag())
    stage.start()
    stage.trigger()
    old = stage.order("a")
    stage.clear_tasks("a")
    assert stage.executor.kills == [(old.ti_pk, 1)]
    assert stage.order("a").try_number == 2
    stage.executor.lose(old, was_started=False)
    stage.step()
    stage.end("a")
    assert stage.events("a")[-2:] == ["start", "succeed"]
    assert stage.state() == "success"
    stage.check_caches()


@pytest.mark.parametrize("state", [S.SUCCESS, S.FAILED, S.SKIPPED])
def test_a_running_task_that_is_marked_is_killed(stage: Stage, state: S) -> None:
    stage.deploy(dag(tasks="a > b, c"))
    stage.start()
    stage.trigger()
    order = stage.begin("a")
    stage.mark(state, "a")
    assert stage.executor.kills == [(order.ti_pk, 1)]
    after = {S.SUCCESS: "queued", S.FAILED: "upstream_failed", S.SKIPPED: "skipped"}[state]
    assert stage.states() == {"a": state.value, "b": after, "c": "queued"}
    stage.executor.push(order, "late", b"1")
    stage.executor.end(order, "failed", xcoms=(XComValue(key="k", value=b"1"),), rendered_fields=b"{}")
    stage.step()
    assert stage.states()["a"] == state.value
    assert stage.xcoms(order.ti_pk) == {}
    assert stage.rendered(order.ti_pk) is None
    stage.check_caches()
    stage.end_all()
    assert stage.state() == ("failed" if state is S.FAILED else "success")


def test_marking_success_lets_what_failed_downstream_run(stage: Stage) -> None:
    stage.deploy(dag(tasks="a > b"))
    stage.start()
    stage.trigger()
    stage.end("a", "failed")
    assert stage.state() == "failed"
    stage.mark(S.SUCCESS, "a")
    assert stage.states() == {"a": "success", "b": "queued"}
    assert stage.state() == "running"
    stage.end("b")
    assert stage.state() == "success"


@pytest.mark.parametrize("state", [R.SUCCESS, R.FAILED])
def test_a_run_that_is_marked_is_killed_and_makes_room(stage: Stage, state: R) -> None:
    stage.deploy(dag(tasks="a > b", max_active_runs=1))
    stage.start()
    stage.trigger()
    stage.trigger()
    order = stage.begin("a")
    stage.mark_run(state)
    assert stage.states() == {"a": state.value, "b": "skipped"}
    assert stage.executor.kills == [(order.ti_pk, 1)]
    assert stage.run_states() == [state.value, "running"]
    stage.executor.end(order)
    stage.step()
    assert stage.states() == {"a": state.value, "b": "skipped"}
    stage.end_all()
    assert stage.run_states() == [state.value, "success"]
    stage.check_caches()


def test_a_scheduled_run_follows_one_that_was_marked(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.clock.advance(2 * DAY)
    stage.deploy(dag(**daily(catchup=True, max_active_runs=1)))
    stage.start()
    stage.mark_run(R.FAILED, stage.runs()[0].run_id)
    assert stage.run_states() == ["failed", "running"]


def test_a_run_that_is_queued_again_goes_on(stage: Stage) -> None:
    stage.deploy(dag())
    stage.start()
    stage.trigger()
    stage.begin("a")
    stage.mark_run(R.FAILED)
    stage.end_all()
    stage.clock.advance(5)
    stage.mark_run(R.QUEUED)
    run = stage.run()
    assert (run.state.value, run.started_at, run.version) == ("failed", stage.clock.now(), 2), "its task has ended"
    assert stage.events("a") == ["schedule", "enqueue", "start", "mark_failed"]
    stage.check_caches()


def test_a_queued_run_that_is_deleted_never_starts_and_makes_room(stage: Stage) -> None:
    stage.clock.advance(DAY)
    stage.deploy(dag(**daily(max_active_runs=1)), is_paused=True)
    stage.start()
    stage.trigger(run_id="by hand")
    stage.pause(is_paused=False)
    assert [run.run_id for run in stage.runs()] == ["by hand"]
    stage.trigger(run_id="second")
    stage.delete_run("second")
    stage.end_all()
    assert [run.state.value for run in stage.runs()] == ["success", "success"]
    assert stage.runs()[1].run_type.value == "scheduled"
    stage.check_caches()


def test_a_run_that_is_ended_and_deleted_at_once_leaves_nothing(stage: Stage) -> None:
    stage.deploy(dag(tasks="a > b", max_active_runs=1, callbacks=("on_failure_callback",)))
    stage.start()
    pk = stage.trigger()
    stage.trigger()
    order = stage.begin("a")
    with stage.heard():
        mark_run(stage.database, stage.clock, "d", "r1", R.FAILED)
        delete_run(stage.database, "d", "r1")
    stage.step()
    assert stage.executor.kills == [(order.ti_pk, 1)]
    stage.executor.end(order, xcoms=(XComValue(key="k", value=b"1"),))
    stage.step()
    assert stage.xcoms(order.ti_pk) == {}
    assert stage.scheduler.book.in_flight.keys() == {stage.order("a").ti_pk}
    assert pk not in stage.scheduler.book.runs
    stage.end_all()
    assert stage.run_states() == ["success"]


@pytest.mark.parametrize("has_heard", [True, False])
@pytest.mark.parametrize(("outcome", "mark"), [("success", S.FAILED), ("failed", S.SUCCESS)])
def test_a_change_between_decision_and_commit_wins(stage: Stage, outcome: str, mark: S, has_heard: bool) -> None:
    """The scheduler has not heard the ring when it writes: its rows are stale, and it reads the run again."""
    stage.deploy(dag(tasks="a > b"))
    stage.start()
    stage.trigger()
    order = stage.begin("a")
    stage.executor.end(order, outcome)
    silent(stage, lambda: stage.mark(mark, "a"))
    if has_heard:
        stage.step()
    else:
        stage.scheduler.turn()
    assert stage.states() == {"a": mark.value, "b": "queued" if mark is S.SUCCESS else "upstream_failed"}
    assert stage.events("b") == (["schedule", "enqueue"] if mark is S.SUCCESS else ["fail_upstream"])
    stage.check_caches()
    if not has_heard:
        stage.hear()
    stage.end_all()
    assert stage.state() == ("success" if mark is S.SUCCESS else "failed")
    stage.check_caches()


def test_a_clear_between_the_end_of_a_run_and_its_commit_wins(stage: Stage) -> None:
    stage.deploy(dag(tasks="a, b", max_active_runs=1, callbacks=("on_success_callback",)))
    stage.start()
    stage.trigger()
    stage.trigger()
    stage.end("a", run_id="r1")
    order = stage.begin("b", run_id="r1")
    stage.executor.end(order)
    silent(stage, lambda: stage.clear_tasks("a"))
    stage.scheduler.turn()
    assert stage.run_states() == ["running", "queued"]
    assert stage.states() == {"a": "queued", "b": "success"}
    assert stage.stored_callbacks() == []
    stage.hear()
    stage.end_all()
    assert stage.run_states() == ["success", "success"]
    stage.check_caches()


def test_slots_freed_by_a_stale_row_are_given_out_at_once(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.options["parallelism"] = 1
    stage.deploy(dag("d"), dag("e"))
    stage.start()
    stage.trigger("d", run_id="r1")
    stage.trigger("e", run_id="r1")
    order = stage.order("a", dag_id="d")
    stage.executor.begin(order)
    silent(stage, lambda: stage.mark_run(R.FAILED))
    stage.scheduler.turn()
    assert [found.dag_id for found in stage.executor.tries.values()] == ["d", "e"]


def test_reopening_a_run_respects_max_active_runs(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(max_active_runs=1))
    stage.start()
    stage.trigger()
    stage.end_all()
    stage.trigger()
    stage.clear_tasks(run_id="r1")
    assert stage.run_states() == ["queued", "running"]
    stage.end("a", run_id="r2")
    assert stage.run_states() == ["running", "success"]


def test_a_clear_while_paused_waits_for_the_unpause(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag())
    stage.start()
    stage.trigger()
    stage.end_all()
    stage.pause()
    stage.clear_tasks()
    assert (stage.state(), stage.states()) == ("queued", {"a": "none"})
    stage.pause(is_paused=False)
    assert stage.order("a").try_number == 2
    assert stage.clock.now() == START
