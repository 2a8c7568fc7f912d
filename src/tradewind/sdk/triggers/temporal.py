"""Triggers that wait for a moment."""

from __future__ import annotations

from datetime import datetime

from tradewind.core.clock import SystemClock
from tradewind.sdk.timezone import convert_to_utc
from tradewind.sdk.triggers.events import TaskSuccessEvent, TriggerEvent
from tradewind.sdk.triggers.trigger import BaseTrigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta
    from typing import Any

_clock = SystemClock()


class DateTimeTrigger(BaseTrigger):
    """Fires at `moment`, an aware date; with `end_from_trigger` the task succeeds without a worker then.

    Raises TypeError for what is no date, ValueError for one without a time zone.
    """

    def __init__(self, moment: datetime, *, end_from_trigger: bool = False) -> None:
        super().__init__()
        if not isinstance(moment, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] - authors'
            raise TypeError(f"Expected datetime.datetime type for moment. Got {type(moment)}")
        if moment.tzinfo is None:
            raise ValueError("You cannot pass naive datetimes")
        self.moment: datetime = convert_to_utc(moment) or moment
        self.end_from_trigger = end_from_trigger

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and the moment."""
        return (
            "airflow.providers.standard.triggers.temporal.DateTimeTrigger",
            {"moment": self.moment, "end_from_trigger": self.end_from_trigger},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep until the moment, by the wall clock: it may be set meanwhile."""
        from tradewind.sdk.triggers.sleeping import sleep_until  # noqa: PLC0415 - only the triggerer runs triggers

        self.log.info("Waiting until %s", self.moment.isoformat())
        await sleep_until(self.moment)
        self.log.info("The moment has come")
        if self.end_from_trigger:
            yield TaskSuccessEvent()
        else:
            yield TriggerEvent(self.moment)


class TimeDeltaTrigger(DateTimeTrigger):
    """Fires after `delta`. It is the moment that is stored, so a restart does not begin the wait anew."""

    def __init__(self, delta: timedelta, *, end_from_trigger: bool = False) -> None:
        super().__init__(moment=_clock.now() + delta, end_from_trigger=end_from_trigger)
