"""A timetable of listed dates."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tradewind.core.timetables.protocol import (
    DagRunInfo,
    DataInterval,
    PlainTimetable,
    TimeRestriction,
    to_utc,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


class EventsTimetable(PlainTimetable):
    """Runs at listed moments, such as the matches of a season. A moment that is listed twice counts once."""

    type_name = "events"

    def __init__(
        self,
        event_dates: Iterable[datetime],
        restrict_to_events: bool = False,  # noqa: FBT001, FBT002 - Airflow's signature
        presorted: bool = False,  # noqa: FBT001, FBT002 - Airflow's signature
        description: str | None = None,
    ) -> None:
        """Take the dates in any order; raises ValueError for one without a time zone.

        With `restrict_to_events` a triggered run takes the latest listed date instead of the present. `presorted` is
        accepted for Airflow's sake; sorting what is sorted costs nothing to speak of.
        """
        del presorted
        self.event_dates = sorted(event_dates, key=to_utc)
        self.restrict_to_events = restrict_to_events
        self._moments = [to_utc(date) for date in self.event_dates]
        self._given_description = description
        self.description = description if description is not None else self._described()

    @property
    def summary(self) -> str:
        """The author's description, else how many dates are listed."""
        return f"{len(self.event_dates)} events" if self._given_description is None else self._given_description

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
        now: datetime,
    ) -> DagRunInfo | None:
        """Give a run at the first listed moment after the last run that the bounds allow; without catchup, from now on."""
        bounds = [] if restriction.earliest is None else [to_utc(restriction.earliest)]
        if not restriction.catchup:
            bounds.append(to_utc(now))
        place = bisect_left(self._moments, max(bounds)) if bounds else 0
        if last_automated_data_interval is not None:
            place = max(place, bisect_right(self._moments, to_utc(last_automated_data_interval.end)))
        if place == len(self._moments):
            return None
        event_at = self._moments[place]
        if restriction.latest is not None and event_at > to_utc(restriction.latest):
            return None
        return DagRunInfo.exact(event_at)

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Give the moment of the trigger; where restricted to events, the latest listed one or else the first."""
        run_after = to_utc(run_after)
        if not self.restrict_to_events or not self._moments:
            return DataInterval.exact(run_after)
        return DataInterval.exact(self._moments[max(0, bisect_right(self._moments, run_after) - 1)])

    def serialize(self) -> dict[str, Any]:
        """Give the dates as ISO text with their offsets."""
        return {
            "event_dates": [date.isoformat() for date in self.event_dates],
            "restrict_to_events": self.restrict_to_events,
            "description": self._given_description,
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> EventsTimetable:
        """Make the timetable again."""
        dates = [datetime.fromisoformat(text) for text in data["event_dates"]]
        return cls(dates, restrict_to_events=data["restrict_to_events"], description=data["description"])

    def _described(self) -> str:
        if not self.event_dates:
            return "No events"
        first, last = self.event_dates[0].isoformat(), self.event_dates[-1].isoformat()
        return f"{len(self.event_dates)} events between {first} and {last}"
