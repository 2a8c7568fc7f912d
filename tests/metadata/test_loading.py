"""The lease, and what the scheduler reads."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from tradewind.core.states import DagRunState, RunType
from tradewind.metadata.batch import Batch, LeaseLostError, NewRun, PoolRow
from tradewind.metadata.database import Database
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.pools import PoolStore
from tradewind.metadata.scheduling import SchedulerStore

from tests.metadata.conftest import NOON, S, World, new_instance


def test_one_owner_at_a_time_each_with_a_higher_epoch(world: World) -> None:
    now, second = world.clock.now(), SchedulerStore(world.database, world.clock)
    assert second.acquire_lease("second", 30, now) is None
    assert second.read_lease().owner == "first"
    world.store.renew_lease(now + timedelta(seconds=20))
    assert second.acquire_lease("second", 30, now + timedelta(seconds=49)) is None
    assert second.acquire_lease("second", 30, now + timedelta(seconds=50)) == world.epoch + 1
    with pytest.raises(LeaseLostError):
        world.store.renew_lease(now)
    world.store.release_lease()
    assert world.store.read_lease().owner == "second"
    second.release_lease()
    assert second.read_lease().owner is None
    assert world.store.acquire_lease("first", 30, now) == world.epoch + 2


def test_the_lease_of_a_process_known_dead_is_free(world: World) -> None:
    second = SchedulerStore(world.database, world.clock)
    assert second.acquire_lease("second", 30, NOON, dead_owner="somebody") is None
    assert second.acquire_lease("second", 30, NOON, dead_owner="first") == world.epoch + 1


def test_only_dags_that_are_present_are_loaded(world: World) -> None:
    world.add_dag("a")
    world.add_dag("b")
    world.dags.remove_files(["/dags/b.py"])
    (row,) = world.store.load_dags()
    assert (row.dag_id, row.is_paused, row.folder, row.path, row.fingerprint) == (
        "a",
        False,
        "/dags",
        "/dags/a.py",
        "f1",
    )
    assert world.store.load_document(row.version_pk) == row.document
    assert (row.last_interval_start, row.last_interval_end, row.last_run_after) == (None, None, None)
    assert world.store.load_dags(["b"]) == []
    with pytest.raises(NotFoundError):
        world.store.load_document(99)


def test_a_timetable_goes_on_after_the_newest_scheduled_run(world: World) -> None:
    world.add_dag()
    world.new_run(day=2)
    last = world.new_run(day=4)
    world.new_run(day=3)
    world.new_run(day=9, run_type=RunType.MANUAL)
    (row,) = world.store.load_dags(["etl"])
    assert row.last_interval_start == last.data_interval_start
    assert row.last_interval_end == last.data_interval_end
    assert row.last_run_after == last.run_after


def test_runs_are_loaded_by_state_and_number(world: World) -> None:
    world.add_dag()
    first, second, third = (world.new_run(day=day) for day in (1, 2, 3))
    world.start(first)
    world.start(second)
    world.end_run(second)
    assert [run.run_pk for run in world.store.load_unfinished_runs()] == [first.run_pk, third.run_pk]
    assert [run.run_pk for run in world.store.load_queued_runs()] == [third.run_pk]
    assert world.store.load_queued_runs(after_pk=third.run_pk) == []
    assert world.store.load_runs([second.run_pk, 99])[0].state is DagRunState.SUCCESS
    assert world.store.load_queued_runs() == [third]


def test_pools_are_loaded(world: World) -> None:
    PoolStore(world.database).set("small", 2, include_deferred=True)
    expected = [PoolRow("default_pool", 128, include_deferred=False), PoolRow("small", 2, include_deferred=True)]
    assert world.store.load_pools() == expected


def test_states_of_the_run_before(world: World) -> None:
    first, (a, *_) = world.started_run(("a", "old"), day=1)
    world.bring(a, S.SUCCESS)
    second = world.new_run(day=2)
    (a2, _) = world.start(second, ("a", "b"))
    world.bring(a2, S.FAILED)
    manual = world.new_run(day=3, run_type=RunType.MANUAL)
    world.start(manual, ("a",))
    ask = world.store.previous_task_states
    date = NOON.replace(day=4, hour=0)
    assert ask("etl", date, ["a"]) == {"a": [S.NONE]}
    assert ask("etl", date, ["a", "b", "old", "new"], scheduled_only=True) == {
        "a": [S.FAILED],
        "b": [S.NONE],
        "old": [],
    }
    assert ask("etl", second.logical_date or NOON, ["a"]) == {"a": [S.SUCCESS]}
    assert ask("etl", first.logical_date or NOON, ["a"]) is None
    assert ask("other", date, ["a"]) is None


def test_mapped_instances_of_the_run_before_are_all_told(world: World) -> None:
    run, _ = world.started_run(("a",), day=1)
    mapped = [new_instance(run.run_pk, 5 + index, "m") for index in range(3)]
    for index, instance in enumerate(mapped):
        instance.map_index = index
    world.commit(Batch(new_task_instances=[(run.run_pk, instance) for instance in mapped]))
    assert world.store.previous_task_states("etl", NOON.replace(day=9), ["m"]) == {"m": [S.NONE] * 3}


def test_failures_in_a_row_end_at_any_other_run(world: World) -> None:
    world.add_dag()
    ends = [DagRunState.FAILED, DagRunState.SUCCESS, DagRunState.FAILED, DagRunState.FAILED]
    for day, state in enumerate(ends, 1):
        run = world.new_run(day=day)
        world.start(run, ("a",))
        world.end_run(run, state)
    assert world.store.count_consecutive_failures("etl") == 2
    world.new_run(day=20)
    assert world.store.count_consecutive_failures("etl") == 0
    assert world.store.count_consecutive_failures("other") == 0


def test_dates_come_back_as_the_same_instant_in_utc(database: Database) -> None:
    world = World(database)
    world.add_dag()
    odd = NOON.replace(microsecond=7).astimezone(timezone_of(5))
    new = NewRun("etl", "odd", RunType.MANUAL, odd, odd, odd, None)
    world.commit(Batch(new_runs=[new]))
    (run,) = world.store.load_queued_runs()
    assert (run.logical_date, run.run_after, run.data_interval_end) == (odd, odd, None)
    assert run.logical_date is not None
    assert run.logical_date.tzinfo is NOON.tzinfo


def timezone_of(hours: int) -> timezone:
    return timezone(timedelta(hours=hours))
