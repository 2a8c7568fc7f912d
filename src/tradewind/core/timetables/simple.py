"""Timetables without a rhythm: never, once, and again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.timetables.protocol import (
    DagRunInfo,
    DataInterval,
    PlainTimetable,
    TimeRestriction,
    to_utc,
    to_utc_or_none,
)

if TYPE_CHECKING:
    from datetime import datetime


class _AperiodicTimetable(PlainTimetable):
    periodic = False

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the empty interval at the moment of the trigger."""
        return DataInterval.exact(to_utc(run_after))


class NullTimetable(_AperiodicTimetable):
    """`schedule=None`: runs come only when they are triggered."""

    type_name = "null"
    can_be_scheduled = False
    description = "Never, external triggers only"

    @property
    def summary(self) -> str:
        """What Airflow shows for it."""
        return "None"

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,  # noqa: ARG002 - every timetable is asked in these words
        restriction: TimeRestriction,  # noqa: ARG002 - every timetable is asked in these words
        now: datetime,  # noqa: ARG002 - every timetable is asked in these words
    ) -> DagRunInfo | None:
        """Give None: there is never a scheduled run."""
        return None


class OnceTimetable(_AperiodicTimetable):
    """`schedule="@once"`: one run, at the start date or, without one, at once. Catchup plays no part."""

    type_name = "once"
    description = "Once, as soon as possible"

    @property
    def summary(self) -> str:
        """What Airflow shows for it."""
        return "@once"

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
        now: datetime,
    ) -> DagRunInfo | None:
        """Give the run if there was none yet and the end date allows it."""
        if last_automated_data_interval is not None:
            return None
        run_after = to_utc(restriction.earliest or now)
        if restriction.latest is not None and run_after > to_utc(restriction.latest):
            return None
        return DagRunInfo.exact(run_after)


class ContinuousTimetable(_AperiodicTimetable):
    """`schedule="@continuous"`: the next run begins when the last one has ended, one at a time."""

    type_name = "continuous"
    active_runs_limit = 1
    description = "As frequently as possible, but only one run at a time."

    @property
    def summary(self) -> str:
        """What Airflow shows for it."""
        return "@continuous"

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
        now: datetime,
    ) -> DagRunInfo | None:
        """Give a run from the end of the last interval until now; before the start date, a run at that date."""
        now = to_utc(now)
        earliest = to_utc_or_none(restriction.earliest) or now
        if last_automated_data_interval is None:
            start, end = earliest, max(earliest, now)
        else:
            last_start, last_end = to_utc(last_automated_data_interval.start), to_utc(last_automated_data_interval.end)
            # An interval that ends in the future belongs to a DAG whose start date was moved there.
            start, end = (earliest, earliest + (last_end - last_start)) if last_end > now else (last_end, now)
        if restriction.latest is not None and end > to_utc(restriction.latest):
            return None
        return DagRunInfo.interval(start, end)
