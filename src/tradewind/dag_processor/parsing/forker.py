"""The parse forker: a small interpreter with the authoring package loaded, which forks one child per DAG file.

It imports no author code itself, runs no thread and keeps no state, so that it can be killed and started at any time.
Run as `python -m tradewind.dag_processor.parsing.forker SETUP`, with `SETUP` a `ForkerSetup` in JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import selectors
import signal
import socket
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from tradewind.core.clock import SystemClock
from tradewind.dag_processor.parsing import child
from tradewind.dag_processor.parsing.messages import ChildEnd, ForkerSetup, ParseRequest, decode_request, pack
from tradewind.serialization.messages import FrameBuffer

if TYPE_CHECKING:
    from tradewind.core.clock import Clock

KEPT_OUTPUT_BYTES = 16 * 1024
"""Kept of a child's output from its beginning, and again from its end."""
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_READ_BYTES = 1 << 16


@dataclass(slots=True)
class Running:
    """One child at work."""

    request: ParseRequest
    pid: int
    output_fd: int
    kill_at: float
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    was_too_slow: bool = False

    def keep(self, chunk: bytes) -> None:
        """Keep what fits of the child's output."""
        room = KEPT_OUTPUT_BYTES - len(self.head)
        self.head += chunk[:room]
        self.tail += chunk[room:]
        if len(self.tail) > 2 * KEPT_OUTPUT_BYTES:
            del self.tail[:-KEPT_OUTPUT_BYTES]

    def output(self) -> str:
        """Return the kept output as text."""
        tail = bytes(self.tail[-KEPT_OUTPUT_BYTES:])
        gap = b"\n[...]\n" if len(self.tail) > KEPT_OUTPUT_BYTES else b""
        return (bytes(self.head) + gap + tail).decode("utf-8", "replace")


class Forker:
    """Reads requests from the control socket, forks, and reports the end of each child."""

    def __init__(self, setup: ForkerSetup, clock: Clock) -> None:
        self._setup = setup
        self._clock = clock
        self._control = socket.socket(fileno=setup.control_fd)
        self._frames = FrameBuffer()
        self._descriptors: deque[int] = deque()
        self._waiting: deque[tuple[ParseRequest, int]] = deque()
        self._running: dict[int, Running] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._is_over = False

    def run(self) -> None:
        """Serve until the other side closes the control socket; children still at work are killed then."""
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._selector.register(self._control, selectors.EVENT_READ, self._read_control)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._read_wake)
        while not self._is_over:
            for key, _events in self._selector.select(self._patience()):
                key.data()
            self._reap()
            self._kill_slow()
            self._fork_waiting()
        for running in self._running.values():
            _kill_group(running.pid)

    def _patience(self) -> float | None:
        deadlines = [running.kill_at for running in self._running.values() if not running.was_too_slow]
        return max(0.0, min(deadlines) - self._clock.monotonic()) if deadlines else None

    def _read_control(self) -> None:
        try:
            chunk, descriptors, _flags, _address = socket.recv_fds(self._control, _READ_BYTES, 64)
        except ConnectionError:
            chunk, descriptors = b"", []
        self._descriptors += descriptors
        if not chunk:
            self._is_over = True
            return
        for body in self._frames.feed(chunk):
            self._waiting.append((decode_request(body), self._descriptors.popleft()))

    def _read_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, _READ_BYTES)

    def _fork_waiting(self) -> None:
        while self._waiting and len(self._running) < self._setup.parsing_processes:
            request, result_fd = self._waiting.popleft()
            self._fork(request, result_fd)
            os.close(result_fd)

    def _fork(self, request: ParseRequest, result_fd: int) -> None:
        output_read, output_write = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(output_read)
            os.close(output_write)
            self._send(ChildEnd(request_id=request.request_id, status=1, output=f"no process: {error.strerror}"))
            return
        if pid == 0:
            self._become_child(request, result_fd, output_write)
        os.close(output_write)
        os.set_blocking(output_read, False)
        running = Running(request, pid, output_read, self._clock.monotonic() + self._setup.kill_timeout_s)
        self._running[pid] = running
        self._selector.register(output_read, selectors.EVENT_READ, lambda: self._read_output(running))

    def _become_child(self, request: ParseRequest, result_fd: int, output_fd: int) -> None:
        """Run the child's part in the forked process and leave it. Never returns."""
        status = child.EXIT_BROKEN
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setsid()
            _die_with_parent()
            os.dup2(output_fd, 1)
            os.dup2(output_fd, 2)
            self._close_all_but(result_fd)
            status = child.run(request, self._setup, result_fd)
        finally:
            os._exit(status)

    def _close_all_but(self, result_fd: int) -> None:
        self._control.close()
        self._selector.close()
        held = [running.output_fd for running in self._running.values()]
        held += [waiting_fd for _request, waiting_fd in self._waiting]
        for descriptor in (*held, *self._descriptors, self._wake_read, self._wake_write):
            if descriptor != result_fd:
                os.close(descriptor)

    def _read_output(self, running: Running) -> None:
        """Take what the child wrote; it may write faster than anybody would read."""
        try:
            chunk = os.read(running.output_fd, _READ_BYTES)
        except BlockingIOError:
            return
        if chunk:
            running.keep(chunk)
        else:
            self._selector.unregister(running.output_fd)

    def _reap(self) -> None:
        for running in list(self._running.values()):
            if os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            # Before the number is free again: what author code started dies with the process that it ran in.
            _kill_group(running.pid)
            _, status = os.waitpid(running.pid, 0)
            del self._running[running.pid]
            self._close_output(running)
            self._send(
                ChildEnd(
                    request_id=running.request.request_id,
                    status=os.waitstatus_to_exitcode(status),
                    was_too_slow=running.was_too_slow,
                    output=running.output(),
                )
            )

    def _close_output(self, running: Running) -> None:
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(running.output_fd, _READ_BYTES):
                running.keep(chunk)
        with contextlib.suppress(KeyError):
            self._selector.unregister(running.output_fd)
        os.close(running.output_fd)

    def _kill_slow(self) -> None:
        now = self._clock.monotonic()
        for running in self._running.values():
            if now >= running.kill_at and not running.was_too_slow:
                running.was_too_slow = True
                _kill_group(running.pid)

    def _send(self, end: ChildEnd) -> None:
        try:
            self._control.sendall(pack(end))
        except ConnectionError:
            self._is_over = True


def main() -> None:
    """Run the forker that `sys.argv[1]` describes."""
    setup = msgspec.json.decode(sys.argv[1], type=ForkerSetup)
    sys.argv[1:] = []
    if not getattr(sys.flags, "safe_path", False):
        # `-m` puts the working folder first, where a file of any name would hide a library.
        del sys.path[0]
    child.prepare(setup)
    # Objects that are never looked at by the collector are never written to: their pages stay shared.
    gc.collect()
    gc.freeze()
    Forker(setup, SystemClock()).run()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _die_with_parent() -> None:
    """Have the kernel kill this process when the forker is gone, where it can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


if __name__ == "__main__":
    main()
