"""Questions about a DAG as a graph: its order, its cycles, a part of it, a drawing of it as text."""

from __future__ import annotations

import copy
from heapq import heapify, heappop, heappush

from tradewind.sdk.definitions.task_group import TaskGroup
from tradewind.sdk.exceptions import AirflowDagCycleException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.operator import BaseOperator


def sort_tasks(dag: DAG) -> list[BaseOperator]:
    """Return the tasks so that each comes after its upstream ones, ties by task_id.

    Raises `AirflowDagCycleException` naming the tasks of a cycle.
    """
    tasks = dag.task_dict
    waiting_for = {task_id: len(task.upstream_task_ids) for task_id, task in tasks.items()}
    ready = [task_id for task_id, count in waiting_for.items() if not count]
    heapify(ready)
    ordered: list[BaseOperator] = []
    while ready:
        task = tasks[heappop(ready)]
        ordered.append(task)
        for task_id in task.downstream_task_ids:
            waiting_for[task_id] -= 1
            if not waiting_for[task_id]:
                heappush(ready, task_id)
    if len(ordered) < len(tasks):
        cycle = " >> ".join(_find_cycle(dag, {task_id for task_id, count in waiting_for.items() if count}))
        msg = f"Cycle detected in DAG: {dag.dag_id}. Its tasks wait for each other: {cycle}"
        raise AirflowDagCycleException(msg)
    return ordered


def _find_cycle(dag: DAG, stuck: set[str]) -> list[str]:
    """Return the task_ids along one cycle, the first again at its end; every one of `stuck` has an upstream in it."""
    path: list[str] = []
    task_id = min(stuck)
    while task_id not in path:
        path.append(task_id)
        task_id = min(dag.task_dict[task_id].upstream_task_ids & stuck)
    circle = [task_id, *reversed(path[path.index(task_id) :])]
    return circle[circle.index(min(circle)) : -1] + circle[: circle.index(min(circle)) + 1]


def sort_children(group: TaskGroup) -> list[Any]:
    """Return a group's children so that each comes after those it depends on, else in the author's order.

    Raises `AirflowDagCycleException`.
    """
    inside: dict[str, str] = {}
    for key, child in group.children.items():
        for task in child if isinstance(child, TaskGroup) else (child,):
            inside[task.task_id] = key
    before: dict[str, set[str]] = {key: set() for key in group.children}
    for task_id, key in inside.items():
        upstream = group.dag.task_dict[task_id].upstream_task_ids
        before[key] |= {inside[other] for other in upstream if other in inside} - {key}
    ordered: list[Any] = []
    left = dict(group.children)
    while left:
        placed = False
        for key in list(left):
            if not before[key] & left.keys():
                ordered.append(left.pop(key))
                placed = True
        if not placed:
            msg = f"Cycle detected in DAG: {group.dag.dag_id}. {', '.join(sorted(left))} wait for each other"
            raise AirflowDagCycleException(msg)
    return ordered


def flatten(group: TaskGroup) -> list[BaseOperator]:
    """Return the tasks in a group and the groups in it, in topological order."""
    tasks: list[BaseOperator] = []
    for child in sort_children(group):
        tasks += flatten(child) if isinstance(child, TaskGroup) else [child]
    return tasks


def selected_ids(
    dag: DAG, task_ids: str | Iterable[str], *, downstream: bool, upstream: bool, direct: bool, depth: int | None
) -> set[str]:
    """Return the task_ids that `DAG.partial_subset` keeps. A text selects every task_id that it is part of."""
    if isinstance(task_ids, str):
        matched = {task_id for task_id in dag.task_dict if task_ids in task_id}
    else:
        matched = set(task_ids) & dag.task_dict.keys()
    chosen = set(matched)
    for task_id in matched:
        task = dag.task_dict[task_id]
        if downstream:
            chosen |= task.get_flat_relative_ids(depth=depth)
        if upstream:
            chosen |= task.get_flat_relative_ids(upstream=True, depth=depth)
    if direct:
        chosen |= {near for task_id in chosen for near in dag.task_dict[task_id].upstream_task_ids}
    return chosen


def subset(dag: DAG, chosen: set[str]) -> DAG:
    """Return a deep copy of a DAG with only the chosen tasks, their edges and the groups that still have tasks."""
    # Sharing the macros and filters, as DAG.__deepcopy__ does; tasks that are left out are never copied.
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
        if isinstance(child, TaskGroup):
            _drop_children(child, chosen)
        if (isinstance(child, TaskGroup) and not child.children) or (child is None):
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
