"""`BaseSensorOperator`: a task that waits until its `poke` says that what it waits for is there.

Between two looks it sleeps in the worker (`mode="poke"`) or leaves the worker, its slot and its pool free
(`mode="reschedule"`). A deferrable sensor hands itself to a trigger instead; its class says to which.
"""

from __future__ import annotations

import hashlib
import time
from datetime import timedelta

from tradewind.core.clock import SystemClock
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferralTimeout,
)
from tradewind.sdk.runtime.waiting import first_look_at
from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from typing import Any, NoReturn, TypeVar

    C = TypeVar("C", bound=type)

_WEEK_S = 7 * 24 * 3600.0
_MODES = ("poke", "reschedule")
_LONGEST_S = timedelta.max.total_seconds() - 1
_clock = SystemClock()


class SensorArgumentError(AirflowException, ValueError):
    """An argument of a sensor makes no sense. Airflow 2 raises AirflowException for it, Airflow 3 ValueError."""


class PokeReturnValue:
    """What `poke` may return in place of a truth value: whether the sensor is done, and the XCom it leaves then."""

    def __init__(self, is_done: bool, xcom_value: Any | None = None) -> None:
        self.is_done = is_done
        self.xcom_value = xcom_value

    def __bool__(self) -> bool:
        return self.is_done


class BaseSensorOperator(BaseOperator):
    """Base of sensors: subclasses implement `poke(context)`.

    `poke_interval`: seconds or timedelta between two looks; with `exponential_backoff` it doubles from look to look, up
    to `max_wait`. `timeout` counts from the first look, over reschedules; when it is over the task fails without a
    retry. `soft_fail` skips the task instead; for a file with Airflow 2's defaults it does so after any error of
    `poke`, else after a timeout or `AirflowFailException`. `never_fail` skips after any error, `silent_fail` logs an
    error and looks again. Raises `SensorArgumentError` for values that make no sense.
    """

    ui_color = "#e6f1f2"
    valid_modes: Iterable[str] = _MODES
    _is_sensor: bool = True

    def __init__(
        self,
        *,
        poke_interval: timedelta | float = 60,
        timeout: timedelta | float | None = None,
        soft_fail: bool = False,
        mode: str = "poke",
        exponential_backoff: bool = False,
        max_wait: timedelta | float | None = None,
        silent_fail: bool = False,
        never_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if soft_fail and never_fail:
            raise SensorArgumentError(f"{self!r}: soft_fail and never_fail exclude each other: choose one")
        if mode not in self.valid_modes:
            modes = " or ".join(map(repr, self.valid_modes))
            raise SensorArgumentError(f"{self!r}: The mode must be one of {modes}, got {mode!r}")
        if timeout is None:
            timeout = conf.getfloat("sensors", "default_timeout", fallback=_WEEK_S)
        self.poke_interval = self._seconds("poke_interval", poke_interval)
        self.timeout = self._seconds("timeout", timeout)
        self.soft_fail = soft_fail
        self.mode = mode
        self.exponential_backoff = exponential_backoff
        self.max_wait = None if max_wait is None else timedelta(seconds=self._seconds("max_wait", max_wait))
        self.silent_fail = silent_fail
        self.never_fail = never_fail

    def _seconds(self, name: str, value: Any) -> float:
        if isinstance(value, timedelta):
            value = value.total_seconds()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            msg = f"{self!r}: Operator arg `{name}` must be timedelta object or a non-negative number, got {value!r}"
            raise SensorArgumentError(msg)
        return value

    @property
    def reschedule(self) -> bool:
        """Whether its mode is `reschedule`."""
        return self.mode == "reschedule"

    def poke(self, context: Any) -> bool | PokeReturnValue:  # noqa: ARG002 - what subclasses are given
        """Look: return whether what the sensor waits for is there, or a `PokeReturnValue`."""
        raise AirflowException(f"{type(self).__name__} has no poke(context) method")

    def execute(self, context: Any) -> Any:
        """Look until `poke` says that the wait is over; return the XCom that it leaves.

        Raises `AirflowRescheduleException` to leave the worker until the next look, `AirflowSensorTimeout` or
        `AirflowSkipException` when it has waited long enough, and what `poke` raises.
        """
        leaves = self.reschedule
        started_at, waited_s = _stopwatch(context) if leaves else _stopwatch_of_process()
        looks = 1
        while True:
            answer = self._look(context)
            if answer:
                self.log.info("Success criteria met. Exiting.")
                return answer.xcom_value if isinstance(answer, PokeReturnValue) else None
            if self._is_late(waited_s()):
                self._give_up(waited_s())
            pause_s = self._get_next_poke_interval(started_at, waited_s, looks)
            if leaves:
                raise AirflowRescheduleException(_clock.now() + timedelta(seconds=min(pause_s, _WEEK_S)))
            time.sleep(pause_s)
            looks += 1

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Go on after a wait outside the worker.

        Raises `AirflowSensorTimeout` when that took too long, `AirflowSkipException` for a failure that `soft_fail` or
        `never_fail` forgives.
        """
        try:
            return self._go_on(next_method, next_kwargs, context)
        except AirflowSkipException:
            raise
        except AirflowException as error:
            self._skip_if_wanted(error)
            raise

    def _go_on(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout as error:
            raise AirflowSensorTimeout(*error.args) from error

    def _look(self, context: Any) -> Any:
        try:
            return self.poke(context)
        except AirflowSkipException:
            raise
        except (AirflowSensorTimeout, AirflowTaskTimeout, AirflowFailException) as error:
            self._skip_if_wanted(error)
            raise
        except Exception as error:
            if self.silent_fail:
                self.log.exception("poke() failed; the sensor looks again")
                return False
            if self.never_fail or self._has_defaults_of_airflow_2():
                self._skip_if_wanted(error)
            raise

    def _skip_if_wanted(self, error: BaseException) -> None:
        for name in ("soft_fail", "never_fail"):
            if getattr(self, name):
                raise AirflowSkipException(f"Skipping due to {name} is set to True.") from error

    def _has_defaults_of_airflow_2(self) -> bool:
        dag = self.get_dag()
        return dag is not None and dag.airflow_defaults < 3

    def _is_late(self, waited_s: float) -> bool:
        """Say whether it has waited for longer than its timeout."""
        return waited_s > self.timeout

    def _give_up(self, waited_s: float) -> NoReturn:
        message = (
            f"Sensor has timed out; run duration of {waited_s} seconds exceeds the specified timeout of {self.timeout}."
        )
        raise AirflowSkipException(message) if self.soft_fail else AirflowSensorTimeout(message)

    def _get_next_poke_interval(
        self, started_at: datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        """Return the seconds to the next look. `started_at` tells waits apart, so that not all sensors look at once."""
        if not self.exponential_backoff:
            return self.poke_interval
        if self.reschedule:
            # The looks before were other processes: so many as fill the time since the first.
            poke_count, filled_s = 0, 0.0
            while filled_s <= run_duration():
                poke_count += 1
                filled_s += self._backoff_s(started_at, poke_count)
        pause_s = min(self.timeout - int(run_duration()), self._backoff_s(started_at, poke_count))
        if self.max_wait is not None:
            pause_s = min(self.max_wait.total_seconds(), pause_s)
        self.log.info("new %s interval is %s", self.mode, pause_s)
        return max(pause_s, 0)

    def _backoff_s(self, started_at: datetime | float, poke_count: int) -> float:
        """Return a pause of half the interval doubled with each look, and up to as much again by chance."""
        shortest_s = max(int(self.poke_interval * 2 ** min(poke_count - 2, 64)), 1)
        seed = f"{self.dag_id}#{self.task_id}#{started_at}#{poke_count}".encode()
        chance = int(hashlib.sha1(seed, usedforsecurity=False).hexdigest(), 16) % shortest_s
        return min(shortest_s + chance, _LONGEST_S)


def _stopwatch(context: Any) -> tuple[datetime, Callable[[], float]]:
    started_at = first_look_at(context)

    def waited_s() -> float:
        return (_clock.now() - started_at).total_seconds()

    return started_at, waited_s


def _stopwatch_of_process() -> tuple[float, Callable[[], float]]:
    started = time.monotonic()
    return started, lambda: time.monotonic() - started


def poke_mode_only(cls: C) -> C:
    """Decorate a sensor class whose looks depend on each other: its mode can be no other than `poke`.

    Raises ValueError for what is no sensor class; assigning another mode raises ValueError too.
    """
    if not issubclass(cls, BaseSensorOperator):
        raise ValueError(f"poke_mode_only is for subclasses of BaseSensorOperator, which {cls!r} is not")  # noqa: TRY004 - Airflow's
    decorated: Any = cls

    def get_mode(_sensor: object) -> str:
        return "poke"

    def set_mode(_sensor: object, value: str) -> None:
        if value != "poke":
            raise ValueError(f"Cannot set mode to {value!r}. Only 'poke' is acceptable for {cls.__name__}")

    decorated.mode = property(get_mode, set_mode)
    return cls
