"""Why a task instance is not running, from the rows of the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tradewind.core.limits import BlockerKind as Kind
from tradewind.core.states import DagRunState, RunType
from tradewind.core.states import TaskInstanceState as S
from tradewind.core.transitions import Event
from tradewind.metadata.batch import Batch
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.explaining import explain_task_instance
from tradewind.metadata.pools import PoolStore
from tradewind.serialization.document import TaskDocument

from tests.metadata.conftest import World

DAY_1 = "scheduled__2026-03-01T00:00:00+00:00"
DAY_2 = "scheduled__2026-03-02T00:00:00+00:00"


def tasks(**options: Any) -> tuple[TaskDocument, ...]:
    return (
        TaskDocument(task_id="a", task_type="X", downstream=("b",), retries=3, **options),
        TaskDocument(task_id="b", task_type="X"),
    )


def explained(world: World, task_id: str, run_id: str = DAY_1, parallelism: int = 32) -> Any:
    return explain_task_instance(
        world.database, world.clock, dag_id="etl", run_id=run_id, task_id=task_id, parallelism=parallelism
    )


def kinds(world: World, task_id: str, run_id: str = DAY_1, parallelism: int = 32) -> list[Kind]:
    return [blocker.kind for blocker in explained(world, task_id, run_id, parallelism).blockers]


def schedule(world: World, ti_pk: Any) -> None:
    move = world.move(ti_pk, S.SCHEDULED, Event.SCHEDULE, try_number=1, is_new_try=True)
    assert not world.commit(Batch(transitions=[move])).stale_task_instances


def test_the_upstream_is_named(world: World) -> None:
    world.add_dag("etl", tasks())
    world.start(world.new_run(), ("a", "b"))
    assert kinds(world, "b") == [Kind.TRIGGER_RULE, Kind.UPSTREAM]
    assert kinds(world, "a") == []
    assert explained(world, "a").state is S.NONE


def test_a_queued_run_says_what_keeps_it(world: World) -> None:
    world.add_dag("etl", tasks(), max_active_runs=1)
    first = world.new_run(day=1)
    world.start(first, ("a", "b"))
    world.new_run(day=2)
    assert kinds(world, "a", DAY_2) == [Kind.RUN_NOT_STARTED, Kind.DATE, Kind.MAX_ACTIVE_RUNS]
    world.clock.advance(3 * 24 * 3600)
    found = explained(world, "a", DAY_2)
    assert [blocker.kind for blocker in found.blockers] == [Kind.RUN_NOT_STARTED, Kind.MAX_ACTIVE_RUNS]
    assert found.blockers[1].holders == (first.run_pk,)
    world.dags.set_paused(["etl"], is_paused=True)
    assert Kind.DAG_PAUSED in kinds(world, "a", DAY_2)


def test_a_paused_dag_is_named_for_a_run_under_way(world: World) -> None:
    world.add_dag("etl", tasks())
    world.start(world.new_run(), ("a", "b"))
    world.dags.set_paused(["etl"], is_paused=True)
    assert kinds(world, "a") == [Kind.DAG_PAUSED]


def test_limits_count_what_other_runs_hold(world: World) -> None:
    world.add_dag("etl", tasks(max_active_tis_per_dag=1))
    holder, _ = world.start(world.new_run(day=1), ("a", "b"))
    world.bring(holder, S.RUNNING)
    waiting, _ = world.start(world.new_run(day=2), ("a", "b"))
    schedule(world, waiting)
    [blocker] = explained(world, "a", DAY_2).blockers
    assert (blocker.kind, blocker.holders) == (Kind.MAX_ACTIVE_TIS_PER_DAG, (holder,))
    assert Kind.PARALLELISM in kinds(world, "a", DAY_2, parallelism=1)


def test_pools_are_those_of_the_newest_version(world: World) -> None:
    world.add_dag("etl", tasks(pool="narrow", pool_slots=2))
    first, _ = world.start(world.new_run(), ("a", "b"))
    schedule(world, first)
    assert kinds(world, "a") == [Kind.UNKNOWN_POOL]
    PoolStore(world.database).set("narrow", 1)
    assert kinds(world, "a") == [Kind.POOL_TOO_SMALL]
    PoolStore(world.database).set("narrow", 2)
    assert kinds(world, "a") == []


def test_the_run_before_holds_it_back(world: World) -> None:
    world.add_dag("etl", tasks(depends_on_past=True))
    first, _ = world.start(world.new_run(day=1), ("a", "b"))
    world.start(world.new_run(day=2), ("a", "b"))
    assert kinds(world, "a", DAY_1) == []
    assert kinds(world, "a", DAY_2) == [Kind.PAST]
    world.bring(first, S.SUCCESS)
    assert kinds(world, "a", DAY_2) == []


def test_a_retry_names_its_date(world: World) -> None:
    world.add_dag("etl", tasks())
    first, _ = world.start(world.new_run(), ("a", "b"))
    world.bring(first, S.RUNNING)
    due_at = world.clock.now() + timedelta(seconds=90)
    world.commit(Batch(transitions=[world.move(first, S.UP_FOR_RETRY, Event.RETRY, due_at=due_at)]))
    found = explained(world, "a")
    assert found.blockers[0].kind is Kind.DATE
    assert "in 90 s" in found.summary


def test_an_instance_at_work_and_one_that_ended(world: World) -> None:
    world.add_dag("etl", tasks())
    run = world.new_run()
    first, second = world.start(run, ("a", "b"))
    world.bring(first, S.RUNNING)
    assert explained(world, "a").summary == "Try 1 is running."
    world.bring(second, S.FAILED)
    assert "It failed in try 1" in explained(world, "b").summary
    world.end_run(run, DagRunState.FAILED)
    assert "It failed in try 1" in explained(world, "b").summary


def test_a_task_that_the_dag_has_lost(world: World) -> None:
    world.add_dag("etl", tasks())
    world.start(world.new_run(), ("a", "b"))
    world.add_dag("etl", (TaskDocument(task_id="b", task_type="X"),))
    assert kinds(world, "a") == [Kind.NO_SUCH_TASK]


def test_a_task_that_is_new_in_the_dag(world: World) -> None:
    world.add_dag("etl", (TaskDocument(task_id="b", task_type="X"),))
    world.start(world.new_run(), ("b",))
    world.add_dag("etl", tasks())
    assert explained(world, "a").state is S.NONE


def test_a_mapped_task_is_asked_for_by_map_index(world: World) -> None:
    over: dict[str, Any] = {"is_mapped": True, "expansion": {"literal": 3}}
    world.add_dag("etl", (TaskDocument(task_id="b", task_type="X", **over),))
    world.new_run()
    ask = {"dag_id": "etl", "run_id": DAY_1, "task_id": "b", "parallelism": 1}
    assert explain_task_instance(world.database, world.clock, map_index=2, **ask).state is S.NONE
    for map_index in (-1, 3):
        with pytest.raises(NotFoundError, match="the task is mapped, give a map index from 0 to 2"):
            explain_task_instance(world.database, world.clock, map_index=map_index, **ask)


def test_what_is_not_there_is_named(world: World) -> None:
    with pytest.raises(NotFoundError, match="no DAG 'etl'"):
        explained(world, "a")
    world.add_dag("etl", tasks())
    with pytest.raises(NotFoundError, match="has no run"):
        explained(world, "a")
    world.new_run(run_type=RunType.SCHEDULED)
    with pytest.raises(NotFoundError, match="no task instance 'z'"):
        explained(world, "z")
    with pytest.raises(NotFoundError, match="with map index 2"):
        explain_task_instance(
            world.database, world.clock, dag_id="etl", run_id=DAY_1, task_id="a", map_index=2, parallelism=1
        )
