"""Connections; their secrets are taken, not told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError, NotFoundError
from tradewind.serialization.records import ConnectionRecord
from tradewind.web.answers.redaction import HIDDEN, restored_json
from tradewind.web.errors import ApiError
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.web.operations import Call

_CONNECTION_FIELDS = ("conn_type", "description", "host", "login", "schema", "port", "password", "extra")


class ConnectionsQuery(PageQuery, kw_only=True):
    """Which connections."""

    connection_id_pattern: str | None = None


class ConnectionBody(msgspec.Struct, kw_only=True):
    """A connection."""

    connection_id: str
    conn_type: str
    description: str | None = None
    host: str | None = None
    login: str | None = None
    schema: str | None = None
    port: int | None = None
    password: str | None = None
    extra: str | None = None


def list_connections(call: Call) -> dict[str, Any]:
    """List the connections."""
    renamed = {"connection_id": "conn_id"}
    page = page_of(call, renamed=renamed)
    found, total = call.backend.connections.list(pattern=call.query.connection_id_pattern, page=page)
    return {"connections": [_connection(call, record) for record in found], "total_entries": total}


def get_connection(call: Call) -> dict[str, Any]:
    """Get one connection, without its secrets."""
    return _connection(call, _find_connection(call))


def create_connection(call: Call) -> dict[str, Any]:
    """Create a connection."""
    body: ConnectionBody = call.body
    if call.backend.connections.get(body.connection_id) is not None:
        raise AlreadyExistsError(f"there is a connection {body.connection_id!r} already")
    values = {name: getattr(body, name) for name in _CONNECTION_FIELDS}
    record = ConnectionRecord(conn_id=body.connection_id, **values)
    call.backend.connections.set(record)
    return _connection(call, record)


def patch_connection(call: Call) -> dict[str, Any]:
    """Change the fields of a connection that are sent; a hidden secret sent back stays."""
    before = _find_connection(call)
    sent = {name: getattr(call.body, name) for name in _CONNECTION_FIELDS if name in call.sent_fields}
    if call.body.connection_id != before.conn_id:
        raise InvalidRequestError("the connection_id in the body is not the one in the path")
    if sent.get("password") == HIDDEN:
        del sent["password"]
    if "extra" in sent:
        sent["extra"] = restored_json(sent["extra"], before.extra)
    record = msgspec.structs.replace(before, **sent)
    call.backend.connections.set(record)
    return _connection(call, record)


def test_connection(call: Call) -> dict[str, Any]:
    """Try a connection, stored or not, through its provider's hook."""
    try_connection = call.backend.ports.try_connection
    if try_connection is None:
        raise ApiError(403, "connections may not be tried here: the option core.test_connection is not Enabled")
    body: ConnectionBody = call.body
    values = {name: getattr(body, name) for name in _CONNECTION_FIELDS}
    stored = call.backend.connections.get(body.connection_id)
    if stored is not None:  # a hidden secret sent back stands for the stored one
        values["password"] = stored.password if body.password in {None, HIDDEN} else body.password
        values["extra"] = restored_json(body.extra, stored.extra)
    works, message = try_connection(ConnectionRecord(conn_id=body.connection_id, **values))
    return {"status": works, "message": message}


def delete_connection(call: Call) -> None:
    """Delete a connection."""
    if not call.backend.connections.delete(call.path["connection_id"]):
        raise NotFoundError(f"there is no connection {call.path['connection_id']!r}")


def _find_connection(call: Call) -> ConnectionRecord:
    found = call.backend.connections.get(call.path["connection_id"])
    if found is None:
        raise NotFoundError(f"there is no connection {call.path['connection_id']!r}")
    return found


def _connection(call: Call, record: ConnectionRecord) -> dict[str, Any]:
    """Return the connection; its password is never told, nor what in its extra has a telling name."""
    return {
        "connection_id": record.conn_id,
        "conn_type": record.conn_type,
        "description": record.description,
        "host": record.host,
        "login": record.login,
        "schema": record.schema,
        "port": record.port,
        "password": HIDDEN if record.password else None,
        "extra": call.backend.redaction.redacted_json(record.extra),
        "team_name": None,
    }


OPERATIONS = (
    Operation("GET", "/api/v2/connections", list_connections, role="op", query=ConnectionsQuery),
    Operation("POST", "/api/v2/connections", create_connection, role="op", body=ConnectionBody, status=201),
    Operation("POST", "/api/v2/connections/test", test_connection, role="op", body=ConnectionBody),
    Operation("GET", "/api/v2/connections/{connection_id}", get_connection, role="op"),
    Operation("PATCH", "/api/v2/connections/{connection_id}", patch_connection, role="op", body=ConnectionBody),
    Operation("DELETE", "/api/v2/connections/{connection_id}", delete_connection, role="op", status=204),
)
