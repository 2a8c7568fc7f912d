"""The executor's end of one worker process: its socket, and what it is doing."""

from __future__ import annotations

from selectors import EVENT_READ
from typing import TYPE_CHECKING

import msgspec

from tradewind.executors.port import CallbackLost, Lost
from tradewind.serialization.messages import (
    FrameBuffer,
    NextRunComputed,
    RunCallback,
    RunTask,
    decode_report,
    frame,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from selectors import BaseSelector

    from tradewind.core.ids import TaskInstancePk
    from tradewind.executors.port import Reactor
    from tradewind.serialization.messages import ComputeNextRun, Kill, Report, Stop, StoreReply

_CHUNK_BYTES = 1 << 18
_RESEND_S = 0.001


def loss_of(
    order: RunTask | RunCallback | ComputeNextRun, reason: str, *, was_started: bool
) -> Lost | CallbackLost | NextRunComputed:
    """Return what the scheduler hears when the process that had `order`, or would have got it, is gone."""
    if isinstance(order, RunTask):
        pk: TaskInstancePk = order.ti_pk  # pyright: ignore[reportAssignmentType] - messages carry plain numbers
        return Lost(pk, order.try_number, was_started, reason)
    if isinstance(order, RunCallback):
        return CallbackLost(order.callback_pk, reason)
    return NextRunComputed(request_id=order.request_id, error=reason)


class WorkerLink:
    """One worker process, from the request to fork it until its exit was reported."""

    __slots__ = (
        "_buffer",
        "_has_ended",
        "_on_report",
        "_reactor",
        "_sock",
        "_unsent",
        "busy_since",
        "end_note",
        "files",
        "finishing",
        "is_importing",
        "is_leaving",
        "is_ready",
        "number",
        "order",
        "was_started",
    )

    def __init__(
        self,
        number: int,
        sock: socket.socket,
        reactor: Reactor,
        on_report: Callable[[WorkerLink, Report | None], None],
    ) -> None:
        """Speak through `sock`. `on_report` hears each report, and None when the stream is at its end or broken."""
        self.number = number
        self.order: RunTask | RunCallback | ComputeNextRun | None = None
        self.was_started = False
        self.busy_since = 0.0
        """When it got its order, or became idle; by the monotonic clock."""
        self.files: dict[str, str] = {}
        """Fingerprint by path of the DAG files it has imported."""
        self.is_ready = False
        """It has said so once."""
        self.is_importing = False
        """Its order made it import a DAG file first."""
        self.finishing: RunTask | None = None
        """The order whose try is reported while its callbacks still run."""
        self.is_leaving = False
        """It gets no order any more."""
        self.end_note: str | None = None
        """Why it ends, where the executor knows better than the wait status."""
        self._sock = sock
        self._buffer = FrameBuffer()
        self._reactor = reactor
        self._on_report = on_report
        self._unsent = bytearray()
        self._has_ended = False
        sock.setblocking(False)
        reactor.watch(sock.fileno(), self.read)

    @property
    def is_finishing(self) -> bool:
        """Whether callbacks of a try that is reported still run."""
        return self.finishing is not None

    @property
    def is_idle(self) -> bool:
        """Whether it would take an order now."""
        return self.is_ready and self.order is None and not (self.is_finishing or self.is_leaving)

    def assign(self, order: RunTask | RunCallback | ComputeNextRun, now: float) -> None:
        """Give it an order; only when it is idle."""
        self.order = order
        self.was_started = False
        self.busy_since = now
        file = order.dag_file
        self.is_importing = file.path not in self.files
        self.files[file.path] = file.fingerprint
        self.send(order)

    def send(self, message: RunTask | RunCallback | ComputeNextRun | Kill | Stop | StoreReply) -> None:
        """Send without blocking: what the socket does not take now follows in milliseconds."""
        data = frame(message)
        if self._unsent:
            self._unsent += data
            return
        sent = self._try_send(data)
        if sent < len(data):
            self._unsent += data[sent:]
            self._reactor.call_after(_RESEND_S, self._resend)

    def read(self) -> None:
        """Read and report what has arrived: some of it, when it is much, so that others get their turn."""
        self._read_chunk()

    def drain(self) -> None:
        """Read and report all that its process, now dead, has left."""
        while self._read_chunk():
            pass

    def register(self, selector: BaseSelector) -> None:
        """Let `selector` watch the socket too, unless it is at its end."""
        if not self._has_ended:
            selector.register(self._sock, EVENT_READ, self.read)

    def close(self) -> None:
        """Give the socket back."""
        if not self._has_ended:
            self._has_ended = True
            self._reactor.unwatch(self._sock.fileno())
        self._sock.close()

    def _read_chunk(self) -> bool:
        """Return whether there was anything to read."""
        if self._has_ended:
            return False
        try:
            chunk = self._sock.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self._end()
            return False
        try:
            reports = [decode_report(body) for body in self._buffer.feed(chunk)]
        except msgspec.MsgspecError:
            self.end_note = "its process wrote to the scheduler's socket what is no message"
            self._end()
            return False
        for report in reports:
            self._on_report(self, report)
        return True

    def _end(self) -> None:
        self._has_ended = True
        self._reactor.unwatch(self._sock.fileno())
        self._on_report(self, None)

    def _resend(self) -> None:
        if self._has_ended or not self._unsent:
            return
        sent = self._try_send(self._unsent)
        del self._unsent[:sent]
        if self._unsent:
            self._reactor.call_after(_RESEND_S, self._resend)

    def _try_send(self, data: bytes | bytearray) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            # It is dead: the end of its stream tells what has to be done, and nobody reads this.
            return len(data)
