"""The loop's ears and clock: one selector for every socket, one heap for every timer, one inbox for what they bring."""

from __future__ import annotations

import contextlib
import heapq
import selectors
import socket
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.executors.port import CallbackLost, Lost
    from tradewind.metadata.doorbell import Ring
    from tradewind.serialization.messages import Report, StoreCall, StoreReply

    Delivery = Report | Lost | CallbackLost | Ring


_LONGEST_SLEEP_S = 60.0
"""So late at most is a set wall clock noticed."""


class SelectorReactor:
    """`tradewind.executors.port.Reactor` over a selector. Everything happens in the thread that calls `turn`."""

    def __init__(self, clock: Clock, answer: Callable[[StoreCall], StoreReply]) -> None:
        """Answer workers' store calls with `answer`; measure timers by `clock.monotonic`."""
        self.inbox: list[Delivery] = []
        self._clock = clock
        self._answer = answer
        self._selector = selectors.DefaultSelector()
        self._timers: list[_Timer] = []
        self._numbers = count()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self.watch(self._wake_in.fileno(), self._swallow_wakes)

    def watch(self, fileno: int, on_readable: Callable[[], None]) -> None:
        """Call `on_readable` whenever `fileno` has something to read."""
        self._selector.register(fileno, selectors.EVENT_READ, on_readable)

    def unwatch(self, fileno: int) -> None:
        """Stop watching; call before the descriptor is closed."""
        self._selector.unregister(fileno)

    def call_after(self, delay_s: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once after `delay_s`; returns a function that cancels it, harmless when it is too late."""
        timer = _Timer(self._clock.monotonic() + max(0.0, delay_s), next(self._numbers), callback)
        heapq.heappush(self._timers, timer)
        return timer.cancel

    def call_at(self, at: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once when the wall clock shows `at`, also when that clock is set meanwhile."""
        cancel = [lambda: None]

        def look() -> None:
            remaining_s = (at - self._clock.now()).total_seconds()
            if remaining_s <= 0:
                callback()
            else:
                cancel[0] = self.call_after(min(remaining_s, _LONGEST_SLEEP_S), look)

        cancel[0] = self.call_after(min((at - self._clock.now()).total_seconds(), _LONGEST_SLEEP_S), look)
        return lambda: cancel[0]()  # noqa: PLW0108 - the entry changes with every look

    def deliver(self, report: Delivery) -> None:
        """Put a report into the inbox."""
        self.inbox.append(report)

    def answer(self, call: StoreCall) -> StoreReply:
        """Carry out a worker's store call."""
        return self._answer(call)

    def wake(self) -> None:
        """End the present wait. Safe from a signal handler and from other threads."""
        with contextlib.suppress(BlockingIOError):
            self._wake_out.send(b"w")

    def take_inbox(self) -> list[Delivery]:
        """Return what has arrived since the last call, in order."""
        inbox, self.inbox = self.inbox, []
        return inbox

    def turn(self, *, wait: bool = True) -> None:
        """Wait until a socket is readable or a timer due, and call back everything that is."""
        timeout = self._seconds_to_next_timer() if wait and not self.inbox else 0.0
        watched = self._selector.get_map()
        for key, _ in self._selector.select(timeout):
            # What was called back just now may have closed this one, and its number may belong to another already.
            if watched.get(key.fd) is key:
                key.data()
        now = self._clock.monotonic()
        while self._timers and self._timers[0].due <= now:
            callback = heapq.heappop(self._timers).callback
            if callback is not None:
                callback()

    def close(self) -> None:
        """Give the selector back."""
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def _swallow_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_in.recv(4096)

    def _seconds_to_next_timer(self) -> float | None:
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0].due - self._clock.monotonic()) if self._timers else None


class _Timer:
    """One entry of the heap; cancelled by losing its callback."""

    __slots__ = ("callback", "due", "number")

    def __init__(self, due: float, number: int, callback: Callable[[], None]) -> None:
        self.due = due
        self.number = number
        self.callback: Callable[[], None] | None = callback

    def __lt__(self, other: _Timer) -> bool:
        return (self.due, self.number) < (other.due, other.number)

    def cancel(self) -> None:
        self.callback = None
