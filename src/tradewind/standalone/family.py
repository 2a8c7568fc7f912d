"""The supervisor of a process family: starts its members, starts them again when they die, ends them together.

It imports what the members share before it forks them, so that they share the memory too, and does nothing else: it
holds no thread, no connection and no author code.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradewind.core.clock import Clock

_log = logging.getLogger(__name__)

_ENDING = (signal.SIGTERM, signal.SIGINT)
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0
_STEADY_S = 10.0
"""A member that lived so long is started again without delay when it dies."""
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
EX_CONFIG = 78
"""Exit code (sysexits) of a member that cannot work with its settings: starting it again would not help."""


@dataclass(slots=True)
class Member:
    """One process of the family. `body` gets a function to call once it works, and returns its exit code."""

    name: str
    body: Callable[[Callable[[], None]], int]
    pid: int = 0
    started_at_s: float = 0.0
    delay_s: float = _FIRST_DELAY_S
    restart_at_s: float | None = None
    is_ready: bool = field(default=False)


class Family:
    """Runs its members until SIGTERM or SIGINT."""

    def __init__(
        self,
        members: Sequence[Member],
        *,
        clock: Clock,
        grace_s: float,
        on_ready: Callable[[], None],
    ) -> None:
        """`on_ready` is called once, when every member has said that it works."""
        self._members = list(members)
        self._clock = clock
        self._grace_s = grace_s
        self._on_ready: Callable[[], None] | None = on_ready
        self._pid = os.getpid()
        self._is_stopping = False
        self._exit_code = 0
        self._ready_in, self._ready_out = os.pipe()
        self._wake_in, self._wake_out = socket.socketpair()

    def run(self) -> int:
        """Start all members and watch over them; returns the exit code for the whole."""
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake_out.fileno(), warn_on_full_buffer=False)
        for number in _ENDING:
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, _ignore)
        gc.collect()
        gc.freeze()
        for member in self._members:
            self._start(member)
        while not self._is_stopping:
            self._wait(self._seconds_to_restart())
            self._reap()
            self._restart_due()
        self._end_all()
        return self._exit_code

    def _start(self, member: Member) -> None:
        member.restart_at_s = None
        member.is_ready = False
        member.started_at_s = self._clock.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        # Held back until the child no longer has the supervisor's handlers, which would swallow the signal.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        pid = os.fork()
        if pid == 0:
            self._become(member)
        member.pid = pid
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    def _become(self, member: Member) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_ENDING, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
            _mark_as(member.name)
            if os.getppid() != self._pid:
                return  # the supervisor died before it could be watched
            index = self._members.index(member)
            code = member.body(lambda: self._say_ready(index))
        except KeyboardInterrupt:
            code = 0
        except BaseException:  # noqa: BLE001 - a forked child must not return into the supervisor
            _log.exception("%s ended with an error", member.name)
        finally:
            logging.shutdown()
            os._exit(code)

    def _say_ready(self, index: int) -> None:
        os.write(self._ready_out, bytes([index]))

    def _wait(self, timeout_s: float | None) -> None:
        readable, _, _ = select.select([self._wake_in, self._ready_in], [], [], timeout_s)
        if self._wake_in in readable:
            with contextlib.suppress(BlockingIOError):
                self._wake_in.recv(4096)
        if self._ready_in in readable:
            for index in os.read(self._ready_in, 64):
                self._members[index].is_ready = True
            if self._on_ready is not None and all(member.is_ready for member in self._members):
                on_ready, self._on_ready = self._on_ready, None
                on_ready()

    def _reap(self) -> None:
        for member in self._members:
            if not member.pid:
                continue
            pid, status = os.waitpid(member.pid, os.WNOHANG)
            if pid:
                member.pid = 0
                self._after_death(member, os.waitstatus_to_exitcode(status))

    def _after_death(self, member: Member, code: int) -> None:
        if self._is_stopping:
            return
        if code == EX_CONFIG:
            self._exit_code, self._is_stopping = code, True
            return
        now_s = self._clock.monotonic()
        if now_s - member.started_at_s > _STEADY_S:
            member.delay_s = _FIRST_DELAY_S
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        _log.warning("%s ended (%s), starting it again in %.1f s", member.name, cause, member.delay_s)
        member.restart_at_s = now_s + member.delay_s
        member.delay_s = min(member.delay_s * 2, _LONGEST_DELAY_S)

    def _seconds_to_restart(self) -> float | None:
        due = [member.restart_at_s for member in self._members if member.restart_at_s is not None]
        return max(0.0, min(due) - self._clock.monotonic()) if due else None

    def _restart_due(self) -> None:
        now_s = self._clock.monotonic()
        for member in self._members:
            if member.restart_at_s is not None and member.restart_at_s <= now_s and not self._is_stopping:
                self._start(member)

    def _stop(self, _number: int, _frame: object) -> None:
        self._is_stopping = True

    def _end_all(self) -> None:
        for member in self._members:
            if member.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member.pid, signal.SIGTERM)
        deadline_s = self._clock.monotonic() + self._grace_s
        while any(member.pid for member in self._members):
            remaining_s = deadline_s - self._clock.monotonic()
            if remaining_s <= 0:
                break
            self._wait(remaining_s)
            self._reap()
        for member in self._members:
            if member.pid:
                _log.warning("%s did not end within %g s: killed", member.name, self._grace_s)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member.pid, signal.SIGKILL)
                os.waitpid(member.pid, 0)


def _mark_as(name: str) -> None:
    """Give the process a name for `ps` and `top`, and ask Linux for SIGTERM when the supervisor dies, however it dies.

    Elsewhere the members outlive a `kill -9` of the supervisor.
    """
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NAME, f"tw-{name}"[:15].encode(), 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _ignore(_number: int, _frame: object) -> None:
    """Wake the wait; `_reap` does the rest."""
