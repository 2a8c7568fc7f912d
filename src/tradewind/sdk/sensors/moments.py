"""Sensors that wait for a moment: of a date, of the day, or so long after another one.

As they know when the wait is over, they look again at that moment and not up to a `poke_interval` later. Those that
leave the worker come back once, at it: in `mode="reschedule"` by themselves, with `deferrable=True` (and in Airflow's
`...Async` classes) through a `DateTimeTrigger`, which costs no triggerer: the scheduler's timer stands in for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tradewind.core.clock import SystemClock
from tradewind.sdk.runtime.waiting import defers_by_default, first_look_at
from tradewind.sdk.sensors.sensor import BaseSensorOperator
from tradewind.sdk.timezone import parse
from tradewind.sdk.triggers.events import StartTriggerArgs
from tradewind.sdk.triggers.temporal import DateTimeTrigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import time
    from typing import Any

_clock = SystemClock()


class MomentSensor(BaseSensorOperator):
    """Base of sensors that wait for a moment: subclasses say which."""

    deferrable: bool = False
    end_from_trigger: bool = False
    _awaited: datetime | None = None

    def moment(self, context: Any) -> datetime:
        """Return the moment after which the wait is over, aware."""
        raise NotImplementedError(f"{type(self).__name__} has no moment(context) method")

    def execute(self, context: Any) -> Any:
        """Wait for the moment, in the worker or outside."""
        if not self.deferrable:
            return super().execute(context)
        return self.defer(
            trigger=DateTimeTrigger(self.moment(context), end_from_trigger=self.end_from_trigger),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) if self._has_timeout() else None,
        )

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """End: the moment has come."""

    def poke(self, context: Any) -> bool:
        """Say whether the moment is over."""
        self._awaited = awaited = self.moment(context)
        self.log.info("Checking if the time (%s) has come", awaited)
        return _clock.now() > awaited

    def _has_timeout(self) -> bool:
        """Say whether `timeout` counts. As in Airflow it does not in a deferred wait, but in that of `TimeDeltaSensor`."""
        return not self.deferrable

    def _is_late(self, waited_s: float) -> bool:
        return self._has_timeout() and super()._is_late(waited_s)

    def _get_next_poke_interval(
        self, started_at: datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        rest_s = max(0.0, (self._awaited - _clock.now()).total_seconds()) if self._awaited is not None else 0.0
        if self.reschedule:
            return max(0.0, min(rest_s, self.timeout - run_duration())) if self._has_timeout() else rest_s
        return min(rest_s, super()._get_next_poke_interval(started_at, run_duration, poke_count))


class DateTimeSensor(MomentSensor):
    """Waits until `target_time`: a date with its time, or text (a template too) that says one."""

    template_fields: Sequence[str] = ("target_time",)

    def __init__(self, *, target_time: str | datetime, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_time = target_time

    def moment(self, context: Any) -> datetime:  # noqa: ARG002 - as of any moment
        """Return the target time, without a zone in the default one. Raises TypeError when it is neither."""
        target: Any = self.target_time
        if isinstance(target, datetime):
            target = target.isoformat()
        if not isinstance(target, str):
            kind = type(target).__name__
            raise TypeError(f"Expected str or datetime.datetime type for target_time. Got {kind}")
        return parse(target)


class DateTimeSensorAsync(DateTimeSensor):
    """Waits until `target_time` outside the worker."""

    deferrable = True

    def __init__(
        self,
        *,
        start_from_trigger: bool = False,
        end_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.start_from_trigger = start_from_trigger
        self.end_from_trigger = end_from_trigger
        self.trigger_kwargs = trigger_kwargs
        if start_from_trigger:
            self.start_trigger_args = StartTriggerArgs(
                trigger_cls="airflow.providers.standard.triggers.temporal.DateTimeTrigger",
                trigger_kwargs={"target_time": self.target_time, "end_from_trigger": end_from_trigger},
                next_method="execute_complete",
            )


class TimeSensor(MomentSensor):
    """Waits until the time of the day `target_time`, in the zone of the DAG, on the day of the first look."""

    def __init__(
        self,
        *,
        target_time: time,
        deferrable: bool | None = None,
        start_from_trigger: bool = False,
        end_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target_time = target_time
        self.deferrable = defers_by_default(deferrable)
        # The moment is that of the day on which the task runs, which nobody knows before: a worker says it.
        del start_from_trigger
        self.end_from_trigger = end_from_trigger
        self.trigger_kwargs = trigger_kwargs

    @property
    def target_datetime(self) -> datetime:
        """The moment, if the first look were now."""
        return self._on_day_of(_clock.now())

    def moment(self, context: Any) -> datetime:
        """Return the time of the day, on the day of the first look."""
        return self._on_day_of(first_look_at(context))

    def _on_day_of(self, now: datetime) -> datetime:
        zone = self.dag.timezone
        return datetime.combine(now.astimezone(zone), self.target_time, zone).astimezone(timezone.utc)


class TimeSensorAsync(TimeSensor):
    """`TimeSensor(deferrable=True)`, as Airflow 2 called it."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("deferrable", True)
        super().__init__(**kwargs)


class TimeDeltaSensor(MomentSensor):
    """Waits until `delta` after the end of the run's data interval, or after the run was due where it has none.

    `delta` may be a template; what is no timedelta then is a number of minutes.
    """

    template_fields: Sequence[str] = ("delta",)

    def __init__(
        self,
        *,
        delta: timedelta | int | str,
        deferrable: bool | None = None,
        end_from_trigger: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.delta = delta
        self.deferrable = defers_by_default(deferrable)
        self.end_from_trigger = end_from_trigger

    def _has_timeout(self) -> bool:
        return True

    def execute(self, context: Any) -> Any:
        """Wait for the moment; outside the worker only where it is still to come."""
        if self.deferrable and _clock.now() > self.moment(context):
            return True
        return super().execute(context)

    def moment(self, context: Any) -> datetime:
        """Return the end of the data interval, or when the run was due, and the delta after it."""
        return (context.get("data_interval_end") or context["dag_run"].run_after) + _as_timedelta(self.delta)


class TimeDeltaSensorAsync(TimeDeltaSensor):
    """`TimeDeltaSensor(deferrable=True)`, as Airflow 2 called it."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("deferrable", True)
        super().__init__(**kwargs)


class WaitSensor(MomentSensor):
    """Waits for `time_to_wait` from the start of the task: a timedelta, or a number of minutes. It has no timeout."""

    template_fields: Sequence[str] = ("time_to_wait",)

    def __init__(
        self,
        *,
        time_to_wait: timedelta | int | str,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.time_to_wait = time_to_wait
        self.deferrable = defers_by_default(deferrable)
        # Airflow's ends without a worker too.
        self.end_from_trigger = True
        self._began_at: datetime | None = None

    def moment(self, context: Any) -> datetime:
        """Return the start of the task, and the wait after it."""
        if self._began_at is None:
            self._began_at = first_look_at(context)
        return self._began_at + _as_timedelta(self.time_to_wait)

    def _has_timeout(self) -> bool:
        return False


def _as_timedelta(value: Any) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(minutes=int(value))
