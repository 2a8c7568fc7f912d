"""What a timetable is asked, and the values that go in and come out.

A timetable says when a DAG's next run is due and which data interval it covers. It never reads a clock: `now` is passed
in. All datetimes are aware; results are in UTC.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timezone
from typing import Any, ClassVar, NamedTuple


class TimetableError(ValueError):
    """A timetable that is specified wrongly, or that cannot go on."""


class DataInterval(NamedTuple):
    """The span of time whose data a DAG run works on."""

    start: datetime
    end: datetime

    @classmethod
    def exact(cls, at: datetime) -> DataInterval:
        """Give the empty interval at one moment."""
        return cls(at, at)


class TimeRestriction(NamedTuple):
    """The bounds that a DAG sets to its scheduled runs: start date, end date (both included) and catchup."""

    earliest: datetime | None
    latest: datetime | None
    catchup: bool


class DagRunInfo(NamedTuple):
    """A DAG run that is to be created once `run_after` is reached."""

    run_after: datetime
    data_interval: DataInterval | None
    partition_date: datetime | None = None
    partition_key: str | None = None
    """Of a run that works on one partition."""

    @classmethod
    def exact(cls, at: datetime) -> DagRunInfo:
        """Give a run at one moment, on the empty interval there."""
        return cls(at, DataInterval.exact(at))

    @classmethod
    def interval(cls, start: datetime, end: datetime) -> DagRunInfo:
        """Give a run at the end of the interval it works on."""
        return cls(end, DataInterval(start, end))

    @property
    def logical_date(self) -> datetime | None:
        """The start of the data interval: the date by which the run is called."""
        return None if self.data_interval is None else self.data_interval.start


class Timetable(ABC):
    """What every timetable answers. The class attributes are what Airflow's timetables of the same name declare."""

    periodic: bool = True
    """Whether runs come again and again."""

    can_be_scheduled: bool = True
    """Whether runs come at all without being triggered."""

    partitioned: bool = False
    """Whether runs work on partitions."""

    goes_by_run_after: bool = False
    """Whether the next run follows from when the last one was due: its runs have no data interval."""

    active_runs_limit: int | None = None
    """The number of active runs that the schedule makes sense with; it replaces the default of `max_active_runs`."""

    description: str = ""
    """A sentence for people, such as "At 21:30, only on Friday"."""

    @property
    def summary(self) -> str:
        """A few characters for people, such as the cron expression."""
        return type(self).__name__

    @abstractmethod
    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
        now: datetime,
    ) -> DagRunInfo | None:
        """Give the next scheduled run, or None when there is none.

        `last_automated_data_interval` is the interval of the last run that was scheduled or backfilled, None before
        the first. The run may be due in the past (catchup) or in the future.
        """

    @abstractmethod
    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the data interval of a run that somebody triggers at `run_after`."""

    def serialize(self) -> dict[str, Any]:
        """Give what `deserialize` needs, as plain JSON types."""
        return {}


class PlainTimetable(Timetable):
    """A timetable of this package: it can be made again from what `serialize` gave."""

    type_name: ClassVar[str]
    """How the DAG document calls it."""

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PlainTimetable:
        """Make the timetable again; raises TimetableError or another ValueError when the data make no sense."""
        del data  # nothing to set
        return cls()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PlainTimetable) or type(self) is not type(other):
            return NotImplemented
        return self.serialize() == other.serialize()

    def __hash__(self) -> int:
        return hash((type(self), repr(self.serialize())))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.summary}>"


def to_utc(moment: datetime) -> datetime:
    """Give the same moment in UTC, where comparison and arithmetic are safe; raises ValueError for a naive one.

    It is a plain datetime: authors give dates of other classes, whose arithmetic differs.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; timetables need aware datetimes")
    utc = moment.astimezone(timezone.utc)
    if utc.__class__ is datetime:
        return utc
    return datetime(
        utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, tzinfo=timezone.utc
    )


def to_utc_or_none(moment: datetime | None) -> datetime | None:
    """Give the same moment in UTC, or None for None."""
    return None if moment is None else to_utc(moment)
