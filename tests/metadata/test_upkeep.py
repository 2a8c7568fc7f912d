"""Pruning and heartbeats."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tradewind.core.states import RunType
from tradewind.metadata import tables
from tradewind.metadata.errors import InvalidRequestError
from tradewind.metadata.jobs import JobStore
from tradewind.metadata.prune import Pruned, WhichDags, prune
from tradewind.metadata.runs import list_runs, list_task_instances
from tradewind.serialization.document import DagDocument, TaskDocument

from tests.metadata.conftest import NOON, World


def ended_runs(world: World, *days: int, run_type: RunType = RunType.SCHEDULED) -> list[str]:
    runs = [world.new_run(day=day, run_type=run_type) for day in days]
    for run in runs:
        world.start(run, ("a", "b"))
        world.end_run(run)
    return [run.run_id for run in runs]


def run_ids(world: World) -> list[str]:
    return [run.run_id for run in list_runs(world.database)[0]]


def test_old_runs_go_and_the_newest_of_each_kind_stay(world: World) -> None:
    world.add_dag("etl", (TaskDocument(task_id="a", task_type="X"),))
    scheduled = ended_runs(world, 1, 2, 3)
    manual = ended_runs(world, 4, 5, run_type=RunType.MANUAL)
    later = NOON + timedelta(seconds=1)
    assert list(prune(world.database, before=NOON)) == [
        Pruned(name, 0) for name in ("dag_run", "asset_event", "log", "job", "dag_version", "task_state")
    ]
    assert list(prune(world.database, before=later, tables=["dag_run"], dry_run=True)) == [Pruned("dag_run", 3)]
    assert len(run_ids(world)) == 5
    assert list(prune(world.database, before=later, tables=["dag_run"], batch_size=2)) == [
        Pruned("dag_run", 2),
        Pruned("dag_run", 3),
    ]
    assert run_ids(world) == [scheduled[2], manual[1]]
    assert len(list_task_instances(world.database)[0]) == 4


def test_a_run_under_way_stays(world: World) -> None:
    world.add_dag("etl")
    for day in (1, 2, 3):
        world.start(world.new_run(day=day), ("a",))
    list(prune(world.database, before=NOON + timedelta(days=99)))
    assert len(run_ids(world)) == 3


def test_versions_that_nothing_refers_to_go_with_their_source(world: World) -> None:
    for number in range(3):
        document = world.file(DagDocument(dag_id="etl", description=str(number)), source=f"code {number}")
        world.dags.store_file(document, is_paused_by_default=False)
        if number == 1:
            ended_runs(world, 1)
    assert [v.number for v in world.dags.list_versions("etl")] == [3, 2, 1]
    list(prune(world.database, before=NOON + timedelta(seconds=1), tables=["dag_version"]))
    assert [v.number for v in world.dags.list_versions("etl")] == [3, 2]
    with world.database.read() as connection:
        sources = connection.execute(sa.select(tables.dag_source.c.source)).scalars()
        assert sorted(sources) == ["code 1", "code 2"]


def test_log_and_jobs_are_pruned_by_their_dates(world: World) -> None:
    jobs = JobStore(world.database, world.clock)
    jobs.start("scheduler", "host", 1)
    with world.database.begin() as connection:
        connection.execute(tables.audit_log.insert(), {"at": NOON, "event": "paused"})
    world.clock.advance(60)
    jobs.start("scheduler", "host", 2)
    found = {pruned.table: pruned.rows for pruned in prune(world.database, before=world.clock.now())}
    assert found == {"dag_run": 0, "asset_event": 0, "log": 1, "job": 1, "dag_version": 0, "task_state": 0}
    assert jobs.newest()["scheduler"].pid == 2


def test_only_known_tables_are_pruned(world: World) -> None:
    with pytest.raises(InvalidRequestError, match="cannot prune variable"):
        prune(world.database, before=NOON, tables=["variable", "log"])


def test_health_is_that_of_the_process_heard_of_last(world: World) -> None:
    jobs = JobStore(world.database, world.clock)
    first = jobs.start("scheduler", "host", 1)
    processor = jobs.start("dag_processor", "host", 2)
    world.clock.advance(10)
    jobs.beat(first)
    second = jobs.start("scheduler", "host", 3)
    jobs.end(second)
    newest = jobs.newest()
    assert (newest["scheduler"].job_pk, newest["dag_processor"].job_pk) == (first, processor)
    now = world.clock.advance(30)
    assert newest["scheduler"].is_healthy(now, 30)
    assert not newest["dag_processor"].is_healthy(now, 30)
    jobs.end(first)
    assert not jobs.newest()["scheduler"].is_healthy(now, 30)
    assert jobs.newest()["scheduler"].ended_at == now


def test_pruning_may_be_limited_to_dags(world: World) -> None:
    for dag_id in ("one", "other"):
        world.add_dag(dag_id)
        for day in (1, 2, 3):
            run = world.new_run(dag_id, day)
            world.start(run, ())
            world.end_run(run)
    later = NOON + timedelta(days=99)

    def counted(**fields: list[str]) -> dict[str, int]:
        steps = prune(world.database, before=later, dry_run=True, which=WhichDags(**fields))
        return {step.table: step.rows for step in steps}

    assert counted(dag_ids=["one"]) == {"dag_run": 2, "log": 0, "dag_version": 0}
    assert counted(exclude_dag_ids=["one"]) == {"dag_run": 2, "log": 0, "dag_version": 0}
    assert counted(dag_ids=["one", "other"], exclude_dag_ids=["one"])["dag_run"] == 2
    list(prune(world.database, before=later, which=WhichDags(dag_ids=["one"])))
    runs, _ = list_runs(world.database)
    assert sorted(run.dag_id for run in runs) == ["one", "other", "other", "other"]
