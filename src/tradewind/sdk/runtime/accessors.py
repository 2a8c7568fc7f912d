"""`var`, `conn` and `macros` of the context: what templates reach into by name."""

from __future__ import annotations

from tradewind.sdk.exceptions import AirflowNotFoundException
from tradewind.sdk.toolkit.kinds import NOTSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class VariableAccessor:
    """`var.value.my_key` and `var.json.my_key`; `.get(key, default)` for a variable that may not exist."""

    def __init__(self, *, deserialize_json: bool) -> None:
        self._deserialize_json = deserialize_json

    def __getattr__(self, key: str) -> Any:
        """Return a variable. Raises `VariableNotFoundError` when there is none."""
        if key.startswith("__"):
            raise AttributeError(key)
        return self.get(key)

    def __repr__(self) -> str:
        return "<VariableAccessor (dynamic access)>"

    def get(self, key: str, default: Any = NOTSET) -> Any:
        """Return a variable, or the default when there is none."""
        from tradewind.sdk.variable import Variable  # noqa: PLC0415 - few tasks ask for one

        return Variable.get(key, default, deserialize_json=self._deserialize_json)


class ConnectionAccessor:
    """`conn.my_conn_id`; `.get(conn_id, default)` for a connection that may not exist."""

    def __getattr__(self, conn_id: str) -> Any:
        """Return a connection. Raises AirflowNotFoundException when there is none."""
        if conn_id.startswith("__"):
            raise AttributeError(conn_id)
        from tradewind.sdk.connection import Connection  # noqa: PLC0415 - few tasks ask for one

        return Connection.get(conn_id)

    def __repr__(self) -> str:
        return "<ConnectionAccessor (dynamic access)>"

    def get(self, conn_id: str, default_conn: Any = None) -> Any:
        """Return a connection, or the default when there is none."""
        try:
            return self.__getattr__(conn_id)
        except AirflowNotFoundException:
            return default_conn


class MacrosAccessor:
    """`macros.ds_add(...)`: the names of `tradewind.sdk.runtime.macros`, imported when one is asked for."""

    def __getattr__(self, name: str) -> Any:
        """Return a macro. Raises AttributeError when there is none of this name."""
        if name.startswith("__"):
            raise AttributeError(name)
        from tradewind.sdk.runtime import macros  # noqa: PLC0415 - few tasks use one

        return getattr(macros, name)

    def __repr__(self) -> str:
        return "<MacrosAccessor (dynamic access)>"
