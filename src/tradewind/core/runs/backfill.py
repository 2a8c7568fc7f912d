"""Backfills: which runs a span of dates asks for, what may be asked, and what becomes of a run that is there already."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from tradewind.core.runs.creation import require_progress
from tradewind.core.states import RUN_FINISHED, DagRunState
from tradewind.core.timetables.protocol import TimeRestriction, TimetableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tradewind.core.timetables.protocol import DagRunInfo, DataInterval, Timetable

DEFAULT_MAX_ACTIVE_RUNS = 10


class ReprocessBehavior(str, Enum):
    """What a backfill does with a date that has a run already."""

    NONE = "none"
    """It stays as it is."""
    FAILED = "failed"
    """It starts over if it failed."""
    COMPLETED = "completed"
    """It starts over if it is over, however it ended."""


class NoRunReason(str, Enum):
    """Why a date of a backfill gets no run of it."""

    IN_FLIGHT = "in flight"
    ALREADY_EXISTS = "already exists"


class BackfillRefusedError(ValueError):
    """A backfill that cannot be: the message says what stands against it."""


class BackfillTerms(NamedTuple):
    """What a user asks of a backfill."""

    from_date: datetime
    to_date: datetime
    reprocess_behavior: ReprocessBehavior
    max_active_runs: int
    is_backwards: bool


def check_backfill(
    timetable: Timetable, terms: BackfillTerms, *, dag_id: str, asks_the_past: bool, now: datetime
) -> None:
    """Raise `BackfillRefusedError` for a backfill that Airflow refuses too. `asks_the_past`: a task has depends_on_past."""
    if not timetable.periodic:
        raise BackfillRefusedError(f"{dag_id} has a non-periodic schedule that does not support backfills")
    from_date, to_date, behavior, max_active_runs, is_backwards = terms
    if from_date > to_date:
        raise BackfillRefusedError(
            f"from_date ({from_date.isoformat()}) must not be after to_date ({to_date.isoformat()})"
        )
    if from_date >= now:
        raise BackfillRefusedError("a backfill cannot be executed for future dates: its from_date has to have passed")
    if max_active_runs < 1:
        raise BackfillRefusedError(f"max_active_runs of a backfill is at least 1, not {max_active_runs}")
    if asks_the_past and is_backwards:
        raise BackfillRefusedError(
            f"a backfill cannot run backwards where tasks depend on the run before: {dag_id} has depends_on_past=True"
        )
    if asks_the_past and behavior is ReprocessBehavior.NONE:
        raise BackfillRefusedError(
            f"{dag_id} has tasks with depends_on_past=True: choose the reprocess behavior 'completed' or 'failed'"
        )


def runs_between(
    timetable: Timetable,
    *,
    from_date: datetime,
    to_date: datetime,
    now: datetime,
    last_interval: DataInterval | None = None,
) -> Iterator[DagRunInfo]:
    """Yield the runs whose dates lie in the span, both ends included, and whose data interval is over.

    `last_interval` is that of the last run that is known, to go on after it. Raises whatever an author's timetable
    raises, and `NoProgressError` where it stands still.
    """
    restriction = TimeRestriction(from_date, to_date, catchup=True)
    last_run_after: datetime | None = None
    while True:
        info = timetable.next_dagrun_info(last_automated_data_interval=last_interval, restriction=restriction, now=now)
        if info is None:
            return
        if info.data_interval is None:
            raise TimetableError(f"timetable {timetable.summary!r} gave a run without a data interval")
        require_progress(timetable, info, last_interval=last_interval, last_run_after=last_run_after)
        if info.data_interval.end >= now:
            return
        yield info
        last_interval, last_run_after = info.data_interval, info.run_after


def reason_for_no_run(state: DagRunState, behavior: ReprocessBehavior) -> NoRunReason | None:
    """Say why a run in that state is left as it is, None when it starts over."""
    if state not in RUN_FINISHED:
        return NoRunReason.IN_FLIGHT
    if behavior is ReprocessBehavior.COMPLETED or (
        behavior is ReprocessBehavior.FAILED and state is DagRunState.FAILED
    ):
        return None
    return NoRunReason.ALREADY_EXISTS
