"""What stops a task from outside: SIGTERM and its `execution_timeout`, both as exceptions in the main thread.

An exception in the middle of a message would leave half a frame on the scheduler's socket. So whoever speaks on it
holds interrupts back meanwhile.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradewind.core.clock import SystemClock
from tradewind.sdk.exceptions import AirflowTaskTerminated, AirflowTaskTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


_clock = SystemClock()
_AT_ONCE_S = 0.000_001
_STDERR = 2
_TOLD_TO_STOP = "the task was told to stop (SIGTERM)"


class LeaveWorkerError(BaseException):
    """SIGTERM reached a worker that runs no task: it ends."""


class Interrupts:
    """The signals of one worker process. Only the main thread sees them."""

    def __init__(self) -> None:
        """Do nothing yet: `install` sets the handlers."""
        self.is_leaving = False
        """SIGTERM came: the process takes no more orders."""
        self.is_idle = False
        """Waiting for an order: SIGTERM ends the process at once."""
        self._on_kill: Callable[[], None] | None = None
        self._held = 0
        self._due: BaseException | None = None
        self._limit: str | None = None
        self._was_raised = False
        """The block under way was told that its time is over."""
        self._forward_pid: int | None = None
        self._main = threading.main_thread().ident

    def install(self) -> None:
        """Take SIGTERM: at the start, and again after a task that may have changed its handler."""
        if signal.getsignal(signal.SIGTERM) != self._terminate:
            signal.signal(signal.SIGTERM, self._terminate)

    @contextmanager
    def during(self, on_kill: Callable[[], None]) -> Iterator[None]:
        """Let SIGTERM call `on_kill` and raise `AirflowTaskTerminated` inside the block."""
        if self.is_leaving:
            raise AirflowTaskTerminated(_TOLD_TO_STOP)
        self._on_kill = on_kill
        try:
            yield
        finally:
            self._on_kill = None
            self._due = None

    @contextmanager
    def time_limit(self, limit_s: float | None, what: str, end_after_s: float = 0.0) -> Iterator[None]:
        """Raise `AirflowTaskTimeout` inside the block when it takes longer; None is no limit. `what` names it.

        With `end_after_s` the process is ended, with a line about it, where the block goes on for so long all the same.
        Outside the main thread, where no signal arrives, there is no limit either.
        """
        if limit_s is None or threading.get_ident() != self._main:
            yield
            return
        self._limit = f"{what} took longer than {limit_s:g} s"
        if limit_s <= 0:
            raise AirflowTaskTimeout(self._limit)
        handler = signal.signal(signal.SIGALRM, self._time_out)
        began_s = _clock.monotonic()
        rest_s, interval_s = signal.setitimer(signal.ITIMER_REAL, limit_s, end_after_s)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._limit = None
            self._was_raised = False
            signal.signal(signal.SIGALRM, handler)
            if rest_s:
                # Somebody else's timer, a test runner's for one, goes on where it was.
                elapsed_s = _clock.monotonic() - began_s
                signal.setitimer(signal.ITIMER_REAL, max(rest_s - elapsed_s, _AT_ONCE_S), interval_s)

    def forward_to(self, pid: int | None) -> None:
        """Pass SIGTERM on to the process that runs the task in this one's place; None: to nobody any more."""
        self._forward_pid = pid

    @contextmanager
    def held(self) -> Iterator[None]:
        """Put off what comes meanwhile until the end of the block."""
        if threading.get_ident() != self._main:
            yield
            return
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._due is not None and not self._held:
            due, self._due = self._due, None
            self._raise(due)

    def _terminate(self, _signum: int, _frame: FrameType | None) -> None:
        self.is_leaving = True
        if self._forward_pid is not None:
            os.kill(self._forward_pid, signal.SIGTERM)
        elif self._on_kill is not None:
            self._raise(AirflowTaskTerminated(_TOLD_TO_STOP))
        elif self.is_idle:
            raise LeaveWorkerError

    def _time_out(self, _signum: int, frame: FrameType | None) -> None:
        if self._limit is None:
            return
        if self._was_raised:
            code = frame.f_code if frame is not None else None
            place = f", in {code.co_name} ({code.co_filename}, line {frame.f_lineno})" if frame and code else ""
            text = f"Ended with its process: {self._limit}, and went on all the same{place}\n"
            # Whatever stream or logger it is at work in, it is not to be waited for.
            os.write(_STDERR, text.encode("utf-8", "backslashreplace"))
            os._exit(1)
        self._was_raised = True
        self._raise(AirflowTaskTimeout(self._limit))

    def _raise(self, interrupt: BaseException) -> None:
        if self._held:
            self._due = interrupt
            return
        on_kill = self._on_kill
        if on_kill is not None and isinstance(interrupt, AirflowTaskTerminated):
            # Before the exception: code on its way up may wait for the very thing that on_kill ends.
            on_kill()
        raise interrupt
