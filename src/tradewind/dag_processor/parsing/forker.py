"""The parse forker: a small interpreter with the authoring package loaded, which forks children that import DAG files.

It imports no author code itself, runs no thread and keeps no state, so that it can be killed and started at any time.
Run as `python -m tradewind.dag_processor.parsing.forker SETUP`, with `SETUP` a `ForkerSetup` in JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import math
import os
import selectors
import signal
import socket
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tradewind.core.clock import SystemClock
from tradewind.dag_processor.parsing import child
from tradewind.dag_processor.parsing.messages import (
    ChildEnd,
    ChildSlow,
    ForkerReady,
    ForkerSetup,
    ParseRequest,
    decode_request,
    pack,
)
from tradewind.dag_processor.parsing.output import ChildOutput
from tradewind.serialization.messages import FrameBuffer

if TYPE_CHECKING:
    from tradewind.core.clock import Clock
    from tradewind.dag_processor.parsing.messages import ForkerMessage

STALL_S = 1.0
"""Files behind one that takes longer go to another child. Well above the time after which a child begins no other."""
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_READ_BYTES = 1 << 16


@dataclass(slots=True)
class Running:
    """One child at work."""

    request: ParseRequest
    pid: int
    output_fd: int
    output: ChildOutput
    began_at: float
    """When it began with the file under way."""
    was_too_slow: bool = False
    is_stalled: bool = False

    @property
    def has_more(self) -> bool:
        """Whether files wait behind the one under way, and nobody has been told to take them elsewhere."""
        return not self.is_stalled and self.output.at + 1 < len(self.request.files)


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
        self._send(ForkerReady())
        while not self._is_over:
            for key, _events in self._selector.select(self._patience()):
                key.data()
            self._reap()
            self._look_after_slow()
            self._fork_waiting()
        for running in self._running.values():
            _kill_group(running.pid)

    def _patience(self) -> float | None:
        deadlines = [
            running.began_at + min(STALL_S if running.has_more else math.inf, self._setup.kill_timeout_s)
            for running in self._running.values()
            if not running.was_too_slow
        ]
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
        output = ChildOutput()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(output_read)
            os.close(output_write)
            outputs = {0: f"no process: {error.strerror}"}
            self._send(ChildEnd(request_id=request.request_id, status=1, outputs=outputs))
            return
        if pid == 0:
            self._become_child(request, result_fd, output_write, output.mark)
        os.close(output_write)
        os.set_blocking(output_read, False)
        running = Running(request, pid, output_read, output, self._clock.monotonic())
        self._running[pid] = running
        self._selector.register(output_read, selectors.EVENT_READ, lambda: self._read_output(running))

    def _become_child(self, request: ParseRequest, result_fd: int, output_fd: int, mark: bytes) -> None:
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
            status = child.run(request, self._setup, result_fd, output_fd, mark)
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
            self._keep(running, chunk)
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
                    outputs=running.output.end(),
                )
            )

    def _close_output(self, running: Running) -> None:
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(running.output_fd, _READ_BYTES):
                self._keep(running, chunk)
        with contextlib.suppress(KeyError):
            self._selector.unregister(running.output_fd)
        os.close(running.output_fd)

    def _keep(self, running: Running, chunk: bytes) -> None:
        if running.output.feed(chunk):
            running.began_at = self._clock.monotonic()

    def _look_after_slow(self) -> None:
        now = self._clock.monotonic()
        for running in self._running.values():
            busy_s = now - running.began_at
            if busy_s >= self._setup.kill_timeout_s and not running.was_too_slow:
                running.was_too_slow = True
                _kill_group(running.pid)
            elif busy_s >= STALL_S and running.has_more:
                running.is_stalled = True
                output = running.output
                self._send(ChildSlow(request_id=running.request.request_id, at=output.at, outputs=output.take()))

    def _send(self, message: ForkerMessage) -> None:
        try:
            self._control.sendall(pack(message))
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
