"""Timetables of moments: a run is due at the moment itself, and its data interval is a matter of its own."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any, Generic, TypeVar

from tradewind.core.cron import PRESETS, parse_cron
from tradewind.core.timetables.cron_schedule import CronSchedule
from tradewind.core.timetables.cron_text import describe
from tradewind.core.timetables.deltas import Delta, DeltaSchedule, earlier, encode_delta, parse_delta
from tradewind.core.timetables.protocol import (
    DagRunInfo,
    DataInterval,
    PlainTimetable,
    TimeRestriction,
    TimetableError,
    to_utc,
    to_utc_or_none,
)
from tradewind.core.timetables.zones import encode_zone, parse_zone

_NO_TIME = timedelta(0)
_LEAST_GRACE = timedelta(minutes=5)

RunImmediately = bool | timedelta | None


_Schedule = TypeVar("_Schedule", CronSchedule, DeltaSchedule)


class _TriggerTimetable(PlainTimetable, Generic[_Schedule]):
    """What both kinds share; they differ in their schedule and in where a DAG without start date begins."""

    schedule: _Schedule
    interval: Delta

    def _first_run(self, now: datetime) -> datetime:
        """Give the moment of the first run of a DAG that has no start date."""
        return self.schedule.align_to_prev(now)

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
        now: datetime,
    ) -> DagRunInfo | None:
        """Give the run at the first moment after the last run; without catchup, not before the last moment gone by."""
        candidates: list[datetime] = []
        earliest, now = to_utc_or_none(restriction.earliest), to_utc(now)
        if last_automated_data_interval is not None:
            candidates.append(self.schedule.next_after(to_utc(last_automated_data_interval.end)))
        elif earliest is None:
            candidates.append(self._first_run(now))
        if earliest is not None and not (restriction.catchup and candidates):
            # With catchup a start date matters to the first run only.
            candidates.append(self.schedule.align_to_next(earliest))
        if not restriction.catchup:
            candidates.append(self.schedule.align_to_prev(now))
        run_after = max(candidates)
        if restriction.latest is not None and run_after > to_utc(restriction.latest):
            return None
        return DagRunInfo.interval(earlier(run_after, self.interval), run_after)

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the interval of the set length that ends at the trigger."""
        end = to_utc(run_after)
        return DataInterval(earlier(end, self.interval), end)


class DeltaTriggerTimetable(_TriggerTimetable[DeltaSchedule]):
    """Runs at moments that lie one delta apart, stepped in UTC."""

    type_name = "delta_trigger"

    def __init__(self, delta: object, *, interval: object = _NO_TIME) -> None:
        """Take timedeltas, relativedeltas or dicts of their parts; raises TimetableError when `delta` is not positive."""
        self.delta = parse_delta(delta)
        self.interval = parse_delta(interval)
        self.schedule = DeltaSchedule(self.delta)

    @property
    def summary(self) -> str:
        """The length in words of Python."""
        return str(self.delta)

    def serialize(self) -> dict[str, Any]:
        """Give both lengths, each in seconds or as calendar parts."""
        return {"delta": encode_delta(self.delta), "interval": encode_delta(self.interval)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> DeltaTriggerTimetable:
        """Make the timetable again."""
        return cls(data["delta"], interval=data["interval"])


class CronTriggerTimetable(_TriggerTimetable[CronSchedule]):
    """Runs at the times of a cron expression.

    `run_immediately` says what a DAG without start date and without runs begins with: True the last time gone by, a
    timedelta the last time if it is not longer ago than that, anything else the last time if it is not longer ago than
    a tenth of the way to the next (at least five minutes). Otherwise it begins with the next time.
    """

    type_name = "cron_trigger"

    def __init__(
        self,
        cron: str,
        *,
        timezone: str | float | tzinfo,
        interval: object = _NO_TIME,
        run_immediately: RunImmediately = False,
    ) -> None:
        """Read the expression or preset; raises CronError or TimetableError naming what is wrong."""
        self.expression = PRESETS.get(cron, cron)
        self.timezone = parse_zone(timezone)
        self.interval = parse_delta(interval)
        self.run_immediately = run_immediately
        self.schedule = CronSchedule(parse_cron(self.expression), self.timezone)
        self.description = describe(self.schedule.expression)

    @property
    def summary(self) -> str:
        """The cron expression, a preset resolved."""
        return self.expression

    def serialize(self) -> dict[str, Any]:
        """Give what the constructor takes."""
        return {"expression": self.expression, **encode_options(self)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> CronTriggerTimetable:
        """Make the timetable again."""
        return cls(data["expression"], **decode_options(data))

    def _first_run(self, now: datetime) -> datetime:
        past, following = self.schedule.align_to_prev(now), self.schedule.align_to_next(now)
        if self.run_immediately is True:
            return past
        grace = self.run_immediately
        if not isinstance(grace, timedelta):
            grace = max((following - past) / 10, _LEAST_GRACE)
        return past if now - past <= grace else following


class MultipleCronTriggerTimetable(PlainTimetable):
    """Runs at the times of several cron expressions; where they coincide, once."""

    type_name = "multiple_cron_trigger"

    def __init__(
        self,
        *crons: str,
        timezone: str | float | tzinfo,
        interval: object = _NO_TIME,
        run_immediately: RunImmediately = False,
    ) -> None:
        """Take one expression or more and options for all; raises TimetableError when there is none."""
        if not crons:
            raise TimetableError("MultipleCronTriggerTimetable needs at least one cron expression")
        self.timetables = [
            CronTriggerTimetable(cron, timezone=timezone, interval=interval, run_immediately=run_immediately)
            for cron in crons
        ]
        self.description = ", ".join(timetable.description for timetable in self.timetables)

    @property
    def summary(self) -> str:
        """The expressions, presets resolved."""
        return ", ".join(timetable.summary for timetable in self.timetables)

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
        now: datetime,
    ) -> DagRunInfo | None:
        """Give the earliest next run of all; without catchup, the latest of those that are due already."""
        infos = [
            timetable.next_dagrun_info(
                last_automated_data_interval=last_automated_data_interval, restriction=restriction, now=now
            )
            for timetable in self.timetables
        ]
        runs = [info for info in infos if info is not None]
        overdue = [] if restriction.catchup else [info for info in runs if info.run_after <= to_utc(now)]
        if overdue:
            return max(overdue, key=_run_after)
        return min(runs, key=_run_after, default=None)

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the interval of the set length that ends at the trigger."""
        return self.timetables[0].infer_manual_data_interval(run_after=run_after)

    def serialize(self) -> dict[str, Any]:
        """Give what the constructor takes."""
        expressions = [timetable.expression for timetable in self.timetables]
        return {"expressions": expressions, **encode_options(self.timetables[0])}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> MultipleCronTriggerTimetable:
        """Make the timetable again."""
        return cls(*data["expressions"], **decode_options(data))


def _run_after(info: DagRunInfo) -> datetime:
    return info.run_after


def encode_options(timetable: CronTriggerTimetable) -> dict[str, Any]:
    """Give the options of a cron timetable as plain JSON types."""
    grace = timetable.run_immediately
    return {
        "timezone": encode_zone(timetable.timezone),
        "interval": encode_delta(timetable.interval),
        "run_immediately": grace.total_seconds() if isinstance(grace, timedelta) else grace,
    }


def decode_options(data: dict[str, Any]) -> dict[str, Any]:
    """Give the options of a cron timetable as its constructor takes them."""
    grace: RunImmediately | float = data["run_immediately"]
    if isinstance(grace, (int, float)) and not isinstance(grace, bool):
        grace = timedelta(seconds=grace)
    return {
        "timezone": data["timezone"],
        "interval": data["interval"],
        "run_immediately": grace,
    }
