"""From a pushed value to what is stored and back, by way of an XCom backend.

Whatever a backend raises becomes one sentence that names it.
"""

from __future__ import annotations

from tradewind.sdk.ports import xcom_codec
from tradewind.sdk.toolkit.values import is_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from tradewind.sdk.xcoms.xcom import BaseXCom
    from tradewind.serialization.records import XComRecord

    T = TypeVar("T")


class XComBackendError(RuntimeError):
    """The installation's XCom backend cannot be loaded, or raised an error."""


def to_stored(
    backend: type[BaseXCom], value: Any, *, key: str, dag_id: str, task_id: str, run_id: str, map_index: int
) -> bytes:
    """Return what is stored for a value that is pushed.

    Raises `XComValueError` for what cannot be written as JSON, `XComBackendError` when the backend fails.
    """
    if backend.keeps_json:
        return xcom_codec().encode_value(value, key=key)
    place = {"key": key, "dag_id": dag_id, "task_id": task_id, "run_id": run_id, "map_index": map_index}
    stored = _guarded(backend, f"store XCom {key!r} of task {task_id!r}", lambda: _serialize(backend, value, place))
    return xcom_codec().encode_value(stored, key=key)


def from_stored(backend: type[BaseXCom], record: XComRecord) -> Any:
    """Return the value that was pushed. Raises as `to_stored` does."""
    if backend.keeps_json:
        return xcom_codec().decode_value(record.value)
    row = row_of(backend, record, _stored_value(record))
    what = f"read XCom {record.key!r} of task {record.task_id!r}"
    return _guarded(backend, what, lambda: backend.deserialize_value(row))


def purge(backend: type[BaseXCom], record: XComRecord) -> None:
    """Let the backend delete what it keeps of an XCom that is about to be deleted."""
    if not backend.keeps_json:
        row = row_of(backend, record, _stored_value(record))
        _guarded(backend, f"delete XCom {record.key!r} of task {record.task_id!r}", lambda: backend.purge(row))


def row_of(backend: type[BaseXCom], record: XComRecord, value: Any) -> BaseXCom:
    """Return the row that stands for a record."""
    return backend(
        key=record.key,
        value=value,
        dag_id=record.dag_id,
        task_id=record.task_id,
        run_id=record.run_id,
        map_index=record.map_index,
        timestamp=record.created_at,
        logical_date=record.logical_date,
    )


def one_line(error: Exception) -> str:
    """Return the kind of an error and the first line of its message."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _stored_value(record: XComRecord) -> Any:
    """Return what the backend gave to be stored; bytes, which Airflow 2's backends make, lie in an envelope."""
    codec = xcom_codec()
    stored = codec.decode_plain(record.value)
    is_sealed_bytes = is_dict(stored) and stored.get("__classname__") == "builtins.bytes"
    return codec.revive(stored) if is_sealed_bytes else stored


def _serialize(backend: type[BaseXCom], value: Any, place: dict[str, Any]) -> Any:
    """Call `serialize_value` with what it takes of the XCom's place: older backends take the value alone."""
    from inspect import Parameter, signature  # noqa: PLC0415 - only where there is a backend

    parameters = signature(backend.serialize_value).parameters
    if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters.values()):
        place = {name: part for name, part in place.items() if name in parameters}
    return backend.serialize_value(value, **place)


def _guarded(backend: type[BaseXCom], what: str, act: Callable[[], T]) -> T:
    try:
        return act()
    except Exception as error:
        name = f"{backend.__module__}.{backend.__qualname__}"
        raise XComBackendError(f"the XCom backend {name} cannot {what}: {one_line(error)}") from error
