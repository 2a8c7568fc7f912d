"""Schedules that events of assets trigger, alone or beside a timetable.

Whether a condition of assets is met is a question to `tradewind.core.assets`; these say what it is, and everything about
time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.core.assets import words_of
from tradewind.core.timetables.protocol import (
    DagRunInfo,
    DataInterval,
    PlainTimetable,
    TimeRestriction,
    Timetable,
    to_utc,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.assets import Condition


class AssetTriggeredTimetable(PlainTimetable):
    """`schedule=` with assets: runs come when the condition is met."""

    type_name = "asset"
    periodic = False
    description = "Triggered by assets"

    def __init__(self, condition: Condition) -> None:
        """Take the condition as the DAG document has it."""
        self.condition = condition

    @property
    def summary(self) -> str:
        """What Airflow shows for it."""
        return "Asset"

    @property
    def waits_for(self) -> str:
        """The condition as people write it."""
        return words_of(self.condition)

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,  # noqa: ARG002 - every timetable is asked in these words
        restriction: TimeRestriction,  # noqa: ARG002 - every timetable is asked in these words
        now: datetime,  # noqa: ARG002 - every timetable is asked in these words
    ) -> DagRunInfo | None:
        """Give None: no date makes a run."""
        return None

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the empty interval at the moment of the trigger."""
        return DataInterval.exact(to_utc(run_after))

    def serialize(self) -> dict[str, Any]:
        """Give the condition."""
        return {"condition": self.condition}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> AssetTriggeredTimetable:
        """Make the timetable again."""
        return cls(data["condition"])


class AssetOrTimeTimetable(AssetTriggeredTimetable):
    """Runs come when the condition is met, and besides when a timetable says so."""

    type_name = "asset_or_time"

    def __init__(self, condition: Condition, timetable: Timetable) -> None:
        """Take the condition and the timetable."""
        super().__init__(condition)
        self.timetable = timetable
        self.description = f"Triggered by assets or {timetable.description}"
        self.periodic = timetable.periodic
        self.can_be_scheduled = timetable.can_be_scheduled
        self.active_runs_limit = timetable.active_runs_limit

    @property
    def summary(self) -> str:
        """Both."""
        return f"Asset or {self.timetable.summary}"

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
        now: datetime,
    ) -> DagRunInfo | None:
        """Give what the timetable gives."""
        return self.timetable.next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction, now=now
        )

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give what the timetable gives."""
        return self.timetable.infer_manual_data_interval(run_after=run_after)

    def serialize(self) -> dict[str, Any]:
        """Give the condition, and the timetable as it is: the codec writes it down."""
        return {"condition": self.condition, "timetable": self.timetable}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> AssetOrTimeTimetable:
        """Make the timetable again; the codec has made the one in it."""
        return cls(data["condition"], data["timetable"])


def condition_of(timetable: Timetable) -> Condition | None:
    """Return the condition of assets that a schedule has, None for one that has none."""
    return timetable.condition if isinstance(timetable, AssetTriggeredTimetable) else None
