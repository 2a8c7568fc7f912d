"""One batch, one transaction: what it writes, what it leaves out, and that it is all or nothing."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tradewind.core.ids import DagRunPk, TaskInstancePk, task_instance_pk
from tradewind.core.states import DagRunState, RunType
from tradewind.core.transitions import Event
from tradewind.metadata import tables
from tradewind.metadata.batch import (
    Batch,
    CallbackRequest,
    DagSchedule,
    LeaseLostError,
    NewRun,
    RenderedWrite,
    RunEnd,
    RunStart,
    TaskTransition,
    XComWrite,
)
from tradewind.metadata.database import Database
from tradewind.metadata.runs import get_run, list_events, list_tries
from tradewind.metadata.scheduling import runner as runner_module

from tests.metadata.conftest import NOON, S, World, new_instance


def snapshot(database: Database) -> dict[str, list[tuple]]:
    """Return every row of every table."""
    with database.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=str)
            for table in tables.metadata.sorted_tables
        }


def xcoms(database: Database) -> dict[tuple[int, str], bytes]:
    with database.read() as connection:
        return {(row.ti_pk, row.key): row.value for row in connection.execute(sa.select(tables.xcom))}


def enqueue(ti_pk: TaskInstancePk, version: int = 0, **options: Any) -> TaskTransition:
    values: dict[str, Any] = {"is_new_try": True, "scheduled_at": NOON, "queued_at": NOON, "try_number": 1} | options
    events = (Event.SCHEDULE, Event.ENQUEUE)
    return TaskTransition(ti_pk, S.NONE, version, S.QUEUED, version + 2, events, NOON, **values)


def test_a_run_starts_with_its_instances_and_they_move_in_the_same_batch(world: World) -> None:
    world.add_dag()
    run = world.new_run()
    new = [new_instance(run.run_pk, slot, name) for slot, name in enumerate("ab")]
    start = RunStart(run.run_pk, "etl", run.run_id, NOON, 1, new)
    result = world.commit(Batch(run_starts=[start], transitions=[enqueue(new[0].ti_pk)]))
    assert (result.stale_runs, result.stale_task_instances) == ([], [])
    found = get_run(world.database, "etl", run.run_id)
    assert (found.state, found.started_at, found.dag_version_pk) == (DagRunState.RUNNING, NOON, 1)
    first, second = world.store.load_task_instances(run.run_pk)
    assert (first.state, first.version, first.try_number, first.queued_at) == (S.QUEUED, 2, 1, NOON)
    assert (second.task_id, second.state, second.version, second.try_number) == ("b", S.NONE, 0, 0)
    events = list_events(world.database, first.ti_pk)
    assert [(e.version, e.event, e.at) for e in events] == [(1, "schedule", NOON), (2, "enqueue", NOON)]


def test_a_time_left_out_stays_and_a_new_try_clears_it(world: World) -> None:
    _, (ti, *_) = world.started_run()
    world.bring(ti, S.UP_FOR_RETRY)
    before = world.instance(ti)
    assert (before.started_at, before.ended_at, before.pid, before.hostname) == (NOON, NOON, 7, "host")
    again = world.move(ti, S.SCHEDULED, Event.SCHEDULE, try_number=2, is_new_try=True, archives_try=True)
    world.commit(Batch(transitions=[again]))
    after = world.instance(ti)
    assert (after.queued_at, after.started_at, after.ended_at, after.pid, after.hostname) == (None,) * 5
    tries = list_tries(world.database, ti)
    assert [(t.try_number, t.state, t.started_at) for t in tries] == [(1, S.FAILED, NOON), (2, S.SCHEDULED, None)]


def test_due_date_is_written_as_given(world: World) -> None:
    _, (ti, *_) = world.started_run()
    world.bring(ti, S.RUNNING)
    due = NOON + timedelta(minutes=5)
    world.commit(Batch(transitions=[world.move(ti, S.UP_FOR_RETRY, Event.RETRY, due_at=due, note="broken")]))
    assert (world.instance(ti).due_at, world.instance(ti).note) == (due, "broken")
    world.commit(Batch(transitions=[world.move(ti, S.SCHEDULED, Event.SCHEDULE)]))
    assert (world.instance(ti).due_at, world.instance(ti).note) == (None, "broken")


def test_a_stale_row_is_left_out_with_all_that_belongs_to_it(world: World) -> None:
    run, (a, b, c) = world.started_run()
    world.bring(a, S.RUNNING)
    world.bring(b, S.RUNNING)
    good = world.move(a, S.SUCCESS, Event.SUCCEED)
    wrong_version = world.move(b, S.SUCCESS, Event.SUCCEED)
    wrong_version.expected_version += 1
    wrong_state = enqueue(c)
    wrong_state.expected = S.RUNNING
    requests = [CallbackRequest(run.run_pk, "etl", run.run_id, "on_success_callback", "", name) for name in "ab"]
    result = world.commit(
        Batch(
            transitions=[good, wrong_version, wrong_state],
            xcoms=[XComWrite(a, "k", b"1"), XComWrite(b, "k", b"2")],
            rendered=[RenderedWrite(a, b"{}"), RenderedWrite(b, b"{}")],
            callbacks=requests,
        ),
    )
    assert result.stale_task_instances == [b, c]
    assert [row.request.task_id for row in result.created_callbacks] == ["a"]
    assert [world.instance(ti).state for ti in (a, b, c)] == [S.SUCCESS, S.RUNNING, S.NONE]
    assert [len(list_events(world.database, ti)) for ti in (a, b, c)] == [4, 3, 0]
    assert xcoms(world.database) == {(a, "k"): b"1"}
    found = snapshot(world.database)
    assert [row[0] for row in found["rendered_fields"]] == [a]
    assert [row[6] for row in found["callback_request"]] == ["a"]


def test_a_stale_transition_archives_nothing(world: World) -> None:
    _, (ti, *_) = world.started_run()
    world.bring(ti, S.UP_FOR_RETRY)
    again = world.move(ti, S.SCHEDULED, Event.SCHEDULE, try_number=2, is_new_try=True, archives_try=True)
    again.expected_version -= 1
    assert world.commit(Batch(transitions=[again])).stale_task_instances == [ti]
    assert snapshot(world.database)["task_instance_history"] == []


def test_of_two_transitions_of_one_instance_the_second_is_stale(world: World) -> None:
    _, (ti, *_) = world.started_run()
    result = world.commit(Batch(transitions=[enqueue(ti), enqueue(ti)]))
    assert result.stale_task_instances == [ti]
    assert world.instance(ti).version == 2


def test_an_instance_that_is_not_there_is_stale(world: World) -> None:
    world.add_dag()
    missing = task_instance_pk(DagRunPk(77), 3)
    assert world.commit(Batch(transitions=[enqueue(missing)])).stale_task_instances == [missing]


def test_runs_that_are_not_as_known_are_stale(world: World) -> None:
    world.add_dag()
    queued, running = world.new_run(day=1), world.new_run(day=2)
    world.start(running)
    requests = [CallbackRequest(run.run_pk, "etl", run.run_id, "on_success_callback", "") for run in (queued, running)]
    again = RunStart(running.run_pk, "etl", running.run_id, NOON, 1, [new_instance(running.run_pk, 9, "z")])
    result = world.commit(
        Batch(run_starts=[again], run_ends=[RunEnd(queued.run_pk, DagRunState.SUCCESS, NOON)], callbacks=requests),
    )
    assert sorted(result.stale_runs) == sorted([queued.run_pk, running.run_pk])
    assert result.created_callbacks == []
    assert len(world.store.load_task_instances(running.run_pk)) == 3


def test_a_run_of_another_version_is_neither_started_nor_ended(world: World) -> None:
    world.add_dag()
    first, second = world.new_run(day=1), world.new_run(day=2)
    world.start(first)
    stale = Batch(
        run_starts=[RunStart(second.run_pk, "etl", second.run_id, NOON, 1, [], expected_version=4)],
        run_ends=[RunEnd(first.run_pk, DagRunState.FAILED, NOON, expected_version=4)],
    )
    assert sorted(world.commit(stale).stale_runs) == [first.run_pk, second.run_pk]
    fresh = Batch(
        run_starts=[RunStart(second.run_pk, "etl", second.run_id, NOON, 1, [], expected_version=second.version)],
        run_ends=[RunEnd(first.run_pk, DagRunState.FAILED, NOON, expected_version=first.version)],
    )
    assert world.commit(fresh).stale_runs == []
    states = {run.run_pk: run.state for run in world.store.load_runs([first.run_pk, second.run_pk])}
    assert states == {first.run_pk: DagRunState.FAILED, second.run_pk: DagRunState.RUNNING}


def test_a_new_run_is_made_once(world: World) -> None:
    world.add_dag()
    run = world.new_run()
    same_id = NewRun("etl", run.run_id, RunType.SCHEDULED, NOON, None, None, None)
    same_date = NewRun("etl", "other", RunType.SCHEDULED, NOON, run.logical_date, None, None)
    of_no_dag = NewRun("gone", "other", RunType.SCHEDULED, NOON, None, None, None)
    fresh = NewRun("etl", "fresh", RunType.MANUAL, NOON, None, None, None, conf={"é": [1, None]}, triggered_by="ui")
    made = world.commit(Batch(new_runs=[same_id, same_date, of_no_dag, fresh])).created_runs
    assert [row.run_id for row in made] == ["fresh"]
    assert world.store.load_runs([made[0].run_pk]) == made
    assert (made[0].conf, made[0].triggered_by) == ({"é": [1, None]}, "ui")


def test_an_xcom_replaces_the_one_before_and_a_new_try_deletes_them(world: World) -> None:
    _, (ti, other, _) = world.started_run()
    world.commit(Batch(xcoms=[XComWrite(ti, "k", b"1"), XComWrite(ti, "k", b"2"), XComWrite(other, "k", b"3")]))
    world.commit(Batch(xcoms=[XComWrite(other, "k", b"4")]))
    assert xcoms(world.database) == {(ti, "k"): b"2", (other, "k"): b"4"}
    world.bring(ti, S.UP_FOR_RETRY)
    assert (ti, "k") in xcoms(world.database)
    world.bring(ti, S.QUEUED)
    assert xcoms(world.database) == {(other, "k"): b"4"}


def test_a_dead_scheduler_can_write_nothing(world: World) -> None:
    _, (ti, *_) = world.started_run()
    batch = Batch(transitions=[enqueue(ti)], xcoms=[XComWrite(ti, "k", b"1")])
    world.clock.advance(31)
    assert world.store.acquire_lease("second", 30, world.clock.now()) == world.epoch + 1
    before = snapshot(world.database)
    with pytest.raises(LeaseLostError, match="epoch"):
        world.commit(batch)
    assert snapshot(world.database) == before
    world.epoch += 1
    assert world.commit(batch).stale_task_instances == []


def test_instances_are_added_to_a_run_under_way(world: World) -> None:
    run, _ = world.started_run()
    gone = DagRunPk(99)
    added = [(run.run_pk, new_instance(run.run_pk, 3, "d")), (gone, new_instance(gone, 0, "x"))]
    assert world.commit(Batch(new_task_instances=added)).stale_runs == [gone]
    assert [row.task_id for row in world.store.load_task_instances(run.run_pk)] == ["a", "b", "c", "d"]
    assert world.store.load_task_instances(gone) == []


def test_schedules_and_callbacks_are_kept_until_done(world: World) -> None:
    run, _ = world.started_run()
    request = CallbackRequest(run.run_pk, "etl", run.run_id, "on_failure_callback", "timed out", "a", 3, 2)
    schedule = DagSchedule("etl", NOON, NOON - timedelta(days=1), None)
    made = world.commit(Batch(callbacks=[request, request], schedules=[schedule])).created_callbacks
    assert [row.request for row in made] == [request, request]
    assert world.store.load_callbacks() == made
    found = world.dags.get_dag("etl")
    assert (found.next_run_after, found.next_interval_start, found.next_interval_end) == (
        NOON,
        NOON - timedelta(days=1),
        None,
    )
    world.commit(Batch(callbacks_done=[row.callback_pk for row in made]))
    assert world.store.load_callbacks() == []


def whole_batch(world: World) -> Batch:
    """Return a batch that uses every kind of statement."""
    run, (a, b, _) = world.started_run()
    queued = world.new_run(day=2)
    world.bring(a, S.UP_FOR_RETRY)
    world.bring(b, S.RUNNING)
    pk = world.commit(Batch(callbacks=[CallbackRequest(run.run_pk, "etl", run.run_id, "x", "")])).created_callbacks[0]
    again = world.move(a, S.SCHEDULED, Event.SCHEDULE, try_number=2, is_new_try=True, archives_try=True)
    start = RunStart(queued.run_pk, "etl", queued.run_id, NOON, 1, [new_instance(queued.run_pk, 0, "a")])
    return Batch(
        transitions=[again, world.move(b, S.SUCCESS, Event.SUCCEED)],
        run_starts=[start],
        run_ends=[RunEnd(run.run_pk, DagRunState.SUCCESS, NOON)],
        new_runs=[NewRun("etl", "new", RunType.MANUAL, NOON, None, None, None)],
        schedules=[DagSchedule("etl", NOON, None, None)],
        new_task_instances=[(run.run_pk, new_instance(run.run_pk, 8, "late"))],
        xcoms=[XComWrite(b, "k", b"1")],
        rendered=[RenderedWrite(b, b"{}")],
        callbacks=[CallbackRequest(run.run_pk, "etl", run.run_id, "y", "")],
        callbacks_done=[pk.callback_pk],
    )


def test_a_batch_is_written_whole_or_not_at_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = whole_batch(world)
    before = snapshot(world.database)
    kind: Any = runner_module.PostgresRunner if world.database.is_postgres else runner_module.SqliteRunner
    calls = 0
    fails_at = 0

    class Broken(kind):
        def _count(self) -> None:
            nonlocal calls
            calls += 1
            if calls == fails_at:
                raise ZeroDivisionError

        def many(self, *args: Any) -> None:
            super().many(*args)
            self._count()

        def guarded(self, *args: Any) -> None:
            super().guarded(*args)
            self._count()

        def one(self, *args: Any) -> Any:
            found = super().one(*args)
            self._count()
            return found

    monkeypatch.setattr(world.store, "_runner", Broken)
    while True:
        fails_at, calls = fails_at + 1, 0
        try:
            result = world.commit(batch)
        except ZeroDivisionError:
            assert snapshot(world.database) == before
        else:
            break
    assert fails_at == 16  # one more than the statements that a whole batch takes
    assert (result.stale_runs, result.stale_task_instances) == ([], [])
    assert snapshot(world.database) != before


CRASH = """
import os, pickle, sys
from tradewind.core.clock import SystemClock
from tradewind.metadata.database import Database
from tradewind.metadata.scheduling import SchedulerStore, writer
url, epoch = sys.argv[1], int(sys.argv[2])
batch = pickle.load(sys.stdin.buffer)
write = writer.BatchWriter.write
def killed(self, *args):
    write(self, *args)
    os.kill(os.getpid(), 9)
writer.BatchWriter.write = killed
SchedulerStore(Database.open(url), SystemClock()).commit(batch, epoch=epoch)
"""


def test_a_scheduler_killed_before_its_commit_leaves_nothing(world: World, migrated_url: str) -> None:
    import pickle

    batch = whole_batch(world)
    before = snapshot(world.database)
    command = [sys.executable, "-c", CRASH, migrated_url, str(world.epoch)]
    assert subprocess.run(command, input=pickle.dumps(batch), check=False).returncode == -9
    assert snapshot(world.database) == before
    assert world.commit(batch).stale_task_instances == []


def test_a_batch_that_is_sent_again_changes_nothing_and_says_so(world: World) -> None:
    """As when the answer to a commit was lost."""
    batch = whole_batch(world)
    world.commit(batch)
    after = snapshot(world.database)
    batch.new_task_instances = []
    result = world.commit(batch)
    assert result.stale_task_instances == [t.ti_pk for t in batch.transitions]
    assert len(result.stale_runs) == 2
    changed = {name for name, rows in snapshot(world.database).items() if rows != after[name]}
    assert changed == set()


def test_a_state_nobody_knows_is_refused_by_the_database(world: World) -> None:
    _, (ti, *_) = world.started_run()
    with pytest.raises(IntegrityError), world.database.begin() as connection:
        connection.execute(sa.update(tables.task_instance).values(state="lost").where(tables.task_instance.c.pk == ti))
