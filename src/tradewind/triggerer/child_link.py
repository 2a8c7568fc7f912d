"""The triggerer's end of its child: started when there is something to run, and ended when there is nothing any more."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec

from tradewind.serialization.messages import FrameBuffer
from tradewind.triggerer.messages import CHILD_MODULE, Leave, decode_report, pack

if TYPE_CHECKING:
    from collections.abc import Callable
    from selectors import BaseSelector

    from tradewind.triggerer.messages import ChildOptions, Order, Report

_READ_BYTES = 1 << 18
_CLOSE_TIMEOUT_S = 5.0


class ChildLink:
    """One child process. Reports come through `on_report`, its end without being told through `on_lost`."""

    def __init__(
        self,
        options: ChildOptions,
        selector: BaseSelector,
        on_report: Callable[[Report], None],
        on_lost: Callable[[str], None],
    ) -> None:
        """Start the process; `selector` calls back what is registered in it, as `key.data()`."""
        self._selector = selector
        self._on_report = on_report
        self._on_lost = on_lost
        self._frames = FrameBuffer()
        self._sock, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", CHILD_MODULE, str(theirs.fileno()), msgspec.json.encode(options).decode()],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                # Its own session: Ctrl-C in the terminal is for the triggerer, which ends it in order.
                start_new_session=True,
            )
        self._is_open = True
        selector.register(self._sock, 1, self._read)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, *orders: Order) -> None:
        """Send orders; to a child that has just died nothing is sent, and its end is reported soon."""
        with contextlib.suppress(OSError):
            self._sock.sendall(b"".join(pack(order) for order in orders))

    def close(self, grace_s: float = _CLOSE_TIMEOUT_S) -> None:
        """Let the child clean up and end; after `grace_s` it is killed. Its last reports are taken in."""
        if not self._is_open:
            return
        self.send(Leave())
        self._sock.settimeout(grace_s)
        with contextlib.suppress(OSError):
            while chunk := self._sock.recv(_READ_BYTES):
                self._take(chunk)
        self._drop()
        self._end(grace_s)

    def _read(self) -> None:
        try:
            chunk = self._sock.recv(_READ_BYTES)
        except OSError:
            chunk = b""
        if chunk:
            self._take(chunk)
            return
        self._drop()
        code = self._end(_CLOSE_TIMEOUT_S)
        self._on_lost(signal.Signals(-code).name if code < 0 else f"code {code}")

    def _take(self, chunk: bytes) -> None:
        for body in self._frames.feed(chunk):
            self._on_report(decode_report(body))

    def _drop(self) -> None:
        self._is_open = False
        self._selector.unregister(self._sock)
        self._sock.close()

    def _end(self, grace_s: float) -> int:
        try:
            return self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
