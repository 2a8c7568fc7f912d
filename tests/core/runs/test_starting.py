from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tradewind.core.ids import DagRunPk
from tradewind.core.limits import BlockerKind
from tradewind.core.runs import QueuedRun, RunRoom, next_start_at, run_blockers, should_pause, startable_runs
from tradewind.core.states import DagRunState

NOW = datetime(2025, 1, 10, tzinfo=timezone.utc)
DAY = timedelta(days=1)
FAILED, SUCCESS, RUNNING = DagRunState.FAILED, DagRunState.SUCCESS, DagRunState.RUNNING


def run(pk: int, days: int, logical_days: int | None = None, ordinal: int | None = None) -> QueuedRun:
    logical = None if logical_days is None else NOW + logical_days * DAY
    return QueuedRun(DagRunPk(pk), NOW + days * DAY, logical, ordinal)


def room(size: int, *active: int, is_paused: bool = False) -> RunRoom:
    return RunRoom("d", size, tuple(map(DagRunPk, active)), is_paused)


def started(runs: list[QueuedRun], where: RunRoom) -> list[int]:
    return [one.run_pk for one in startable_runs(runs, where, NOW)]


def test_the_oldest_start_first_as_far_as_there_is_room() -> None:
    runs = [run(1, -1), run(2, -3), run(3, -2), run(4, 0, logical_days=-9)]
    assert started(runs, room(3, 99)) == [4, 2]
    assert started(runs, room(16)) == [4, 2, 3, 1]


@pytest.mark.parametrize("where", [room(1, 7), room(0), room(1, 7, 8), room(5, is_paused=True)])
def test_nothing_starts_in_a_room_that_is_full_or_paused(where: RunRoom) -> None:
    assert started([run(1, -1)], where) == []


def test_a_run_of_the_future_does_not_stand_in_the_way() -> None:
    assert started([run(1, 1, logical_days=-5), run(2, 0)], room(1)) == [2]


def test_a_backfill_may_run_backwards() -> None:
    assert started([run(1, -3, ordinal=2), run(2, -2, ordinal=1)], room(16)) == [2, 1]


def test_the_next_start_lies_ahead() -> None:
    assert next_start_at([run(1, 3), run(2, 2), run(3, -1)], NOW) == NOW + 2 * DAY
    assert next_start_at([run(3, 0)], NOW) is None


def test_a_queued_run_says_what_it_waits_for() -> None:
    found = run_blockers(run(1, 1), room(2, 5, 6, is_paused=True), NOW)
    assert [blocker.kind for blocker in found] == [
        BlockerKind.DAG_PAUSED,
        BlockerKind.DATE,
        BlockerKind.MAX_ACTIVE_RUNS,
    ]
    assert found[1].text == "The run starts after 2025-01-11T00:00:00+00:00."
    assert found[2].text == "max_active_runs of DAG 'd' is reached: 2 of 2 runs are taken."
    assert found[2].holders == (5, 6)
    assert run_blockers(run(1, 0), room(2, 5), NOW) == []


@pytest.mark.parametrize(
    ("latest_first", "limit", "expected"),
    [
        ([FAILED, FAILED], 2, True),
        ([FAILED, FAILED, SUCCESS], 2, True),
        ([FAILED, SUCCESS, FAILED], 2, False),
        ([RUNNING, FAILED, FAILED], 2, False),
        ([FAILED], 2, False),
        ([FAILED], 0, False),
        ([], 1, False),
        ([FAILED], -1, False),
    ],
)
def test_a_dag_whose_runs_keep_failing_is_paused(latest_first: list[DagRunState], limit: int, expected: bool) -> None:
    assert should_pause(latest_first, limit) is expected
