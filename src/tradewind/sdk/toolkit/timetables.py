"""`Timetable`: what authors derive their own schedules from."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from tradewind.core.timetables.protocol import DagRunInfo, DataInterval, TimeRestriction


class Timetable:
    """An author's schedule: says when the next run is due and which data interval it covers.

    Dates come in as `pendulum.DateTime` in UTC; those that go out need a time zone.
    """

    description: str = ""
    periodic: bool = True
    can_be_scheduled: bool = True
    run_ordering: tuple[str, ...] = ("data_interval_end", "logical_date")
    active_runs_limit: int | None = None

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Make the timetable again from what `serialize` gave."""
        del data
        return cls()

    def serialize(self) -> dict[str, Any]:
        """Give what `deserialize` needs, as plain JSON types."""
        return {}

    def validate(self) -> None:
        """Raise `AirflowTimetableInvalid` for arguments that make no sense; for authors to override."""

    @property
    def summary(self) -> str:
        """A few characters for people."""
        return type(self).__name__

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the data interval of a run that somebody triggers at `run_after`."""
        raise NotImplementedError(f"{type(self).__name__} has no infer_manual_data_interval(*, run_after) method")

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Give the next scheduled run, or None when there is none.

        `last_automated_data_interval` is the interval of the last run that was scheduled or backfilled, None before
        the first.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no next_dagrun_info(*, last_automated_data_interval, restriction) method"
        )
