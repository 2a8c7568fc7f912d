"""The state that a task instance keeps."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.metadata.errors import InvalidRequestError, NotFoundError
from tradewind.metadata.runs import state_store
from tradewind.web.api.task_instances import INSTANCE
from tradewind.web.errors import ApiError
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.web.operations import Call

_ENTRIES = f"{INSTANCE}/state-store"
_ENTRY = f"{_ENTRIES}/{{key:path}}"


class StatesQuery(PageQuery, kw_only=True):
    """Of which instance."""

    map_index: int = -1


class StateQuery(msgspec.Struct):
    """Of which instance."""

    map_index: int = -1


class ClearQuery(msgspec.Struct):
    """Of which instances."""

    map_index: int | None = None
    all_map_indices: bool = False


class StateBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A value, and when it expires: never for null, after the installation's days for `default`."""

    value: Any
    expires_at: str | None = "default"


class StatePatch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Another value for a key that there is."""

    value: Any


def list_states(call: Call) -> dict[str, Any]:
    """List what a task instance keeps."""
    page = page_of(call)
    rows = _rows(call)
    return {"task_state_store": rows[page.offset :][: page.limit], "total_entries": len(rows)}


def get_state(call: Call) -> dict[str, Any]:
    """Get one value that a task instance keeps."""
    key = call.path["key"]
    found = next((row for row in _rows(call) if row["key"] == key), None)
    if found is None:
        raise NotFoundError(f"the task instance keeps nothing under {key!r}")
    return found


def set_state(call: Call) -> None:
    """Write one value for a task instance."""
    body: StateBody = call.body
    _write(call, body.value, _expiry(call, body.expires_at))


def patch_state(call: Call) -> dict[str, Any]:
    """Change a value that a task instance keeps; when it expires stays."""
    before = get_state(call)
    _write(call, call.body.value, before["expires_at"])
    return get_state(call)


def delete_state(call: Call) -> None:
    """Delete one value that a task instance keeps."""
    call.backend.worker_store.delete_states(owner=_owner(call), key=call.path["key"])


def clear_states(call: Call) -> None:
    """Delete everything that a task instance keeps, with `all_map_indices` every instance of the task."""
    query: ClearQuery = call.query
    indexes = [-1 if query.map_index is None else query.map_index]
    if query.all_map_indices:
        dag_id, run_id, task_id = (call.path[name] for name in ("dag_id", "dag_run_id", "task_id"))
        found = call.backend.worker_store.get_task_instances(dag_id=dag_id, run_ids=[run_id], task_ids=[task_id])
        indexes = [record.map_index for record in found]
    for index in indexes:
        call.backend.worker_store.delete_states(owner=_owner(call, index))


def _owner(call: Call, map_index: int | None = None) -> list[Any]:
    index = call.query.map_index if map_index is None else map_index
    return ["task", *(call.path[name] for name in ("dag_id", "dag_run_id", "task_id")), index]


def _rows(call: Call) -> list[dict[str, Any]]:
    backend = call.backend
    with backend.database.read() as connection:
        return state_store.list_states(connection, backend.clock.now(), _owner(call))


def _expiry(call: Call, text: str | None) -> datetime | None:
    if text == "default":
        days = call.backend.options.state_retention_days
        return call.backend.clock.now() + timedelta(days=days) if days else None
    if text is None:
        return None
    try:
        when = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise InvalidRequestError(f"expires_at is {text!r}: write a date as 2026-01-31T12:00:00Z") from None
    if when.tzinfo is None:
        raise InvalidRequestError("expires_at has no time zone")
    return when


def _write(call: Call, value: Any, expires_at: datetime | None) -> None:
    limit = call.backend.options.max_state_bytes
    text = json.dumps(value)
    if value is None:
        raise ApiError(422, "value cannot be null")
    if 0 < limit < len(text):
        raise ApiError(422, f"value has {len(text)} bytes, more than [state_store] max_value_storage_bytes ({limit})")
    call.backend.worker_store.set_state(owner=_owner(call), key=call.path["key"], value=text, expires_at=expires_at)


OPERATIONS = (
    Operation("GET", _ENTRIES, list_states, query=StatesQuery),
    Operation("DELETE", _ENTRIES, clear_states, role="user", query=ClearQuery, status=204),
    Operation("GET", _ENTRY, get_state, query=StateQuery),
    Operation("PUT", _ENTRY, set_state, role="user", query=StateQuery, body=StateBody, status=204),
    Operation("PATCH", _ENTRY, patch_state, role="user", query=StateQuery, body=StatePatch),
    Operation("DELETE", _ENTRY, delete_state, role="user", query=StateQuery, status=204),
)
