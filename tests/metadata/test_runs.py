"""Runs as people create, read, clear, mark and delete them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tradewind.core.states import DagRunState, RunType
from tradewind.core.transitions import Event
from tradewind.metadata import tables
from tradewind.metadata.batch import Batch, CallbackRequest, RenderedWrite, RunEnd, RunRow, XComWrite
from tradewind.metadata.doorbell import Ring, listen
from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError, NotFoundError
from tradewind.metadata.listing import Page
from tradewind.metadata.runs import (
    RunFilter,
    RunRequest,
    TaskInstanceFilter,
    clear_task_instances,
    count_task_instances,
    create_manual_run,
    delete_dag,
    delete_run,
    get_rendered_fields,
    get_run,
    get_task_instance,
    list_events,
    list_runs,
    list_task_instances,
    list_tries,
    mark_run,
    mark_task_instances,
)
from tradewind.serialization.document import TaskDocument

from tests.metadata.conftest import NOON, S, World, hear

ALL = TaskInstanceFilter()
FIRST = Page()


def states(world: World) -> dict[str, S]:
    return {row.task_id: row.state for row in list_task_instances(world.database)[0]}


def chain(world: World, *task_ids: str, teardown: str = "") -> list[Any]:
    """Add DAG etl, its tasks one after the other, and a run that has started; return run and instances."""
    tasks = tuple(
        TaskDocument(task_id=name, task_type="X", retries=2, downstream=after, is_teardown=name == teardown)
        for name, after in zip(task_ids, [*[(name,) for name in task_ids[1:]], ()], strict=True)
    )
    world.add_dag("etl", tasks)
    run = world.new_run()
    return [run, *world.start(run, task_ids)]


# --- Creating -----------------------------------------------------------------------------------------------------------


def test_a_manual_run_is_queued_and_rings(world: World) -> None:
    world.add_dag()
    listener = listen(world.database)
    try:
        made = create_manual_run(
            world.database,
            world.clock,
            RunRequest("etl", conf={"a": 1}, note="n", triggered_by="cli", triggering_user_name="ann"),
        )
        assert hear(listener, 1) == [Ring("run", "0")]
    finally:
        listener.close()
    assert made.run_id.startswith("manual__2026-03-01T12:00:00+00:00_")
    assert (made.state, made.run_type, made.conf) == (DagRunState.QUEUED, RunType.MANUAL, {"a": 1})
    assert (made.run_after, made.queued_at, made.logical_date, made.data_interval_start) == (NOON, NOON, None, None)
    assert get_run(world.database, "etl", made.run_id) == made
    (row,) = world.store.load_queued_runs()
    assert (row.run_pk, row.conf, row.note, row.triggering_user_name) == (made.run_pk, {"a": 1}, "n", "ann")


def test_the_run_id_of_a_dated_run_is_airflows(world: World) -> None:
    world.add_dag()
    date = NOON - timedelta(days=1)
    made = create_manual_run(world.database, world.clock, RunRequest("etl", logical_date=date, run_after=date))
    assert made.run_id == "manual__2026-02-28T12:00:00+00:00"
    assert (made.data_interval_start, made.data_interval_end) == (date, date)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"run_id": "one"}, "has a run 'one' already"),
        ({"run_id": "two", "logical_date": NOON}, "logical date 2026-03-01T12:00:00"),
    ],
)
def test_a_second_run_of_one_name_or_date_is_refused(world: World, changed: dict, said: str) -> None:
    world.add_dag()
    create_manual_run(world.database, world.clock, RunRequest("etl", "one", NOON))
    with pytest.raises(AlreadyExistsError, match=said):
        create_manual_run(world.database, world.clock, RunRequest("etl", **changed))
    assert list_runs(world.database)[1] == 1


def test_a_run_needs_a_dag_that_is_there(world: World) -> None:
    world.add_dag()
    with pytest.raises(NotFoundError, match="no DAG 'other'"):
        create_manual_run(world.database, world.clock, RunRequest("other"))
    with pytest.raises(InvalidRequestError, match="between 1 and 250"):
        create_manual_run(world.database, world.clock, RunRequest("etl", "x" * 251))
    world.dags.remove_files(["/dags/etl.py"])
    with pytest.raises(InvalidRequestError, match="file is gone"):
        create_manual_run(world.database, world.clock, RunRequest("etl"))


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        (RunRequest("etl"), ""),
        (RunRequest("etl", triggered_by="operator"), "operator_triggered"),
        (RunRequest("etl", run_type=RunType.BACKFILL), "backfill"),
    ],
)
def test_a_dag_says_which_types_of_runs_it_allows(world: World, request_: RunRequest, refused: str) -> None:
    world.add_dag(allowed_run_types=("asset_materialization", "manual"))
    assert world.dags.get_dag("etl").allowed_run_types == "asset_materialization,manual"
    if not refused:
        assert create_manual_run(world.database, world.clock, request_).dag_id == "etl"
        return
    with pytest.raises(InvalidRequestError, match=f"does not allow {refused} runs: its allowed_run_types are"):
        create_manual_run(world.database, world.clock, request_)


# --- Reading ------------------------------------------------------------------------------------------------------------


def test_runs_are_filtered_sorted_and_paged(world: World) -> None:
    world.add_dag("a")
    world.add_dag("b")
    runs = [world.new_run("a", day) for day in (1, 2, 3)]
    other = world.new_run("b", 1, RunType.MANUAL)
    world.start(runs[0])

    def found(which: RunFilter, page: Page = FIRST) -> list[int]:
        return [run.run_pk for run in list_runs(world.database, which, page)[0]]

    pks = [run.run_pk for run in runs]
    assert found(RunFilter()) == [*pks, other.run_pk]
    assert found(RunFilter(dag_ids=("b",))) == [other.run_pk]
    assert found(RunFilter(states=("running",))) == pks[:1]
    assert found(RunFilter(run_types=("manual",))) == [other.run_pk]
    assert found(RunFilter(run_id_pattern="2026-03-02")) == [pks[1]]
    second = runs[1]
    assert found(RunFilter(dag_ids=("a",), logical_date_from=second.logical_date)) == pks[1:]
    assert found(RunFilter(dag_ids=("a",), logical_date_to=second.logical_date)) == pks[:2]
    assert found(RunFilter(run_after_from=second.run_after, run_after_to=second.run_after)) == [pks[1]]
    assert second.logical_date is not None
    assert found(RunFilter(logical_dates=(second.logical_date,))) == [pks[1]]
    page = Page(limit=1, offset=1, order_by=("-run_after",))
    assert [run.run_pk for run in list_runs(world.database, RunFilter(dag_ids=("a",)), page)[0]] == [pks[1]]
    assert list_runs(world.database, RunFilter(dag_ids=("a",)), page)[1] == 3
    assert list_runs(world.database, RunFilter(dag_ids=("a",)), Page(limit=1, offset=7)) == ([], 3)


def test_task_instances_are_filtered_and_counted(world: World) -> None:
    run, (a, b, c) = world.started_run()
    world.bring(a, S.SUCCESS)
    world.bring(b, S.RUNNING)

    def found(**which: Any) -> list[int]:
        return [row.ti_pk for row in list_task_instances(world.database, TaskInstanceFilter(**which))[0]]

    assert found() == [a, b, c]
    assert found(states=("running",)) == [b]
    assert found(states=("running", "success")) == [a, b]
    assert found(task_ids=("c",), map_indexes=(-1,), pools=("default_pool",), queues=("default",)) == [c]
    assert found(runs=RunFilter(dag_ids=("other",))) == []
    assert count_task_instances(world.database, RunFilter()) == {run.run_pk: {S.SUCCESS: 1, S.RUNNING: 1, S.NONE: 1}}
    one = get_task_instance(world.database, "etl", run.run_id, "b")
    assert (one.ti_pk, one.run_id, one.hostname, one.dag_version_pk) == (b, run.run_id, "host", 1)
    with pytest.raises(NotFoundError, match="map index 3"):
        get_task_instance(world.database, "etl", run.run_id, "b", 3)
    with pytest.raises(NotFoundError, match="no run 'x'"):
        get_run(world.database, "etl", "x")


# --- Clearing -----------------------------------------------------------------------------------------------------------


def test_clearing_starts_over_and_reopens_the_run(world: World) -> None:
    run, (a, b, c) = world.started_run()
    world.bring(a, S.FAILED)
    world.bring(b, S.SUCCESS)
    world.end_run(run, DagRunState.FAILED)
    world.clock.advance(60)
    listener = listen(world.database)
    try:
        cleared = clear_task_instances(world.database, world.clock, TaskInstanceFilter(task_ids=("a", "c")))
        assert hear(listener, 1) == [Ring("run", str(run.run_pk))]
    finally:
        listener.close()
    assert [(row.task_id, row.state) for row in cleared.task_instances] == [("a", S.FAILED), ("c", S.NONE)]
    assert cleared.reopened_run_ids == [run.run_id]
    assert states(world) == {"a": S.NONE, "b": S.SUCCESS, "c": S.NONE}
    assert world.instance(a).max_tries == 3  # one try made, two retries
    found = get_run(world.database, "etl", run.run_id)
    assert (found.state, found.clear_number, found.version) == (DagRunState.QUEUED, 1, 1)
    assert (found.started_at, found.ended_at, found.queued_at) == (None, None, world.clock.now())
    assert [event.event for event in list_events(world.database, a)] == [
        "schedule",
        "enqueue",
        "start",
        "fail",
        "clear",
    ]
    assert [(t.try_number, t.state) for t in list_tries(world.database, a)] == [(1, S.FAILED)]
    assert list_tries(world.database, c) == []
    world.bring(a, S.RUNNING)
    assert [(t.try_number, t.state) for t in list_tries(world.database, a)] == [(1, S.FAILED), (2, S.RUNNING)]


def test_a_running_instance_is_told_to_restart_once(world: World) -> None:
    run, (a, *_) = world.started_run()
    world.bring(a, S.RUNNING)
    cleared = clear_task_instances(world.database, world.clock, TaskInstanceFilter(task_ids=("a",)))
    assert cleared.reopened_run_ids == []
    assert world.instance(a).state is S.RESTARTING
    assert get_run(world.database, "etl", run.run_id).state is DagRunState.RUNNING
    again = clear_task_instances(world.database, world.clock, TaskInstanceFilter(task_ids=("a",)))
    assert again.task_instances == []
    assert world.instance(a).version == 4


def test_the_scheduler_cannot_end_a_run_that_was_cleared_meanwhile(world: World) -> None:
    run, (a, *_) = world.started_run(("a",))
    world.bring(a, S.FAILED)
    clear_task_instances(world.database, world.clock, ALL)
    end = RunEnd(run.run_pk, DagRunState.FAILED, NOON, expected_version=run.version)
    assert world.commit(Batch(run_ends=[end])).stale_runs == [run.run_pk]
    assert get_run(world.database, "etl", run.run_id).state is DagRunState.RUNNING


def test_clearing_can_be_narrowed_and_tried(world: World) -> None:
    _, (a, b, c) = world.started_run()
    world.bring(a, S.FAILED)
    world.bring(b, S.RUNNING)
    world.bring(c, S.SUCCESS)

    def would(**options: Any) -> list[str]:
        options = {"dry_run": True} | options
        return [r.task_id for r in clear_task_instances(world.database, world.clock, ALL, **options).task_instances]

    assert would() == ["a", "b", "c"]
    assert would(only_failed=True) == ["a"]
    assert would(only_running=True) == ["b"]
    assert states(world) == {"a": S.FAILED, "b": S.RUNNING, "c": S.SUCCESS}
    assert would(only_failed=True, dry_run=False) == ["a"]
    assert states(world) == {"a": S.NONE, "b": S.RUNNING, "c": S.SUCCESS}


def test_clearing_keeps_the_version_of_the_dag_or_takes_the_newest(world: World) -> None:
    run, (a, *_) = world.started_run(("a",))
    world.bring(a, S.FAILED)
    world.add_dag("etl", (TaskDocument(task_id="a", task_type="X", retries=7),))
    clear_task_instances(world.database, world.clock, ALL)
    assert (world.instance(a).max_tries, world.instance(a).dag_version_pk) == (3, 1)
    clear_task_instances(world.database, world.clock, ALL, run_on_latest_version=True)
    assert (world.instance(a).max_tries, world.instance(a).dag_version_pk) == (8, 2)
    world.add_dag("etl", (TaskDocument(task_id="other", task_type="X"),))
    clear_task_instances(world.database, world.clock, ALL, run_on_latest_version=True)
    assert world.instance(a).max_tries == 8
    assert get_run(world.database, "etl", run.run_id).clear_number == 3


# --- Marking ------------------------------------------------------------------------------------------------------------


def test_marking_sets_the_state_and_frees_what_failed_below(world: World) -> None:
    run, a, b, c, d = chain(world, "a", "b", "c", "d")
    world.bring(a, S.SUCCESS)
    world.bring(b, S.FAILED)
    below = [world.move(ti, S.UPSTREAM_FAILED, Event.FAIL_UPSTREAM) for ti in (c, d)]
    world.commit(Batch(transitions=below))
    world.end_run(run, DagRunState.FAILED)
    world.clock.advance(60)
    marked = mark_task_instances(world.database, world.clock, TaskInstanceFilter(task_ids=("b",)), S.SUCCESS)
    assert [(row.task_id, row.state) for row in marked.task_instances] == [("b", S.FAILED)]
    assert marked.reopened_run_ids == [run.run_id]
    assert states(world) == {"a": S.SUCCESS, "b": S.SUCCESS, "c": S.NONE, "d": S.NONE}
    assert (world.instance(b).started_at, world.instance(b).ended_at) == (NOON, world.clock.now())
    assert [event.event for event in list_events(world.database, b)][-1] == "mark_success"
    assert get_run(world.database, "etl", run.run_id).state is DagRunState.QUEUED


def test_marking_what_has_the_state_changes_nothing(world: World) -> None:
    run, a = chain(world, "a")
    world.bring(a, S.SUCCESS)
    before = world.instance(a)
    assert mark_task_instances(world.database, world.clock, ALL, S.SUCCESS).task_instances == []
    assert len(mark_task_instances(world.database, world.clock, ALL, S.FAILED, dry_run=True).task_instances) == 1
    assert world.instance(a) == before
    assert get_run(world.database, "etl", run.run_id).version == 0


def test_an_instance_cannot_be_marked_running(world: World) -> None:
    with pytest.raises(InvalidRequestError, match="failed, skipped, success, not running"):
        mark_task_instances(world.database, world.clock, ALL, S.RUNNING)


@pytest.mark.parametrize("state", [DagRunState.SUCCESS, DagRunState.FAILED])
def test_marking_a_run_ends_what_is_at_work_and_skips_the_rest(world: World, state: DagRunState) -> None:
    run, a, b, *_ = chain(world, "a", "b", "c")
    world.bring(a, S.FAILED)
    world.bring(b, S.RUNNING)
    marked = mark_run(world.database, world.clock, "etl", run.run_id, state)
    assert (marked.state, marked.ended_at, marked.version) == (state, NOON, 1)
    assert states(world) == {"a": S.FAILED, "b": S(state.value), "c": S.SKIPPED}


def test_a_teardown_is_left_to_end_the_run(world: World) -> None:
    run, a, _ = chain(world, "a", "down", teardown="down")
    world.bring(a, S.RUNNING)
    marked = mark_run(world.database, world.clock, "etl", run.run_id, DagRunState.FAILED)
    assert (marked.state, marked.ended_at) == (DagRunState.RUNNING, None)
    assert states(world) == {"a": S.FAILED, "down": S.NONE}


def test_a_run_that_is_over_can_be_queued_again(world: World) -> None:
    run, a = chain(world, "a")
    world.bring(a, S.SUCCESS)
    assert mark_run(world.database, world.clock, "etl", run.run_id, DagRunState.QUEUED).state is DagRunState.RUNNING
    world.end_run(run)
    marked = mark_run(world.database, world.clock, "etl", run.run_id, DagRunState.QUEUED)
    assert (marked.state, marked.started_at, marked.ended_at) == (DagRunState.QUEUED, None, None)
    assert states(world) == {"a": S.SUCCESS}
    with pytest.raises(InvalidRequestError, match="only the scheduler"):
        mark_run(world.database, world.clock, "etl", run.run_id, DagRunState.RUNNING)


# --- Deleting -----------------------------------------------------------------------------------------------------------


def counts(world: World) -> dict[str, int]:
    hanging = ("task_instance", "task_instance_event", "task_instance_history", "xcom", "rendered_fields")
    with world.database.read() as connection:
        return {
            name: connection.execute(
                sa.select(sa.func.count()).select_from(tables.metadata.tables[name]),
            ).scalar_one()
            for name in (*hanging, "callback_request", "dag_run", "dag", "dag_version", "dag_tag")
        }


def full_run(world: World, day: int) -> RunRow:
    """Add a run that is over and has left something in every table."""
    run = world.new_run(day=day)
    (a,) = world.start(run, ("a",))
    world.bring(a, S.FAILED)
    clear_task_instances(world.database, world.clock, TaskInstanceFilter(ti_pks=(a,)))
    world.bring(a, S.SUCCESS)
    request = CallbackRequest(run.run_pk, "etl", run.run_id, "x", "")
    world.commit(Batch(xcoms=[XComWrite(a, "k", b"1")], rendered=[RenderedWrite(a, b'{"x": 1}')], callbacks=[request]))
    assert get_rendered_fields(world.database, a) == {"x": 1}
    world.end_run(run)
    return run


def test_a_run_is_deleted_with_all_that_hangs_on_it(world: World) -> None:
    world.add_dag("etl", (TaskDocument(task_id="a", task_type="X"),), tags=("t",))
    full_run(world, 1)
    before = counts(world)
    assert all(before.values())
    second = full_run(world, 2)
    delete_run(world.database, "etl", second.run_id)
    assert counts(world) == before
    third = world.new_run(day=3)
    assert third.run_pk > second.run_pk  # a number is never given twice
    world.start(third, ("a",))
    with pytest.raises(InvalidRequestError, match="is running"):
        delete_run(world.database, "etl", third.run_id)
    with pytest.raises(InvalidRequestError, match="runs that are running"):
        delete_dag(world.database, "etl")
    mark_run(world.database, world.clock, "etl", third.run_id, DagRunState.FAILED)
    delete_dag(world.database, "etl")
    assert not any(counts(world).values())
    with pytest.raises(NotFoundError):
        delete_dag(world.database, "etl")
    with pytest.raises(NotFoundError):
        delete_run(world.database, "etl", third.run_id)
