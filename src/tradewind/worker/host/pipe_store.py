"""The worker's end of its socket to the scheduler, and the worker store that asks through it."""

from __future__ import annotations

import select
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException, DagNotFound, DagRunAlreadyExists
from tradewind.sdk.ports import StoreUnavailableError
from tradewind.serialization.messages import FrameBuffer, Kill, StoreCall, StoreReply, XComPush, decode_order, frame
from tradewind.serialization.records import ConnectionRecord, DagRecord, DagRunRecord, TaskInstanceRecord, XComRecord
from tradewind.worker.host.asset_questions import AssetQuestions

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.serialization.messages import Order, Report
    from tradewind.worker.host.interrupts import Interrupts

_CHUNK_BYTES = 1 << 18


class SchedulerPipe:
    """Frames to and from the scheduler. Any thread of a task may ask; orders are for the main thread."""

    def __init__(self, sock: socket.socket, interrupts: Interrupts) -> None:
        """Speak through `sock`, with `interrupts` held back while a frame is under way."""
        self._sock = sock
        self._interrupts = interrupts
        self._buffer = FrameBuffer()
        self._orders: deque[Order] = deque()
        self._send_lock = threading.Lock()
        self._call_lock = threading.Lock()
        self._calls = 0
        self._is_open = False

    def open(self) -> None:
        """Take calls: an order is being carried out."""
        self._is_open = True

    def close(self) -> None:
        """Take no calls any more, after the one under way: threads that outlive their task ask in vain."""
        with self._interrupts.held(), self._call_lock:
            self._is_open = False

    def send(self, report: Report) -> None:
        """Send a report. Raises `StoreUnavailableError` when the scheduler is gone."""
        data = frame(report)
        with self._interrupts.held(), self._send_lock:
            try:
                self._sock.sendall(data)
            except OSError as error:
                raise _gone() from error

    def receive(self) -> Order | None:
        """Wait for an order; None when the scheduler is gone. An interrupt may come meanwhile."""
        while not self._orders:
            if not self._read():
                return None
        return self._orders.popleft()

    def is_killed(self, ti_pk: int, try_number: int) -> bool:
        """Return whether the scheduler has told this try to stop, without waiting."""
        with self._interrupts.held(), self._call_lock:
            while select.select([self._sock], [], [], 0)[0] and self._read():
                pass
        wanted = Kill(ti_pk=ti_pk, try_number=try_number)
        if wanted not in self._orders:
            return False
        self._orders.remove(wanted)
        return True

    def call(self, method: str, arguments: dict[str, Any]) -> Any:
        """Ask the store and wait for its answer, as plain data.

        Raises `AirflowNotFoundException` and `AirflowException` as the answer says, `StoreUnavailableError` when there
        is none.
        """
        with self._interrupts.held(), self._call_lock:
            if not self._is_open:
                raise StoreUnavailableError(f"{method}: the task that this thread belongs to has ended")
            self._calls += 1
            self.send(StoreCall(call_id=self._calls, method=method, arguments=arguments))
            reply = self._await_reply(self._calls)
        if reply.error is None:
            return reply.result
        if reply.error_kind == "unavailable":
            raise StoreUnavailableError(reply.error)
        raise (AirflowNotFoundException if reply.error_kind == "not_found" else StoreRefusedError)(reply.error)

    def _await_reply(self, call_id: int) -> StoreReply:
        while True:
            for order in self._orders:
                if isinstance(order, StoreReply) and order.call_id == call_id:
                    self._orders.remove(order)
                    return order
            if not self._read():
                raise _gone()

    def _read(self) -> bool:
        try:
            chunk = self._sock.recv(_CHUNK_BYTES)
        except OSError:
            chunk = b""
        self._orders.extend(decode_order(body) for body in self._buffer.feed(chunk))
        return bool(chunk)


class StoreRefusedError(AirflowException):
    """The store understood the question and refuses: the arguments make no sense or contradict what is stored."""


def _gone() -> StoreUnavailableError:
    return StoreUnavailableError("the scheduler that this worker belongs to is gone")


class PipeStore(AssetQuestions):
    """`tradewind.sdk.ports.WorkerStore` by questions to the scheduler's process."""

    def __init__(self, pipe: SchedulerPipe) -> None:
        """Ask through `pipe`."""
        AssetQuestions.__init__(self, pipe.call)
        self._pipe = pipe
        self.ti_pk = 0
        """The task instance at work: its pushes are filed under it."""

    def get_variable(self, key: str) -> str | None:
        """Return the decrypted value, or None when there is no such variable."""
        return self._pipe.call("get_variable", {"key": key})

    def set_variable(self, key: str, value: str, description: str | None = None) -> None:
        """Create or overwrite a variable."""
        self._pipe.call("set_variable", {"key": key, "value": value, "description": description})

    def delete_variable(self, key: str) -> bool:
        """Delete a variable; return whether there was one."""
        return bool(self._pipe.call("delete_variable", {"key": key}))

    def get_variable_keys(self, prefix: str = "") -> list[str]:
        """Return the sorted keys that start with `prefix`."""
        return list(self._pipe.call("get_variable_keys", {"prefix": prefix}))

    def get_connection(self, conn_id: str) -> ConnectionRecord | None:
        """Return the decrypted connection, or None when there is no such one."""
        return msgspec.convert(self._pipe.call("get_connection", {"conn_id": conn_id}), ConnectionRecord | None)

    def get_xcom(self, **arguments: Any) -> XComRecord | None:
        """Return one XCom; the arguments are those of the protocol."""
        return msgspec.convert(self._pipe.call("get_xcom", arguments), XComRecord | None)

    def get_xcoms(self, **arguments: Any) -> list[XComRecord]:
        """Return every XCom that matches; the arguments are those of the protocol."""
        return msgspec.convert(self._pipe.call("get_xcoms", _plain(arguments)), list[XComRecord])

    def get_xcom_map_indexes(self, **arguments: Any) -> list[int]:
        """Return the map indexes that have an XCom; the arguments are those of the protocol."""
        return msgspec.convert(self._pipe.call("get_xcom_map_indexes", arguments), list[int])

    def set_xcom(self, *, dag_id: str, run_id: str, task_id: str, map_index: int = -1, key: str, value: bytes) -> None:
        """Store one XCom: sent on, not waited for."""
        self._pipe.send(
            XComPush(
                ti_pk=self.ti_pk,
                dag_id=dag_id,
                run_id=run_id,
                task_id=task_id,
                map_index=map_index,
                key=key,
                value=value,
            )
        )

    def delete_xcoms(self, **arguments: Any) -> None:
        """Delete one XCom, or all of a task instance; the arguments are those of the protocol."""
        self._pipe.call("delete_xcoms", arguments)

    def get_dag(self, dag_id: str) -> DagRecord | None:
        """Return the newest version of a DAG in outline, or None when there is no such DAG."""
        return msgspec.convert(self._pipe.call("get_dag", {"dag_id": dag_id}), DagRecord | None)

    def get_dag_runs(self, **arguments: Any) -> list[DagRunRecord]:
        """Return matching runs; the arguments are those of the protocol."""
        return msgspec.convert(self._pipe.call("get_dag_runs", _plain(arguments)), list[DagRunRecord])

    def get_task_instances(self, **arguments: Any) -> list[TaskInstanceRecord]:
        """Return matching task instances; the arguments are those of the protocol."""
        return msgspec.convert(self._pipe.call("get_task_instances", _plain(arguments)), list[TaskInstanceRecord])

    def get_states(self, **arguments: Any) -> dict[str, str]:
        """Return JSON by key; the arguments are those of the protocol."""
        return self._pipe.call("get_states", arguments)

    def set_state(self, **arguments: Any) -> None:
        """Write one value; the arguments are those of the protocol."""
        self._pipe.call("set_state", arguments)

    def delete_states(self, **arguments: Any) -> None:
        """Delete values; the arguments are those of the protocol."""
        self._pipe.call("delete_states", arguments)

    def find_rows(self, **arguments: Any) -> list[dict[str, Any]]:
        """Return rows by condition; the arguments are those of the protocol."""
        return self._pipe.call("find_rows", _plain(arguments))

    def trigger_dag_run(
        self,
        *,
        dag_id: str,
        run_id: str | None = None,
        logical_date: datetime | None = None,
        run_after: datetime | None = None,
        conf: dict[str, Any] | None = None,
        note: str | None = None,
        reset: bool = False,
    ) -> DagRunRecord:
        """Create a run of another DAG. Raises `DagNotFound`, or `DagRunAlreadyExists` for one that is there."""
        arguments: dict[str, Any] = {
            "dag_id": dag_id,
            "run_id": run_id,
            "logical_date": logical_date,
            "run_after": run_after,
            "conf": conf,
            "note": note,
            "reset": reset,
        }
        try:
            record = self._pipe.call("trigger_dag_run", arguments)
        except AirflowNotFoundException as error:
            raise DagNotFound(str(error)) from error
        except StoreRefusedError:
            there = self._find_run(dag_id, run_id, logical_date)
            if there is None:
                raise
            raise DagRunAlreadyExists(there) from None
        return msgspec.convert(record, DagRunRecord)

    def _find_run(self, dag_id: str, run_id: str | None, logical_date: datetime | None) -> DagRunRecord | None:
        if run_id is None and logical_date is None:
            return None
        for arguments in ({"run_ids": [run_id]}, {"logical_dates": [logical_date]}):
            if None not in next(iter(arguments.values())):
                runs = self.get_dag_runs(dag_id=dag_id, **arguments)
                if runs:
                    return runs[0]
        return None


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with any sequence as a list: a range or a dict's keys are no message."""
    return {name: _as_list(value) for name, value in arguments.items()}


def _as_list(value: Sequence[Any] | Any) -> Any:
    return (
        value
        if value is None or isinstance(value, (str, bytes, int, float)) or not hasattr(value, "__iter__")
        else list(value)
    )
