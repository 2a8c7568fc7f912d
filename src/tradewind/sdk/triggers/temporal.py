"""Triggers that wait for a moment."""

from __future__ import annotations

from datetime import datetime

from tradewind.core.clock import SystemClock
from tradewind.sdk.timezone import convert_to_utc, parse
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

    In place of the moment `target_time` may say it: a date, or text, a template too where a task starts from this
    trigger. Raises TypeError for what is no date and for both or none of the two, ValueError for a moment without a
    time zone.
    """

    def __init__(
        self,
        moment: datetime | None = None,
        *,
        target_time: datetime | str | None = None,
        end_from_trigger: bool = False,
    ) -> None:
        super().__init__()
        if (moment is None) == (target_time is None):
            raise TypeError("DateTimeTrigger requires exactly one of 'moment' or 'target_time'")
        if moment is not None and not isinstance(moment, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] - authors'
            raise TypeError(f"Expected datetime.datetime type for moment. Got {type(moment)}")
        if moment is not None and moment.tzinfo is None:
            raise ValueError("You cannot pass naive datetimes")
        self.target_time = target_time
        self.end_from_trigger = end_from_trigger
        self._moment = convert_to_utc(moment)

    @property
    def moment(self) -> datetime:
        """When it fires. Raises TypeError for a `target_time` that says no date."""
        if self._moment is None:
            target = self.target_time
            text = target.isoformat() if isinstance(target, datetime) else target
            if not isinstance(text, str) or not text:
                raise TypeError("DateTimeTrigger has neither a 'moment' nor a usable 'target_time'")
            self._moment = convert_to_utc(parse(text))
        return self._moment or _clock.now()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and the moment."""
        when = {"target_time": self.target_time} if self._moment is None else {"moment": self._moment}
        return (
            "airflow.providers.standard.triggers.temporal.DateTimeTrigger",
            {**when, "end_from_trigger": self.end_from_trigger},
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
