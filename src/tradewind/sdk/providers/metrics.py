"""`Stats`: the counters and timers that provider packages and DAG files write to."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Timer:
    """Measures how long what it is wrapped round takes. `duration` is in milliseconds once it has stopped."""

    def __init__(self) -> None:
        self.duration: float | None = None
        self._began_s = 0.0

    def __enter__(self) -> Timer:  # noqa: PYI034 - Python 3.10 has no Self
        """Begin to measure."""
        return self.start()

    def __exit__(self, *_error: object) -> None:
        """Stop measuring."""
        self.stop()

    def start(self) -> Timer:
        """Begin to measure."""
        self._began_s = time.perf_counter()
        return self

    def stop(self, send: bool = True) -> None:  # noqa: ARG002 - Airflow's callers pass it
        """Stop measuring."""
        self.duration = 1000 * (time.perf_counter() - self._began_s)


class Stats:
    """Takes what code written for Airflow tells of itself. Nothing is sent anywhere: Tradewind measures its own parts."""

    @classmethod
    def incr(cls, stat: str, count: int = 1, rate: float = 1, *, tags: Any = None, **_: Any) -> None:
        """Count something."""

    @classmethod
    def decr(cls, stat: str, count: int = 1, rate: float = 1, *, tags: Any = None, **_: Any) -> None:
        """Count something down."""

    @classmethod
    def gauge(
        cls, stat: str, value: float, rate: float = 1, delta: bool = False, *, tags: Any = None, **_: Any
    ) -> None:
        """Say how much of something there is."""

    @classmethod
    def timing(cls, stat: str, dt: Any, *, tags: Any = None, **_: Any) -> None:
        """Say how long something took."""

    @classmethod
    def timer(cls, _stat: str | None = None, *_args: Any, **_kwargs: Any) -> Timer:
        """Return what measures how long its block takes."""
        return Timer()
