"""depends_on_past and wait_for_downstream across runs, in whatever order these come and end."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.metadata.explaining import explain_task_instance
from tradewind.serialization.document import DagDocument

from tests.scheduler.stage import DAY, START, Stage, chains, dag, daily, task


def dependent(text: str = "a", **fields: Any) -> DagDocument:
    """Return a DAG whose tasks depend on the past."""
    options = {name: fields.pop(name) for name in ("wait_for_downstream", "retries") if name in fields}
    return dag(tasks=chains(text, depends_on_past=True, **options), **fields)


def trigger(stage: Stage, day: int) -> None:
    """Create the run of a day, called by it."""
    stage.trigger(run_id=str(day), logical_date=START + day * DAY)


def test_a_task_waits_for_itself_in_the_run_before(stage: Stage) -> None:
    stage.deploy(dependent())
    stage.start()
    trigger(stage, 1)
    trigger(stage, 2)
    trigger(stage, 3)
    assert [stage.states(day) for day in "123"] == [{"a": "queued"}, {"a": "none"}, {"a": "none"}]
    stage.end("a", run_id="1")
    assert [stage.states(day) for day in "123"] == [{"a": "success"}, {"a": "queued"}, {"a": "none"}]
    stage.end("a", "skipped", run_id="2")
    assert stage.states("3") == {"a": "queued"}
    stage.check_caches()


def test_a_failure_holds_all_later_runs(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dependent())
    stage.start()
    trigger(stage, 1)
    trigger(stage, 2)
    stage.end("a", "failed")
    assert stage.state("1") == "failed"
    assert stage.states("2") == {"a": "none"}
    stage.start()
    assert stage.states("2") == {"a": "none"}


@pytest.mark.parametrize("is_under_way", [True, False], ids=["while its run goes on", "after its run ended"])
def test_marking_the_task_of_the_run_before_lets_the_later_one_go(stage: Stage, is_under_way: bool) -> None:
    stage.deploy(dependent("a, b" if is_under_way else "a"))
    stage.start()
    trigger(stage, 1)
    trigger(stage, 2)
    stage.end("a", "failed", run_id="1")
    assert stage.states("2")["a"] == "none"
    stage.mark(TaskInstanceState.SUCCESS, "a", run_id="1")
    assert stage.states("2")["a"] == "queued"
    stage.check_caches()


def test_clearing_the_task_of_the_run_before_holds_the_later_one_again(stage: Stage) -> None:
    stage.deploy(dag(tasks=[task("first", downstream=("a",)), task("a", depends_on_past=True)]))
    stage.start()
    trigger(stage, 1)
    stage.end_all()
    trigger(stage, 2)
    assert stage.states("2") == {"first": "queued", "a": "none"}
    stage.clear_tasks("a", run_id="1")
    stage.end("first", run_id="2")
    assert stage.states("2") == {"first": "success", "a": "none"}
    stage.end("a", run_id="1")
    assert stage.states("2") == {"first": "success", "a": "queued"}


def test_a_retry_in_the_run_before_is_waited_for(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dependent(retries=1))
    stage.start()
    trigger(stage, 1)
    trigger(stage, 2)
    stage.end("a", "failed", run_id="1")
    assert stage.states("2") == {"a": "none"}
    stage.advance(300)
    stage.end("a", run_id="1")
    assert stage.states("2") == {"a": "queued"}


def test_wait_for_downstream_waits_for_the_next_task_too(stage: Stage) -> None:
    stage.deploy(dependent("a > b > c", wait_for_downstream=True))
    stage.start()
    trigger(stage, 1)
    trigger(stage, 2)
    stage.end("a", run_id="1")
    assert stage.states("2")["a"] == "none"
    stage.end("b", run_id="1")
    assert stage.states("2") == {"a": "queued", "b": "none", "c": "none"}
    stage.end("a", run_id="2")
    assert stage.states("2")["b"] == "none", "c of the run before has not ended"
    stage.end("c", run_id="1")
    assert stage.states("2")["b"] == "queued"


def test_under_catchup_a_manual_run_is_nobodys_past(stage: Stage) -> None:
    stage.deploy(dependent(**daily(catchup=True)))
    stage.start()
    stage.advance(DAY)
    stage.trigger(run_id="by hand", logical_date=START + DAY / 2)
    stage.advance(DAY)
    first, manual, second = (run.run_id for run in stage.runs())
    assert manual == "by hand"
    assert [stage.states(run_id)["a"] for run_id in (first, manual, second)] == ["queued", "none", "none"]
    stage.end("a", run_id=first)
    assert [stage.states(run_id)["a"] for run_id in (first, manual, second)] == ["success", "queued", "queued"]


def test_a_run_put_in_between_holds_the_later_one(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dependent(max_active_tasks=16))
    stage.start()
    trigger(stage, 1)
    trigger(stage, 5)
    trigger(stage, 3)
    stage.end("a", run_id="1")
    assert (stage.states("3"), stage.states("5")) == ({"a": "queued"}, {"a": "none"})
    stage.end("a", run_id="3")
    assert stage.states("5") == {"a": "queued"}


def test_a_run_put_in_between_holds_a_later_one_that_was_free(stage: Stage) -> None:
    stage.deploy(dag(tasks=[task("first", downstream=("a",)), task("a", depends_on_past=True)]))
    stage.start()
    trigger(stage, 1)
    stage.end_all()
    trigger(stage, 5)
    trigger(stage, 3)
    stage.end("first", run_id="5")
    assert stage.states("5") == {"first": "success", "a": "none"}
    stage.end("first", run_id="3")
    stage.end("a", run_id="3")
    assert stage.states("5") == {"first": "success", "a": "queued"}


def test_a_run_that_a_user_ended_or_deleted_is_looked_at_again(stage: Stage) -> None:
    stage.deploy(dependent())
    stage.start()
    trigger(stage, 1)
    trigger(stage, 2)
    stage.mark_run(DagRunState.SUCCESS, "1")
    assert stage.states("1") == {"a": "skipped"}
    assert stage.states("2") == {"a": "queued"}
    trigger(stage, 3)
    stage.mark_run(DagRunState.FAILED, "2")
    stage.step()
    stage.delete_run("2")
    assert stage.states("3") == {"a": "queued"}, "the run before it is now the first one"


def test_a_restart_knows_who_is_held(stage: Stage) -> None:
    stage.deploy(dependent())
    stage.start()
    trigger(stage, 1)
    trigger(stage, 2)
    stage.start()
    assert stage.states("2") == {"a": "none"}
    stage.end("a", run_id="1")
    assert stage.states("2") == {"a": "queued"}
    stage.end("a", run_id="2")
    assert stage.run_states() == ["success", "success"]


def test_a_new_task_has_no_past_unless_it_asks_for_one(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dependent())
    stage.start()
    trigger(stage, 1)
    stage.end_all()
    new = chains("new, lenient", depends_on_past=True)
    lenient = chains("lenient", depends_on_past=True, ignore_first_depends_on_past=True)
    stage.deploy(dag(tasks=[*chains("a", depends_on_past=True), new[0], *lenient]))
    trigger(stage, 2)
    assert stage.states("2") == {"a": "queued", "new": "none", "lenient": "queued"}


@pytest.mark.parametrize("is_catchup", [True, False])
def test_under_catchup_a_task_that_begins_later_asks_no_past(stage: Stage, *, is_catchup: bool) -> None:
    tasks = [task("a", depends_on_past=True), task("b", depends_on_past=True, start_date=START + DAY)]
    stage.deploy(dag(tasks=tasks, **daily(catchup=is_catchup)))
    stage.start()
    stage.advance(DAY)
    stage.end("a", "fail_without_retry")
    stage.end("b", "fail_without_retry")
    stage.advance(DAY)
    second = stage.runs()[1].run_id
    assert stage.states(second) == {"a": "none", "b": "queued" if is_catchup else "none"}
    explained = explain_task_instance(
        stage.database, stage.clock, dag_id="d", run_id=second, task_id="b", parallelism=8
    )
    assert any(blocker.kind == "past" for blocker in explained.blockers) is not is_catchup
