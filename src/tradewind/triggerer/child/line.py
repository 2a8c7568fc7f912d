"""The child's line to the triggerer: orders come in on a thread of their own, reports go out from any thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException
from tradewind.sdk.ports import StoreUnavailableError
from tradewind.serialization.messages import FrameBuffer, StoreCall, StoreReply
from tradewind.triggerer.messages import decode_order, pack

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tradewind.triggerer.messages import Order, Report

_READ_BYTES = 1 << 18


class Line:
    """Frames to and from the triggerer.

    A trigger may ask the store in the loop itself: the loop then waits for the answer, which the reading thread takes in.
    """

    def __init__(self, sock: socket.socket) -> None:
        """Speak through `sock`."""
        self._sock = sock
        self._send_lock = threading.Lock()
        self._answers: dict[int, _Answer] = {}
        self._calls = 0
        self._is_gone = False

    def listen(self, on_orders: Callable[[list[Order]], None], on_end: Callable[[], None]) -> None:
        """Begin to read: `on_orders` and `on_end` are called in the reading thread."""
        threading.Thread(target=self._read, args=(on_orders, on_end), name="line", daemon=True).start()

    def send(self, report: Report) -> None:
        """Send a report; one to a triggerer that is gone is lost."""
        data = pack(report)
        with self._send_lock:
            try:
                self._sock.sendall(data)
            except OSError:
                self._is_gone = True

    def call(self, method: str, arguments: dict[str, Any]) -> Any:
        """Ask the store and wait for its answer, as plain data.

        Raises `AirflowNotFoundException` and `AirflowException` as the answer says, `StoreUnavailableError` when there
        is none.
        """
        answer = _Answer()
        with self._send_lock:
            self._calls += 1
            number = self._calls
            self._answers[number] = answer
        self.send(StoreCall(call_id=number, method=method, arguments=arguments))
        if self._is_gone:
            answer.set(None)
        reply = answer.wait()
        self._answers.pop(number, None)
        if reply is None or reply.error_kind == "unavailable":
            raise StoreUnavailableError(reply.error if reply is not None and reply.error else "the triggerer is gone")
        if reply.error is not None:
            raise (AirflowNotFoundException if reply.error_kind == "not_found" else AirflowException)(reply.error)
        return reply.result

    def _read(self, on_orders: Callable[[list[Order]], None], on_end: Callable[[], None]) -> None:
        frames = FrameBuffer()
        while chunk := self._receive():
            orders = [decode_order(body) for body in frames.feed(chunk)]
            for order in orders:
                if isinstance(order, StoreReply) and (answer := self._answers.get(order.call_id)) is not None:
                    answer.set(order)
            others: list[Order] = [order for order in orders if not isinstance(order, StoreReply)]
            if others:
                on_orders(others)
        self._is_gone = True
        for answer in list(self._answers.values()):
            answer.set(None)
        on_end()

    def _receive(self) -> bytes:
        try:
            return self._sock.recv(_READ_BYTES)
        except OSError:
            return b""


class _Answer:
    """What somebody waits for."""

    def __init__(self) -> None:
        self._came = threading.Event()
        self._reply: StoreReply | None = None

    def set(self, reply: StoreReply | None) -> None:
        self._reply = reply
        self._came.set()

    def wait(self) -> StoreReply | None:
        self._came.wait()
        return self._reply


class LineStore:
    """`tradewind.sdk.ports.WorkerStore` by questions to the triggerer."""

    def __init__(self, line: Line) -> None:
        """Ask through `line`."""
        self._line = line

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Return the method of that name: its arguments go to the triggerer, its answer comes back as a record."""
        if method.startswith("_"):
            raise AttributeError(method)

        def ask(*values: Any, **arguments: Any) -> Any:
            arguments |= dict(zip(_POSITIONAL.get(method, ()), values, strict=False))
            return _as_records(method, self._line.call(method, arguments))

        return ask


_POSITIONAL = {
    "get_variable": ("key",),
    "set_variable": ("key", "value", "description"),
    "delete_variable": ("key",),
    "get_variable_keys": ("prefix",),
    "get_connection": ("conn_id",),
    "get_dag": ("dag_id",),
}


def _as_records(method: str, result: Any) -> Any:
    import msgspec  # noqa: PLC0415 - few triggers ask

    from tradewind.serialization.records import (  # noqa: PLC0415 - as above
        ConnectionRecord,
        DagRecord,
        DagRunRecord,
        TaskInstanceRecord,
        XComRecord,
    )

    kinds: dict[str, Any] = {
        "get_connection": ConnectionRecord | None,
        "get_xcom": XComRecord | None,
        "get_xcoms": list[XComRecord],
        "get_dag": DagRecord | None,
        "get_dag_runs": list[DagRunRecord],
        "get_task_instances": list[TaskInstanceRecord],
        "trigger_dag_run": DagRunRecord,
    }
    kind = kinds.get(method)
    return result if kind is None else msgspec.convert(result, kind)
