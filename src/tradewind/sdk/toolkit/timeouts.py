"""A time limit for a block of code."""

from __future__ import annotations

import signal

from tradewind.sdk.exceptions import AirflowTaskTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any


class timeout:  # noqa: N801 - Airflow's name
    """Raise `AirflowTaskTimeout` in a `with` block that takes longer than `seconds`; in the main thread only.

    An alarm that was set before goes on after the block.
    """

    def __init__(self, seconds: float = 1, error_message: str = "Timeout") -> None:
        self.seconds = seconds
        self.error_message = error_message
        self._handler_before: Any = None
        self._left_before = 0.0

    def __enter__(self) -> None:
        self._handler_before = signal.signal(signal.SIGALRM, self._stop)
        self._left_before, _ = signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def __exit__(self, *_details: object) -> None:
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._handler_before)
        if self._left_before:
            spent = self.seconds - left
            signal.setitimer(signal.ITIMER_REAL, max(self._left_before - spent, 0.001))

    def _stop(self, _signal_number: int, _frame: FrameType | None) -> None:
        raise AirflowTaskTimeout(f"{self.error_message} after {self.seconds} s")
