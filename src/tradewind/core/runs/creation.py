"""The next run of a schedule, and the names of runs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tradewind.core.states import RunType
from tradewind.core.timetables.protocol import DataInterval, TimeRestriction, TimetableError

if TYPE_CHECKING:
    from tradewind.core.timetables.protocol import DagRunInfo, Timetable


class NoProgressError(TimetableError):
    """A timetable gave the run that exists already, or one before it, as the next one."""


def next_run(
    timetable: Timetable,
    *,
    last_interval: DataInterval | None,
    last_run_after: datetime | None,
    start_date: datetime | None,
    end_date: datetime | None,
    catchup: bool,
    now: datetime,
) -> DagRunInfo | None:
    """Give the next scheduled run, due in the past or in the future, None when none follows.

    `last_interval` and `last_run_after` are those of the last run that was scheduled or backfilled, None before the
    first. Raises `NoProgressError` where the timetable would have the last run created again and again, and whatever an
    author's timetable raises.
    """
    restriction = TimeRestriction(start_date, end_date, catchup)
    if last_interval is None and last_run_after is not None and timetable.goes_by_run_after:
        last_interval = DataInterval.exact(last_run_after)
    info = timetable.next_dagrun_info(last_automated_data_interval=last_interval, restriction=restriction, now=now)
    require_progress(timetable, info, last_interval=last_interval, last_run_after=last_run_after)
    return info


def require_progress(
    timetable: Timetable,
    info: DagRunInfo | None,
    *,
    last_interval: DataInterval | None,
    last_run_after: datetime | None,
) -> None:
    """Raise `NoProgressError` where the run that a timetable gave does not come after the last one.

    For answers that an author's timetable gave elsewhere; `next_run` looks itself.
    """
    if info is not None and last_run_after is not None and info.run_after <= last_run_after:
        last_date = None if last_interval is None else last_interval.start
        if info.logical_date is None or last_date is None or info.logical_date <= last_date:
            msg = (
                f"timetable {timetable.summary!r} gave a run after {info.run_after.isoformat()} to follow the one after "
                f"{last_run_after.isoformat()}: each run has to come later than the one before"
            )
            raise NoProgressError(msg)


def has_room_for_new_run(unfinished: int, max_active_runs: int) -> bool:
    """Say whether a scheduled run may be created while so many of the DAG's runs are queued or running.

    Airflow leaves the runs of backfills out of the count.
    """
    return unfinished < max_active_runs


def make_run_id(
    run_type: RunType,
    *,
    run_after: datetime,
    logical_date: datetime | None = None,
    unique: str = "",
    partition_key: str | None = None,
) -> str:
    """Give the run_id of a run that nobody named, as Airflow 3 does: the type and the date after which it runs.

    Where the run has no logical date nothing keeps two from having the same date; `unique`, some random letters, does.
    """
    text = f"{run_type.value}__{run_after.astimezone(timezone.utc).isoformat()}"
    if partition_key:
        text = f"{text}__{partition_key}"
    return f"{text}_{unique}" if unique and logical_date is None else text


def run_type_of(run_id: str) -> RunType:
    """Read the type off a run_id that `make_run_id` gave; one that a user chose means a manual run."""
    prefix, separator, _ = run_id.partition("__")
    if separator and prefix in {run_type.value for run_type in RunType}:
        return RunType(prefix)
    return RunType.MANUAL
