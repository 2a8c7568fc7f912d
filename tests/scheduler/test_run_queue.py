"""The line of queued runs against the plain rule: sort all that are due, take as many as there is room for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tradewind.core.ids import DagRunPk
from tradewind.core.runs import QueuedRun, RunRoom, next_start_at, startable_runs
from tradewind.core.states import DagRunState, RunType
from tradewind.metadata.batch import RunRow
from tradewind.scheduler.run_queue import RunQueue

from tests.scheduler.stage import START

HOURS = st.integers(0, 12)
STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from("de"), st.integers(1, 12), HOURS, st.none() | HOURS),
    st.tuples(st.just("drop"), st.integers(1, 12)),
    st.tuples(st.just("keep"), st.sets(st.integers(1, 12), max_size=6)),
    st.tuples(st.just("take"), st.sampled_from("de"), st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.just("pass"), st.integers(1, 4)),
)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def row(dag_id: str, pk: int, run_after: int, logical: int | None) -> RunRow:
    return RunRow(
        run_pk=DagRunPk(pk),
        dag_id=dag_id,
        run_id=f"{dag_id}{pk}",
        run_type=RunType.MANUAL,
        state=DagRunState.QUEUED,
        run_after=at(run_after),
        logical_date=None if logical is None else at(logical),
        data_interval_start=None,
        data_interval_end=None,
        queued_at=START,
        started_at=None,
        conf={},
        dag_version_pk=None,
    )


@given(steps=st.lists(STEPS, max_size=40))
def test_the_queue_gives_what_a_look_at_all_runs_gives(steps: list[tuple]) -> None:
    queue, model, now = RunQueue(), dict[int, RunRow](), START
    for kind, *arguments in steps:
        if kind == "put":
            dag_id, pk, run_after, logical = arguments
            if pk in model and model[pk].dag_id != dag_id:
                continue
            model[pk] = row(dag_id, pk, run_after, logical)
            queue.put(model[pk])
        elif kind == "drop":
            assert queue.drop(DagRunPk(arguments[0])) == model.pop(arguments[0], None)
        elif kind == "keep":
            queue.keep_only(DagRunPk(pk) for pk in arguments[0])
            model = {pk: run for pk, run in model.items() if pk in arguments[0]}
        elif kind == "take":
            dag_id, most, active = arguments
            room = RunRoom(dag_id, most, tuple(DagRunPk(100 + pk) for pk in range(active)))
            chosen = startable_runs(line(model, dag_id), room, now)
            assert queue.take(room, now) == [model.pop(run.run_pk) for run in chosen]
        else:
            now += timedelta(hours=arguments[0])
        for dag_id in "de":
            assert queue.count((dag_id, None)) == len(line(model, dag_id))
            assert queue.next_start_at((dag_id, None), now) == next_start_at(line(model, dag_id), now)
        assert all((pk in queue) == (pk in model) for pk in range(1, 13))


def line(model: dict[int, RunRow], dag_id: str) -> list[QueuedRun]:
    return [QueuedRun(run.run_pk, run.run_after, run.logical_date) for run in model.values() if run.dag_id == dag_id]


def test_looking_again_and_again_keeps_nothing_twice() -> None:
    queue = RunQueue()
    rows = [row("d", pk, 5, None) for pk in range(1, 50)]
    for _ in range(20):
        for run in rows:
            queue.put(run)
    found = queue._lines["d", None]
    assert len(found.later) + len(found.due) == len(rows)
    queue.keep_only([])
    assert queue._lines == {}


def test_the_runs_of_a_backfill_have_a_line_of_their_own() -> None:
    queue = RunQueue()
    queue.put(row("d", 1, 1, 1))
    for pk, ordinal in ((2, 2), (3, 1)):
        queue.put(replace(row("d", pk, 1, pk), backfill_pk=7, backfill_ordinal=ordinal))
    assert (queue.count(("d", None)), queue.count(("d", 7)), queue.backfills_of("d")) == (1, 2, [7])
    assert [run.run_pk for run in queue.take(RunRoom("d", 1, backfill_pk=7), at(2))] == [3]
    queue.put(row("d", 2, 1, 2))  # it is the backfill's no more
    assert (queue.count(("d", None)), queue.backfills_of("d")) == (2, [])
    paused = RunRoom("d", 5, backfill_pk=7, is_backfill_paused=True)
    queue.put(replace(row("d", 4, 1, 4), backfill_pk=7))
    assert queue.take(paused, at(2)) == []
