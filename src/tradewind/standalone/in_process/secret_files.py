"""Connections of a file as records, for stores; how the files are read is in `tradewind.sdk.secrets.files`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.sdk.secrets.files import (
    CONNECTION_FIELDS,
    SecretFileError,
    connection_of,
    load_variables,
    read_file,
    variable_value,
)
from tradewind.serialization.records import ConnectionRecord

if TYPE_CHECKING:
    from tradewind.sdk.connection import Connection

__all__ = ["SecretFileError", "read_connections", "read_file", "read_variables", "to_record", "variable_value"]

read_variables = load_variables


def read_connections(path: str) -> dict[str, ConnectionRecord]:
    """Return the connections of a file. Raises `SecretFileError`."""
    return {conn_id: to_record(path, conn_id, entry) for conn_id, entry in read_file(path).items()}


def to_record(path: str, conn_id: str, entry: Any) -> ConnectionRecord:
    """Return the connection of one entry: a URI, the text of a JSON object, or an object of its parts.

    Raises `SecretFileError`, naming `path` and the entry.
    """
    return as_record(connection_of(path, conn_id, entry), path)


def as_record(connection: Connection, path: str = "") -> ConnectionRecord:
    """Return an author's connection as a record. Raises `SecretFileError` for a part of a wrong kind."""
    parts = {name: getattr(connection, name) for name in CONNECTION_FIELDS}
    fields = {name: value for name, value in parts.items() if value is not None}
    try:
        return msgspec.convert({**fields, "conn_id": connection.conn_id}, ConnectionRecord, strict=False)
    except (TypeError, ValueError) as error:
        raise SecretFileError(f"{path}: connection {connection.conn_id!r} cannot be read: {error}") from None
