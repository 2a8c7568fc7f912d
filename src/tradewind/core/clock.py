"""The clock: the one place that asks the operating system what time it is.

The core itself never asks; it is told. Whoever tells it holds a `Clock`, so that tests and simulation can hold another.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Protocol


class Clock(Protocol):
    """What a process may ask about time."""

    def now(self) -> datetime:
        """Give the wall time, aware and in UTC: for what is stored and compared with other machines."""
        ...

    def monotonic(self) -> float:
        """Give seconds from an arbitrary start that never go back: for durations and deadlines within a process."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Give the wall time, aware and in UTC."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()
