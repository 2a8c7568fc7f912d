"""Who is expanded over whom, and which instances of a task in a mapped group another one reads."""

from __future__ import annotations

from itertools import takewhile
from math import prod

from tradewind.sdk.definitions.xcom_arg import XComArg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG


def iter_mapped_nodes(dag: DAG) -> Iterator[Any]:
    """Yield the mapped tasks and task groups of a DAG."""
    for task in dag.task_dict.values():
        if task.is_mapped:
            yield task
    for group in dag.task_group_dict.values():
        if group.is_mapped:
            yield group


def iter_mapped_dependencies(node: Any) -> Iterator[Any]:
    """Yield the tasks that decide how many instances a mapped task or task group has."""
    # A part of a DAG may lack the task: None stands for it then.
    yield from filter(None, (operator for operator, _ in XComArg.iter_xcom_references(node.mapped_over)))


def iter_mapped_dependants(task: Any) -> Iterator[Any]:
    """Yield the mapped tasks and task groups that are expanded over what a task returns."""
    for node in iter_mapped_nodes(task.dag):
        if any(operator.node_id == task.node_id for operator in iter_mapped_dependencies(node)):
            yield node


def is_expanded_over(task: Any) -> bool:
    """Say whether something is expanded over what a task returns; looked up once for each DAG and number of tasks."""
    dag: DAG = task.dag
    kept: dict[str, Any] = vars(dag)
    size, task_ids = kept.get(_KEPT, (0, frozenset()))
    if size != len(dag.task_dict):
        found = (dependency for node in iter_mapped_nodes(dag) for dependency in iter_mapped_dependencies(node))
        task_ids = frozenset(dependency.task_id for dependency in found)
        kept[_KEPT] = len(dag.task_dict), task_ids
    return task.task_id in task_ids


def common_mapped_group(task: Any, other: Any) -> Any:
    """Return the innermost mapped task group that two tasks of a DAG are in, None when there is none."""
    around = {group.group_id for group in task.iter_mapped_task_groups()}
    if not around:
        return None
    return next((group for group in other.iter_mapped_task_groups() if group.group_id in around), None)


def relevant_map_indexes(upstream: Any, context: Mapping[str, Any]) -> int | range | None:
    """Return which instances of `upstream` the instance of `context` reads: in one mapped group that of its own index.

    None means all there are; a range those of a group within the one they share.
    """
    ti = context["ti"]
    group = common_mapped_group(ti.task, upstream)
    if group is None or ti.map_index < 0:
        return None
    index = ti.map_index // _size_within(group, ti.task, context)
    if next(iter(upstream.iter_mapped_task_groups())).group_id == group.group_id:
        return index
    size = _size_within(group, upstream, context)
    return range(index * size, (index + 1) * size)


def _size_within(group: Any, task: Any, context: Mapping[str, Any]) -> int:
    """Return how many instances of a task there are for each item of a mapped group around it."""
    inner = takewhile(lambda one: one.group_id != group.group_id, task.iter_mapped_task_groups())
    return prod(one.mapped_over.size(context) for one in inner)


_KEPT = "_task_ids_expanded_over"
