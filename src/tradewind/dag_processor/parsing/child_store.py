"""The worker store of a parse child: asks the DAG processor, which asks the database once and remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from tradewind.dag_processor.parsing.messages import decode_reply, pack
from tradewind.sdk.ports import StoreUnavailableError
from tradewind.serialization.messages import FrameBuffer, StoreCall
from tradewind.serialization.records import ConnectionRecord

if TYPE_CHECKING:
    import socket

_READ_BYTES = 1 << 16


class ChildStore:
    """Reads variables and connections through `result`; everything that needs a running task is refused."""

    def __init__(self, result: socket.socket) -> None:
        self._socket = result
        self._frames = FrameBuffer()
        self._calls = 0

    def get_variable(self, key: str) -> str | None:
        """Return the decrypted value, or None when there is no such variable."""
        return self._ask("get_variable", key=key)

    def get_variable_keys(self, prefix: str = "") -> list[str]:
        """Return the sorted keys that start with `prefix`."""
        return self._ask("get_variable_keys", prefix=prefix)

    def get_connection(self, conn_id: str) -> ConnectionRecord | None:
        """Return the decrypted connection, or None when there is no such one."""
        found = self._ask("get_connection", conn_id=conn_id)
        return None if found is None else msgspec.convert(found, ConnectionRecord)

    def __getattr__(self, name: str) -> Any:
        """Refuse every other method of the worker store with one sentence."""

        def refuse(*_arguments: Any, **_keywords: Any) -> NoReturn:
            raise StoreUnavailableError(
                f"{name} is not available while a DAG file is imported: "
                "only variables and connections can be read at the top level of a file; move it into a task"
            )

        return refuse

    def _ask(self, method: str, **arguments: Any) -> Any:
        self._calls += 1
        try:
            self._socket.sendall(pack(StoreCall(call_id=self._calls, method=method, arguments=arguments)))
            reply = decode_reply(self._receive())
        except OSError as error:
            raise StoreUnavailableError(f"the DAG processor is gone: {error}") from error
        if reply.error is not None:
            raise StoreUnavailableError(reply.error)
        return reply.result

    def _receive(self) -> bytes:
        while True:
            chunk = self._socket.recv(_READ_BYTES)
            if not chunk:
                raise ConnectionResetError("the other side closed the connection")
            bodies = self._frames.feed(chunk)
            if bodies:
                return bodies[0]
