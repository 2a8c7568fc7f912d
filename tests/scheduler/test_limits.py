"""Limits and priorities, seen through the loop: what the executor has at any moment, and in which order it got it."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.core.states import DagRunState
from tradewind.serialization.document import TaskDocument

from tests.scheduler.stage import START, Stage, dag, task

WIDE = tuple(f"t{index}" for index in range(6))


def wide(**fields: Any) -> list[TaskDocument]:
    """Return six tasks that could all run at once."""
    return [task(name, **fields) for name in WIDE]


def drain(stage: Stage) -> list[int]:
    """Let tries end one after the other; return how many were open each time."""
    seen: list[int] = []
    while stage.executor.tries:
        seen.append(len(stage.executor.tries))
        order = next(iter(stage.executor.tries.values()))
        stage.executor.end(order)
        stage.step()
        stage.check_caches()
    return seen


def test_parallelism(stage: Stage) -> None:
    stage.options["parallelism"] = 4
    stage.deploy(dag(tasks=wide()))
    stage.start()
    stage.trigger()
    assert drain(stage) == [4, 4, 4, 3, 2, 1]
    assert stage.state() == "success"


def test_max_active_tasks_counts_each_run(sqlite_stage: Stage) -> None:
    sqlite_stage.deploy(dag(tasks=wide(), max_active_tasks=2))
    sqlite_stage.start()
    sqlite_stage.trigger()
    sqlite_stage.trigger()
    while sqlite_stage.executor.tries:
        left = {run_id: list(sqlite_stage.states(run_id).values()).count("success") for run_id in ("r1", "r2")}
        for run_id, done in left.items():
            assert len(sqlite_stage.tries(run_id)) == min(2, 6 - done)
        sqlite_stage.end(sqlite_stage.tries()[0])
    assert sqlite_stage.run_states() == ["success", "success"]


def test_a_pool_and_its_size(stage: Stage) -> None:
    stage.pools.set("small", 3)
    stage.deploy(dag(tasks=[*wide(pool="small"), task("big", pool="small", pool_slots=3), task("free")]))
    stage.start()
    stage.trigger()
    assert stage.tries() == ["t0", "t1", "t2", "free"]
    with stage.heard():
        stage.pools.set("small", 4)
    assert stage.tries() == ["t0", "t1", "t2", "free", "t3"]
    with stage.heard():
        stage.pools.set("small", 1)
    for name in ("t0", "t1"):
        stage.end(name)
    assert stage.tries() == ["t2", "free", "t3"], "those that hold slots keep them"
    stage.end("t2")
    stage.end("t3")
    assert stage.tries() == ["free", "t4"]
    with stage.heard():
        stage.pools.set("small", -1)
    assert stage.tries() == ["free", "t4", "t5", "big"]
    stage.end_all()
    assert stage.state() == "success"


def test_a_pool_that_does_not_exist_lets_nobody_in_until_it_does(sqlite_stage: Stage) -> None:
    sqlite_stage.deploy(dag(tasks=[task("a", pool="missing")]))
    sqlite_stage.start()
    sqlite_stage.trigger()
    assert sqlite_stage.states() == {"a": "scheduled"}
    with sqlite_stage.heard():
        sqlite_stage.pools.set("missing", 1)
    assert sqlite_stage.tries() == ["a"]


def test_limits_of_a_task_over_all_runs_and_in_one(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(tasks=[task("alone", max_active_tis_per_dag=1), task("own", max_active_tis_per_dagrun=1)]))
    stage.start()
    for _ in range(3):
        stage.trigger()
    assert sorted(stage.tries()) == ["alone", "own", "own", "own"]
    assert [order.dag_run.run_id for order in stage.executor.tries.values() if order.task_id == "alone"] == ["r1"]
    stage.end("alone", "failed")
    assert [order.dag_run.run_id for order in stage.executor.tries.values() if order.task_id == "alone"] == ["r2"]
    stage.end_all()
    stage.check_caches()


@pytest.mark.parametrize("end", ["success", "failed", "skipped", "reschedule", "lost", "lost before"])
def test_every_end_gives_the_slot_back(sqlite_stage: Stage, end: str) -> None:
    stage = sqlite_stage
    stage.options["parallelism"] = 1
    stage.deploy(dag(tasks=[task("a", priority_weight=2, retries=1), task("b")]))
    stage.start()
    stage.trigger()
    order = stage.order("a")
    if end == "lost":
        stage.executor.lose(order, was_started=True)
    elif end == "lost before":
        stage.executor.lose(order, was_started=False)
    else:
        stage.executor.end(order, end, reschedule_at=stage.clock.now() + (START - START))
    stage.step()
    stage.check_caches()
    assert len(stage.executor.tries) == 1
    assert stage.tries() == (["a"] if end == "lost before" else ["b"])


def test_the_higher_priority_and_then_the_older_run_goes_first(stage: Stage) -> None:
    stage.options["parallelism"] = 1
    tasks = [task("low"), task("high", priority_weight=5), task("root", downstream=("x", "y")), task("x"), task("y")]
    stage.deploy(dag(tasks=tasks))
    stage.start()
    stage.trigger(run_id="younger", logical_date=START.replace(day=3))
    assert stage.tries() == ["high"]
    stage.trigger(run_id="older", logical_date=START.replace(day=2))
    seen = []
    while stage.executor.tries:
        (order,) = stage.executor.tries.values()
        seen.append((order.task_id, order.dag_run.run_id))
        stage.end(order.task_id)
    assert seen[:4] == [("high", "younger"), ("high", "older"), ("root", "older"), ("root", "younger")]
    assert seen[4:7] == [("low", "older"), ("x", "older"), ("y", "older")]
    assert {name for _, name in seen[7:]} == {"younger"}


def test_freed_slots_of_a_run_that_a_user_ended_are_given_out_at_once(stage: Stage) -> None:
    stage.options["parallelism"] = 1
    stage.deploy(dag("d"), dag("e"))
    stage.start()
    stage.trigger("d")
    stage.trigger("e")
    assert [order.dag_id for order in stage.executor.tries.values()] == ["d"]
    stage.mark_run(DagRunState.FAILED)
    assert [order.dag_id for order in stage.executor.tries.values()] == ["d", "e"]
    assert len(stage.executor.kills) == 1


def test_a_dag_that_is_paused_holds_nobody_else_up(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.options["parallelism"] = 1
    stage.deploy(dag("d", "a > b"), dag("e"))
    stage.start()
    stage.trigger("d")
    stage.trigger("e")
    stage.pause("d")
    stage.end("a", dag_id="d")
    assert [order.dag_id for order in stage.executor.tries.values()] == ["e"]
