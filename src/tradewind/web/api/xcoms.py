"""XComs of task instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.metadata.errors import AlreadyExistsError, NotFoundError
from tradewind.metadata.runs import get_run
from tradewind.web.answers.labels import Labels
from tradewind.web.api.task_instances import INSTANCE
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.metadata.runs import RunDetail
    from tradewind.serialization.records import XComRecord
    from tradewind.web.operations import Call

_ENTRIES = f"{INSTANCE}/xcomEntries"
_ENTRY = f"{_ENTRIES}/{{xcom_key:path}}"


class XComsQuery(PageQuery, kw_only=True):
    """Which XComs."""

    xcom_key: str | None = None
    map_index: int | None = None


class XComQuery(msgspec.Struct):
    """Of which instance, and how the value is shown."""

    map_index: int = -1
    deserialize: bool = False
    stringify: bool = False


class XComBody(msgspec.Struct, kw_only=True):
    """An XCom to store."""

    key: str = ""
    value: Any
    map_index: int = -1


def list_xcoms(call: Call) -> dict[str, Any]:
    """List the XComs of a task instance, or with `~` of every task of a run; without their values."""
    query: XComsQuery = call.query
    run = _run(call)
    task_id = call.path["task_id"]
    found = call.backend.worker_store.get_xcoms(
        dag_id=run.dag_id,
        run_id=run.run_id,
        task_ids=None if task_id == "~" else [task_id],
        map_indexes=None if query.map_index is None else [query.map_index],
        key=query.xcom_key,
    )
    page = page_of(call)
    labels = Labels(call.backend, [run.dag_id])
    shown = [_shape(record, run, labels) for record in found[page.offset :][: page.limit]]
    return {"xcom_entries": shown, "total_entries": len(found)}


def get_xcom(call: Call) -> dict[str, Any]:
    """Get one XCom with its value."""
    run = _run(call)
    record = _find(call, run, call.query.map_index)
    if record is None:
        raise NotFoundError(f"XCom entry with key: `{call.path['xcom_key']}` not found")
    text = record.value.decode("utf-8", "replace")
    limit = call.backend.options.max_xcom_characters
    shape = _shape(record, run, Labels(call.backend, [run.dag_id]))
    if len(text) > limit:
        value: Any = f"{text[:limit]}... ({len(text)} characters)"
    else:
        value = text if call.query.stringify else msgspec.json.decode(record.value)
    return shape | {"value": value}


def create_xcom(call: Call) -> dict[str, Any]:
    """Store an XCom; there must be none of its key."""
    return _store(call, call.body.key, is_new=True)


def update_xcom(call: Call) -> dict[str, Any]:
    """Replace the value of an XCom."""
    return _store(call, call.path["xcom_key"], is_new=False)


def delete_xcom(call: Call) -> None:
    """Delete an XCom."""
    run = _run(call)
    if _find(call, run, call.query.map_index) is None:
        raise NotFoundError(f"XCom entry with key: `{call.path['xcom_key']}` not found")
    call.backend.worker_store.delete_xcoms(
        dag_id=run.dag_id,
        run_id=run.run_id,
        task_id=call.path["task_id"],
        map_index=call.query.map_index,
        key=call.path["xcom_key"],
    )


def _store(call: Call, key: str, *, is_new: bool) -> dict[str, Any]:
    body: XComBody = call.body
    run = _run(call)
    before = _find(call, run, body.map_index, key)
    if is_new and before is not None:
        raise AlreadyExistsError(f"task {call.path['task_id']!r} has an XCom {key!r} already")
    if not is_new and before is None:
        raise NotFoundError(f"XCom entry with key: `{key}` not found")
    call.backend.worker_store.set_xcom(
        dag_id=run.dag_id,
        run_id=run.run_id,
        task_id=call.path["task_id"],
        map_index=body.map_index,
        key=key,
        value=msgspec.json.encode(body.value),
    )
    record = _find(call, run, body.map_index, key)
    if record is None:
        raise NotFoundError(f"XCom entry with key: `{key}` not found")
    return _shape(record, run, Labels(call.backend, [run.dag_id])) | {"value": body.value}


def _run(call: Call) -> RunDetail:
    return get_run(call.backend.database, call.path["dag_id"], call.path["dag_run_id"])


def _find(call: Call, run: RunDetail, map_index: int, key: str | None = None) -> XComRecord | None:
    return call.backend.worker_store.get_xcom(
        dag_id=run.dag_id,
        run_id=run.run_id,
        task_id=call.path["task_id"],
        map_index=map_index,
        key=call.path["xcom_key"] if key is None else key,
    )


def _shape(record: XComRecord, run: RunDetail, labels: Labels) -> dict[str, Any]:
    return {
        "key": record.key,
        "timestamp": record.created_at,
        "logical_date": record.logical_date,
        "map_index": record.map_index,
        "task_id": record.task_id,
        "dag_id": record.dag_id,
        "run_id": record.run_id,
        "dag_display_name": labels.display_name(record.dag_id),
        "task_display_name": record.task_id,
        "run_after": run.run_after,
    }


OPERATIONS = (
    Operation("GET", _ENTRIES, list_xcoms, query=XComsQuery),
    Operation("POST", _ENTRIES, create_xcom, role="user", body=XComBody, status=201),
    Operation("GET", _ENTRY, get_xcom, query=XComQuery),
    Operation("PATCH", _ENTRY, update_xcom, role="user", body=XComBody),
    Operation("DELETE", _ENTRY, delete_xcom, role="user", query=XComQuery, status=204),
)
