"""The timetables of `airflow.timetables`: those of the core, asked and answering as authors expect.

An author's class that derives from one calls `super().next_dagrun_info(...)` without the time, and gets dates of pendulum.
In a DAG document they are what they are derived from.
"""

from __future__ import annotations

from tradewind.core.clock import SystemClock
from tradewind.core.timetables import events, interval, simple, trigger
from tradewind.core.timetables.codec import register_author_class
from tradewind.core.timetables.protocol import DagRunInfo, DataInterval
from tradewind.sdk.runtime.dates import as_pendulum
from tradewind.sdk.toolkit.timetables import Timetable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo
    from typing import Any

    from tradewind.core.timetables.protocol import TimeRestriction


class ForAuthors:
    """Answers without being told the time, in dates of pendulum. Stands before a timetable of the core."""

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
        now: datetime | None = None,
    ) -> DagRunInfo | None:
        """Give the next scheduled run, or None when there is none."""
        core: Any = super()
        info: DagRunInfo | None = core.next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval,
            restriction=restriction,
            now=now or SystemClock().now(),
        )
        if info is None:
            return None
        return info._replace(
            run_after=_of_pendulum(info.run_after),
            data_interval=_interval(info.data_interval),
            partition_date=None if info.partition_date is None else _of_pendulum(info.partition_date),
        )

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the data interval of a run that somebody triggers at `run_after`."""
        core: Any = super()
        found: DataInterval = core.infer_manual_data_interval(run_after=run_after)
        return DataInterval(_of_pendulum(found.start), _of_pendulum(found.end))


class OfCron(ForAuthors):
    """Gives what author classes that derive from a cron timetable call."""

    schedule: Any
    expression: str
    timezone: tzinfo

    @property
    def _expression(self) -> str:
        return self.expression

    @property
    def _timezone(self) -> Any:
        return self.timezone

    def _get_next(self, current: datetime) -> Any:
        return self._move(self.schedule.next_after, current)

    def _get_prev(self, current: datetime) -> Any:
        return self._move(self.schedule.prev_before, current)

    def _align_to_next(self, current: datetime) -> Any:
        return self._move(self.schedule.align_to_next, current)

    def _align_to_prev(self, current: datetime) -> Any:
        return self._move(self.schedule.align_to_prev, current)

    @staticmethod
    def _move(ask: Callable[[datetime], datetime], current: datetime) -> Any:
        from tradewind.core.timetables.protocol import to_utc  # noqa: PLC0415 - few classes ask

        return as_pendulum(ask(to_utc(current)))


class NullTimetable(ForAuthors, simple.NullTimetable, Timetable):
    """`schedule=None`: runs come only when they are triggered."""


class OnceTimetable(ForAuthors, simple.OnceTimetable, Timetable):
    """`schedule="@once"`: one run."""


class ContinuousTimetable(ForAuthors, simple.ContinuousTimetable, Timetable):
    """`schedule="@continuous"`: the next run begins when the last one has ended."""


class CronDataIntervalTimetable(OfCron, interval.CronDataIntervalTimetable, Timetable):
    """Data intervals from one time of a cron expression to the next."""


class DeltaDataIntervalTimetable(ForAuthors, interval.DeltaDataIntervalTimetable, Timetable):
    """Data intervals of one length."""


class CronTriggerTimetable(OfCron, trigger.CronTriggerTimetable, Timetable):
    """Runs at the times of a cron expression."""


class DeltaTriggerTimetable(ForAuthors, trigger.DeltaTriggerTimetable, Timetable):
    """Runs at a distance from each other."""


class MultipleCronTriggerTimetable(ForAuthors, trigger.MultipleCronTriggerTimetable, Timetable):
    """Runs at the times of several cron expressions."""


class EventsTimetable(ForAuthors, events.EventsTimetable, Timetable):
    """Runs at listed dates."""


for _class in (
    NullTimetable,
    OnceTimetable,
    ContinuousTimetable,
    CronDataIntervalTimetable,
    DeltaDataIntervalTimetable,
    CronTriggerTimetable,
    DeltaTriggerTimetable,
    MultipleCronTriggerTimetable,
    EventsTimetable,
):
    register_author_class(_class, _class.type_name)


def _of_pendulum(date: datetime) -> Any:
    return as_pendulum(date)


def _interval(found: DataInterval | None) -> DataInterval | None:
    return None if found is None else DataInterval(_of_pendulum(found.start), _of_pendulum(found.end))
