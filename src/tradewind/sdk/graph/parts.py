"""A part of a DAG as a DAG, and a DAG drawn as lines of text."""

from __future__ import annotations

import copy

from tradewind.sdk.graph.order import is_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.definitions.task_group import TaskGroup


def selected_ids(
    dag: DAG,
    task_ids: str | Iterable[str],
    *,
    downstream: bool,
    upstream: bool,
    direct: bool,
    depth: int | None,
) -> set[str]:
    """Return the task_ids that `DAG.partial_subset` keeps. A text selects every task_id that it is part of.

    A task brings the setups that hold for it, and a setup its teardowns.
    """
    if isinstance(task_ids, str):
        matched = {task_id for task_id in dag.task_dict if task_ids in task_id}
    else:
        matched = set(task_ids) & dag.task_dict.keys()
    chosen = set(matched)
    for task_id in matched:
        task = dag.task_dict[task_id]
        if downstream:
            below = task.get_flat_relative_ids(depth=depth)
            chosen |= below.union(*(_setups_in_force(dag, dag.task_dict[other]) for other in below - matched))
        if upstream:
            above = task.get_flat_relative_ids(upstream=True, depth=depth)
            chosen |= above.union(*(_teardowns_of(dag, dag.task_dict[other]) for other in above))
        else:
            chosen |= _setups_in_force(dag, task)
        if not downstream:
            chosen |= _teardowns_of(dag, task)
    if direct:
        chosen |= {near for task_id in chosen for near in dag.task_dict[task_id].upstream_task_ids}
    return chosen


def _teardowns_of(dag: DAG, task: BaseOperator) -> set[str]:
    if not task.is_setup:
        return set()
    return {task_id for task_id in task.downstream_task_ids if dag.task_dict[task_id].is_teardown}


def _setups_in_force(dag: DAG, task: BaseOperator) -> set[str]:
    """Return the setups before a task that have no teardown or one after it, each with its teardowns."""
    if task.is_setup or task.is_teardown:
        return set()
    below = task.get_flat_relative_ids()
    found: set[str] = set()
    for task_id in task.get_flat_relative_ids(upstream=True):
        setup = dag.task_dict[task_id]
        teardowns = _teardowns_of(dag, setup)
        if setup.is_setup and (not teardowns or teardowns & below):
            found |= {task_id, *teardowns}
    return found


def subset(dag: DAG, chosen: set[str]) -> DAG:
    """Return a deep copy of a DAG with only the chosen tasks, their edges and the groups that still have tasks."""
    # What is left out is never copied: the copy holds None in its place.
    memo: dict[int, Any] = {id(task): None for task_id, task in dag.task_dict.items() if task_id not in chosen}
    copied = copy.deepcopy(dag, memo)
    copied.task_dict = {task_id: task for task_id, task in copied.task_dict.items() if task_id in chosen}
    _drop_children(copied.task_group, chosen)
    groups = copied.task_group.get_task_group_dict()
    for group in groups.values():
        group.upstream_group_ids &= groups.keys()
        group.downstream_group_ids &= groups.keys()
        group.upstream_task_ids &= chosen
        group.downstream_task_ids &= chosen
    for task in copied.task_dict.values():
        task.upstream_task_ids &= chosen
        task.downstream_task_ids &= chosen
    copied.partial = len(chosen) < len(dag.task_dict)
    return copied


def _drop_children(group: TaskGroup, chosen: set[str]) -> None:
    for key, child in list(group.children.items()):
        if is_group(child):
            _drop_children(child, chosen)
        if not child.children if is_group(child) else key not in chosen:
            del group.children[key]
            group.used_group_ids.discard(key)


def draw_tree(dag: DAG) -> str:
    """Return the DAG as indented lines, from its roots down; a task is drawn below each of its upstream tasks."""
    lines: list[str] = []
    stack: list[tuple[BaseOperator, int]] = [(task, 0) for task in reversed(dag.roots)]
    while stack:
        task, level = stack.pop()
        lines.append("    " * level + repr(task))
        stack += [(below, level + 1) for below in reversed(task.downstream_list)]
    return "\n".join(lines)
