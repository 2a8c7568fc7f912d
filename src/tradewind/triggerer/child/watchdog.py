"""Notices a loop that stands still, and says whose doing it is.

It measures progress, not time: a beat is put into the loop, and while it is not answered the watching thread looks at
short intervals. Only intervals count that this thread itself spent as long as it meant to, so that a process that is
stopped, starved or asleep with its machine is never called blocked. A loop with much to do changes from task to task
between two looks and is not called blocked either: only one task that is at work at every look.
"""

from __future__ import annotations

import asyncio
import linecache
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.core.clock import Clock

LOOKS = 4
"""So many looks in a row have to find the same."""
_OWN = str(Path(__file__).parent)
_REST_S = 0.25
"""Between two beats, while there is something to watch."""


class Watchdog:
    """Watches one loop from a thread of its own."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_blocked: Callable[[str, str, float], None],
        blocked_after_s: float,
        clock: Clock | None = None,
    ) -> None:
        """Call `on_blocked` in the watching thread with the name of the task, where it is, and for how long."""
        self._loop = loop
        self._on_blocked = on_blocked
        self._look_s = blocked_after_s / LOOKS
        self._clock = clock or SystemClock()
        self._thread_id = threading.get_ident()
        self._beat = threading.Event()
        self._wanted = threading.Event()
        self._is_over = False

    def start(self) -> None:
        """Begin, from the loop's own thread."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def want(self, *, is_wanted: bool) -> None:
        """Watch, or rest while there is nothing to watch."""
        if is_wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    def stop(self) -> None:
        """End."""
        self._is_over = True
        self._beat.set()
        self._wanted.set()

    def _watch(self) -> None:
        while not self._is_over:
            self._wanted.wait()
            self._beat.clear()
            try:
                self._loop.call_soon_threadsafe(self._beat.set)
            except RuntimeError:
                return  # the loop is closed
            self._look()
            threading.Event().wait(_REST_S)

    def _look(self) -> None:
        """Wait for the answer to a beat; tell when one task keeps the loop from it."""
        found: int | None = None
        looks, has_told = 0, False
        while not self._is_over:
            before_s = self._clock.monotonic()
            if self._beat.wait(self._look_s):
                return
            was_on_time = self._clock.monotonic() - before_s < 2 * self._look_s
            current = self._current()
            looks = looks + 1 if was_on_time and current is not None and current == found else int(was_on_time)
            found = current
            if looks >= LOOKS and not has_told:
                has_told = True
                self._on_blocked(self._name(), self._where(), looks * self._look_s)

    def _current(self) -> int | None:
        task = asyncio.current_task(self._loop)
        return None if task is None else id(task)

    def _name(self) -> str:
        task = asyncio.current_task(self._loop)
        return "?" if task is None else task.get_name()

    def _where(self) -> str:
        """Return the lines of author code that the loop's thread is at, below asyncio's own, the innermost first."""
        frame = sys._current_frames().get(self._thread_id)  # noqa: SLF001 - the way to another thread's stack
        lines: list[str] = []
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(_OWN):
                break
            if "/asyncio/" not in name:
                text = linecache.getline(name, frame.f_lineno).strip()
                lines.append(f"{name}:{frame.f_lineno} in {frame.f_code.co_name}: {text}")
            elif lines:
                break
            frame = frame.f_back
        return "\n".join(lines[:5]) or "?"
