"""Timetables of data intervals: the runs follow one another without a gap, each due when its interval has ended."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tradewind.core.cron import PRESETS, parse_cron
from tradewind.core.timetables.cron_schedule import CronSchedule
from tradewind.core.timetables.cron_text import describe
from tradewind.core.timetables.deltas import DeltaSchedule, encode_delta, parse_delta
from tradewind.core.timetables.protocol import (
    DagRunInfo,
    DataInterval,
    PlainTimetable,
    TimeRestriction,
    to_utc,
    to_utc_or_none,
)
from tradewind.core.timetables.zones import encode_zone, parse_zone

if TYPE_CHECKING:
    from datetime import datetime, tzinfo


_Schedule = TypeVar("_Schedule", CronSchedule, DeltaSchedule)


class _DataIntervalTimetable(PlainTimetable, Generic[_Schedule]):
    """What both kinds share; they differ in their schedule and in how far a run without catchup skips."""

    schedule: _Schedule

    @abstractmethod
    def _skip_to_latest(self, earliest: datetime | None, now: datetime) -> datetime:
        """Give the start of the last interval that has ended by `now`, or `earliest` when that is later."""

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
        now: datetime,
    ) -> DagRunInfo | None:
        """Give the run of the interval after the last one; without catchup, not before the last complete interval."""
        earliest = to_utc_or_none(restriction.earliest)
        if not restriction.catchup:
            earliest = self._skip_to_latest(earliest, to_utc(now))
        elif earliest is not None:
            earliest = self.schedule.align_to_next(earliest)
        if last_automated_data_interval is None:
            if earliest is None:
                return None
            start = earliest
        else:
            start = self._start_after(last_automated_data_interval, earliest)
        if restriction.latest is not None and start > to_utc(restriction.latest):
            return None
        return DagRunInfo.interval(start, self.schedule.next_after(start))

    def _start_after(self, last: DataInterval, earliest: datetime | None) -> datetime:
        # The end of the last interval is no boundary if the schedule was edited since.
        start = self.schedule.align_to_prev(to_utc(last.end))
        if earliest is not None and earliest > start:
            start = earliest
        last_start = to_utc(last.start)
        # A coarser new schedule may lead back to a logical date that has been used.
        return self.schedule.next_after(last_start) if start <= last_start else start


class CronDataIntervalTimetable(_DataIntervalTimetable[CronSchedule]):
    """Data intervals from one time of a cron expression to the next."""

    type_name = "cron_data_interval"

    def __init__(self, cron: str, timezone: str | float | tzinfo) -> None:
        """Read the expression or preset; raises CronError or TimetableError naming what is wrong."""
        self.expression = PRESETS.get(cron, cron)
        self.timezone = parse_zone(timezone)
        self.schedule = CronSchedule(parse_cron(self.expression), self.timezone)
        self.description = describe(self.schedule.expression)

    @property
    def summary(self) -> str:
        """The cron expression, a preset resolved."""
        return self.expression

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the last complete interval before the trigger."""
        end = self.schedule.align_to_prev(to_utc(run_after))
        return DataInterval(self.schedule.prev_before(end), end)

    def serialize(self) -> dict[str, Any]:
        """Give the expression and the zone."""
        return {"expression": self.expression, "timezone": encode_zone(self.timezone)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> CronDataIntervalTimetable:
        """Make the timetable again."""
        return cls(data["expression"], data["timezone"])

    def _skip_to_latest(self, earliest: datetime | None, now: datetime) -> datetime:
        latest_start = self.schedule.prev_before(self.schedule.align_to_prev(now))
        if earliest is None:
            return latest_start
        return max(latest_start, self.schedule.align_to_next(earliest))


class DeltaDataIntervalTimetable(_DataIntervalTimetable[DeltaSchedule]):
    """Data intervals of one length, stepped in UTC."""

    type_name = "delta_data_interval"

    def __init__(self, delta: object) -> None:
        """Take a timedelta, a relativedelta or a dict of its parts; raises TimetableError when it is not positive."""
        self.delta = parse_delta(delta)
        self.schedule = DeltaSchedule(self.delta)

    @property
    def summary(self) -> str:
        """The length in words of Python."""
        return str(self.delta)

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the interval that ends at the trigger."""
        end = to_utc(run_after)
        return DataInterval(self.schedule.prev_before(end), end)

    def serialize(self) -> dict[str, Any]:
        """Give the length in seconds, or its calendar parts."""
        return {"delta": encode_delta(self.delta)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> DeltaDataIntervalTimetable:
        """Make the timetable again."""
        return cls(data["delta"])

    def _skip_to_latest(self, earliest: datetime | None, now: datetime) -> datetime:
        latest_start = self.schedule.prev_before(self.schedule.floor(now, earliest or now))
        return latest_start if earliest is None else max(latest_start, earliest)
