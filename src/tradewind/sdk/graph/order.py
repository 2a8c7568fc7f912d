"""The order of tasks, and the cycles that leave them without one."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from tradewind.sdk.exceptions import AirflowDagCycleException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.definitions.task_group import TaskGroup


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
        raise AirflowDagCycleException(f"Cycle detected in DAG: {dag.dag_id}. Its tasks wait for each other: {cycle}")
    return ordered


def _find_cycle(dag: DAG, stuck: set[str]) -> list[str]:
    """Return the task_ids along one cycle, the first again at its end; every one of `stuck` has an upstream in it."""
    path: list[str] = []
    task_id = min(stuck)
    while task_id not in path:
        path.append(task_id)
        task_id = min(dag.task_dict[task_id].upstream_task_ids & stuck)
    circle = path[path.index(task_id) :][::-1]
    first = circle.index(min(circle))
    return [*circle[first:], *circle[:first], circle[first]]


def is_group(node: Any) -> bool:
    """Return whether a node of a DAG is a task group."""
    return hasattr(node, "children")


def sort_children(group: TaskGroup) -> list[Any]:
    """Return a group's children so that each comes after those it depends on, else in the author's order.

    The order is Airflow's: as if one went through the children again and again, each time taking those whose
    upstream ones are taken. Raises `AirflowDagCycleException`.
    """
    before = _before(group)
    places = {key: place for place, key in enumerate(before)}
    after: dict[str, list[str]] = {key: [] for key in before}
    for key, upstream in before.items():
        for other in upstream:
            after[other].append(key)
    rounds = dict.fromkeys(before, 1)
    waiting_for = {key: len(upstream) for key, upstream in before.items()}
    ready = [key for key, count in waiting_for.items() if not count]
    for key in ready:  # it grows while it is walked
        for other in after[key]:
            # One that stands later in the author's order is met in the same round.
            needed = rounds[key] + (places[key] > places[other])
            rounds[other] = max(rounds[other], needed)
            waiting_for[other] -= 1
            if not waiting_for[other]:
                ready.append(other)
    if len(ready) < len(before):
        waiting = ", ".join(sorted(key for key, count in waiting_for.items() if count))
        raise AirflowDagCycleException(f"Cycle detected in DAG: {group.dag.dag_id}. Wait for each other: {waiting}")
    return [group.children[key] for key in sorted(ready, key=lambda key: (rounds[key], places[key]))]


def _before(group: TaskGroup) -> dict[str, set[str]]:
    """Return for each child of a group, in the author's order, the children that have tasks before its tasks."""
    inside: dict[str, str] = {}
    for key, child in group.children.items():
        for task in child if is_group(child) else (child,):
            inside[task.task_id] = key
    before: dict[str, set[str]] = {key: set() for key in group.children}
    for task_id, key in inside.items():
        upstream = group.dag.task_dict[task_id].upstream_task_ids
        before[key] |= {inside[other] for other in upstream if other in inside} - {key}
    return before


def flatten(group: TaskGroup) -> list[BaseOperator]:
    """Return the tasks in a group and the groups in it, in topological order."""
    tasks: list[BaseOperator] = []
    for child in sort_children(group):
        tasks += flatten(child) if is_group(child) else [child]
    return tasks
