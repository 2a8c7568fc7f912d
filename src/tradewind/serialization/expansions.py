"""The JSON of what a mapped task or task group expands over: its length, as an expression.

`{"literal": n}`, `{"xcom": "task_id"}` (the return value of a task), `{"map": expression}` (of the same length),
`{"zip": [expression, ...], "longest": bool}`, `{"concat": [...]}`, `{"product": [...]}` (one for each keyword).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tradewind.core.expansion import Concatenated, Expansion, Literal, Product, Returned, Zipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewind.serialization.document import DagDocument


def read_expansion(written: Mapping[str, Any], index_of: Mapping[str, int]) -> Expansion:
    """Return the expression of `written`, its tasks by their index. Raises ValueError for what is none."""
    match written:
        case {"literal": int(count)} if count >= 0:
            return Literal(count)
        case {"xcom": str(task_id)}:
            if task_id not in index_of:
                msg = f"it expands over what the unknown task {task_id!r} returns"
                raise ValueError(msg)
            return Returned(index_of[task_id])
        case {"map": inner}:
            return read_expansion(inner, index_of)
        case {"zip": [_, *_] as parts}:
            return Zipped(_read_all(parts, index_of), is_longest=bool(written.get("longest")))
        case {"concat": [_, *_] as parts}:
            return Concatenated(_read_all(parts, index_of))
        case {"product": [_, *_] as parts}:
            return Product(_read_all(parts, index_of))
        case _:
            msg = f"what it expands over has no length that could be read: {written!r}"
            raise ValueError(msg)


def length_of(xcoms: Mapping[str, Any], map_index: int) -> int | None:
    """Return the length that those mapped over a task wait for, of what its trigger left as its XComs."""
    value: Any = xcoms.get("return_value")
    if map_index >= 0:
        return None if value is None else 1
    return len(cast("list[Any] | dict[str, Any]", value)) if isinstance(value, list | dict) else None


def is_mapped(document: DagDocument, task_id: str) -> bool:
    """Say whether a task of the DAG is mapped, itself or by a group round it. Raises KeyError for an unknown task."""
    tasks = {task.task_id: task for task in document.tasks}
    groups = {group.group_id: group for group in document.groups}
    if tasks[task_id].expansion is not None:
        return True
    group_id = tasks[task_id].group_id
    while group_id is not None:
        if groups[group_id].expansion is not None:
            return True
        group_id = groups[group_id].parent_id
    return False


def _read_all(parts: Sequence[Any], index_of: Mapping[str, int]) -> tuple[Expansion, ...]:
    return tuple(read_expansion(part, index_of) for part in parts)
