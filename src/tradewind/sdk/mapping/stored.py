"""What a task is expanded over, kept from one instance to the next: thousands of them read the same XComs.

Without it each of n instances of `expand(x=listing)` would fetch and decode a list of n items to take one.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from tradewind.core.clock import SystemClock
from tradewind.sdk.definitions.xcom_arg import PlainXComArg, XComArg
from tradewind.sdk.mapping.items import SharedItems, is_mappable_value, is_mapping
from tradewind.sdk.mapping.lazy_sequence import LazyXComSequence
from tradewind.sdk.mapping.references import CombinedXComArg
from tradewind.sdk.mapping.relations import common_mapped_group
from tradewind.sdk.ports import worker_store
from tradewind.sdk.xcoms.backend import xcom_backend
from tradewind.sdk.xcoms.storing import from_stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_KEPT_S = 10.0
"""A value that is changed from outside while instances of the map still start is seen by those that start later."""
_KEPT_BYTES = 32 << 20

_clock = SystemClock()


class _Entry(NamedTuple):
    store: Any
    """Whose value it is; in tests one process meets several stores."""
    value: Any
    size: int
    """Bytes of it as it is stored."""
    due_at: float


_entries: OrderedDict[tuple[Any, ...], _Entry] = OrderedDict()


def source_of(arg: XComArg, context: Mapping[str, Any]) -> Any:
    """Return what a reference stands for, to take items of: as `arg.resolve(context)`, but shared between tries.

    Items may be changed, each reader gets its own. Raises ValueError for `map`, `zip` and `concat` over no list.
    """
    if isinstance(arg, CombinedXComArg):
        return arg.over([source_of(part, context) for part in arg.args])
    ti, run = context["ti"], context["dag_run"]
    if not isinstance(arg, PlainXComArg) or common_mapped_group(ti.task, arg.operator) is not None:
        return arg.resolve(context)
    # A run that was cleared may hold other values, and a try that repeats another shall not repeat what that one read.
    key = (ti.dag_id, ti.run_id, getattr(run, "clear_number", 0), ti.try_number, arg.operator.task_id, arg.key)
    return _kept(key, lambda: _fetch(arg, ti))


def read_ahead(task: Any, context: Mapping[str, Any]) -> None:
    """Read and keep what the arguments of an instance are taken from, for processes that are forked off this one.

    Of `context` only `ti` and `dag_run` are needed. Raises what reading raises.
    """
    nodes = [task, *task.iter_mapped_task_groups()] if task.is_mapped else task.iter_mapped_task_groups()
    for node in nodes:
        over: Any = node.mapped_over.value
        values: list[Any] = list(over.values()) if is_mapping(over) else [over]
        for value in values:
            if isinstance(value, XComArg):
                len(source_of(value, context))


def _fetch(arg: PlainXComArg, ti: Any) -> tuple[Any, int]:
    task_id = arg.operator.task_id
    if arg.operator.get_needs_expansion():
        return LazyXComSequence(dag_id=ti.dag_id, run_id=ti.run_id, task_id=task_id, key=arg.key), 0
    record = worker_store().get_xcom(dag_id=ti.dag_id, run_id=ti.run_id, task_id=task_id, key=arg.key)
    if record is None:
        return None, 0
    value = from_stored(xcom_backend(), record)
    return (SharedItems(value), len(record.value)) if is_mappable_value(value) else (value, 0)


def _kept(key: tuple[Any, ...], fetch: Callable[[], tuple[Any, int]]) -> Any:
    store, now = worker_store(), _clock.monotonic()
    entry = _entries.get(key)
    if entry is not None and entry.store is store and entry.due_at > now:
        return entry.value
    value, size = fetch()
    _entries.pop(key, None)
    for other in [other for other, old in _entries.items() if old.due_at <= now]:
        del _entries[other]
    while _entries and sum(old.size for old in _entries.values()) + size > _KEPT_BYTES:
        _entries.popitem(last=False)
    if isinstance(value, (SharedItems, LazyXComSequence)):
        _entries[key] = _Entry(store, value, size, now + _KEPT_S)
    return value
