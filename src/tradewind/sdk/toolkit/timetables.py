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
    partitioned_at_runtime: bool = False
    """Whether tasks decide on a run's partitions."""

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Any:
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

    def generate_run_id(
        self,
        *,
        run_type: Any,
        run_after: datetime | None = None,
        data_interval: DataInterval | None = None,
        logical_date: datetime | None = None,
        **extra: Any,
    ) -> str:
        """Give a run_id: of the type and the date after which the run begins, its logical date in Airflow 2."""
        del data_interval, extra
        date = run_after if run_after is not None else logical_date
        return f"{run_type}__{date.isoformat() if date is not None else ''}"

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
