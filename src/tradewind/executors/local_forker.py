"""The executor's end of its forker: the small process that forks the workers, so that the scheduler never forks."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from itertools import count
from selectors import EVENT_READ
from typing import TYPE_CHECKING

from tradewind.executors.local_orphans import executor_mark, kill_marked
from tradewind.executors.local_protocol import (
    EXECUTOR_MARK,
    EXITED,
    FORK,
    FORKER_MODULE,
    REQUEST,
    SIGNAL,
    encode_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from selectors import BaseSelector

    from tradewind.executors.local_protocol import WorkerOptions
    from tradewind.executors.port import Reactor

_log = logging.getLogger(__name__)

_CLOSE_TIMEOUT_S = 5.0
_numbers = count(1)


class ForkerLink:
    """One forker process. When it dies, `on_lost` is called once, and every process that it forked is dead."""

    def __init__(
        self,
        reactor: Reactor,
        options: WorkerOptions,
        on_exit: Callable[[int, int], None],
        on_lost: Callable[[str], None],
    ) -> None:
        """Start the process. `on_exit` hears the number and the wait status of each worker that ended."""
        self._reactor = reactor
        self._on_exit = on_exit
        self._on_lost = on_lost
        self._received = bytearray()
        self._is_closed = False
        self._mark = f"{executor_mark()}.{next(_numbers)}"
        self._sock, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", FORKER_MODULE, str(theirs.fileno()), encode_options(options)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                # Its own session: Ctrl-C in the terminal is for the scheduler, which ends its workers in order.
                start_new_session=True,
                env={**os.environ, EXECUTOR_MARK: self._mark},  # noqa: TID251 - handed on whole, nothing is read
            )
        reactor.watch(self._sock.fileno(), self._on_readable)

    @property
    def pid(self) -> int:
        """The forker's process id."""
        return self._process.pid

    def fork(self, number: int, worker_end: socket.socket) -> None:
        """Ask for a worker process that speaks through `worker_end`, which is closed here."""
        with worker_end:
            self._send(REQUEST.pack(FORK, number, 0), worker_end)

    def signal(self, number: int, signum: signal.Signals) -> None:
        """Send a signal to a worker, SIGKILL to its whole process group; nothing happens when it is gone."""
        self._send(REQUEST.pack(SIGNAL, number, signum))

    def close(self) -> None:
        """End the forker and with it everything it has forked; blocks until that is done."""
        if not self._is_closed:
            self._close_socket()
            self._end()

    def register(self, selector: BaseSelector) -> None:
        """Let `selector` watch the socket too, unless it is at its end."""
        if not self._is_closed:
            selector.register(self._sock, EVENT_READ, self._on_readable)

    def _close_socket(self) -> None:
        self._is_closed = True
        self._reactor.unwatch(self._sock.fileno())
        self._sock.close()

    def _send(self, request: bytes, passed: socket.socket | None = None) -> None:
        try:
            if passed is None:
                self._sock.sendall(request)
            else:
                socket.send_fds(self._sock, [request], [passed.fileno()])
        except OSError:
            # It is dead. What has to be done is done when the end of the stream is read.
            _log.debug("the forker %s takes no requests any more", self._process.pid)

    def _on_readable(self) -> None:
        try:
            chunk = self._sock.recv(4096, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._lose()
            return
        self._received += chunk
        while len(self._received) >= EXITED.size:
            number, status = EXITED.unpack_from(self._received)
            del self._received[: EXITED.size]
            self._on_exit(number, status)

    def _lose(self) -> None:
        self._close_socket()
        code = self._end()
        how = signal.Signals(-code).name if code < 0 else f"code {code}"
        self._on_lost(f"the process that starts workers ended ({how})")

    def _end(self) -> int:
        try:
            code = self._process.wait(_CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        # Workers die with their forker; this finds what their tasks had started.
        kill_marked(EXECUTOR_MARK, self._mark)
        return code
