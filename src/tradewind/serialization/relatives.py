"""Which tasks belong together in a DAG: those before and after a task, and the setups and teardowns that hold for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.serialization.document import tasks_by_group

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tradewind.serialization.document import DagDocument

    Instance = tuple[str, int]
    """A task_id and a map index."""


class Relatives:
    """The relations of one DAG's tasks."""

    def __init__(self, document: DagDocument) -> None:
        """Take the DAG."""
        self._document = document
        self._tasks = {task.task_id: task for task in document.tasks}
        self._down = {task.task_id: set(task.downstream) for task in document.tasks}
        self._up: dict[str, set[str]] = {task_id: set() for task_id in self._down}
        for task_id, targets in self._down.items():
            for target in targets:
                self._up[target].add(task_id)

    def unknown(self, task_ids: Iterable[str]) -> list[str]:
        """Return those that are no tasks of the DAG, sorted."""
        return sorted(set(task_ids) - self._tasks.keys())

    def above(self, task_ids: Collection[str]) -> set[str]:
        """Return every task before these."""
        return _reached(task_ids, self._up)

    def below(self, task_ids: Collection[str]) -> set[str]:
        """Return every task after these."""
        return _reached(task_ids, self._down)

    def part(self, task_ids: Iterable[str], *, upstream: bool, downstream: bool) -> set[str]:
        """Return what clearing these tasks clears, themselves included, as Airflow's `partial_subset` chooses.

        A task brings the setups that hold for it with their teardowns, and a setup brings its teardowns.
        """
        matched = set(task_ids) & self._tasks.keys()
        chosen = set(matched)
        for task_id in matched:
            if downstream:
                below = self.below([task_id])
                chosen |= below.union(*(self._setups_in_force(other) for other in below - matched))
            else:
                chosen |= self._teardowns_of(task_id)
            if upstream:
                above = self.above([task_id])
                chosen |= above.union(*(self._teardowns_of(other) for other in above))
            else:
                chosen |= self._setups_in_force(task_id)
        return chosen

    def of_instances(
        self, instances: Iterable[Instance], *, upstream: bool, downstream: bool
    ) -> tuple[set[str], set[Instance]]:
        """Return the tasks, and the single instances, that clearing instances of mapped tasks clears beside them.

        In a mapped task group an index has to do with its own index only; outside it, with all of a task.
        """
        whole: set[str] = set()
        single: set[Instance] = set()
        for task_id, map_index in instances:
            for other in self.part([task_id], upstream=upstream, downstream=downstream) - {task_id}:
                group = self._mapped_group_of(task_id)
                if group is not None and group == self._mapped_group_of(other):
                    single.add((other, map_index))
                else:
                    whole.add(other)
        return whole, {pair for pair in single if pair[0] not in whole}

    def members(self, group_id: str) -> list[str] | None:
        """Return the tasks of a group and of the groups in it; None where there is no such group."""
        return tasks_by_group(self._document).get(group_id)

    def _mapped_group_of(self, task_id: str) -> str | None:
        groups = {group.group_id: group for group in self._document.groups}
        group = groups.get(self._tasks[task_id].group_id or "")
        while group is not None and not group.is_mapped:
            group = groups.get(group.parent_id or "")
        return None if group is None else group.group_id

    def _teardowns_of(self, task_id: str) -> set[str]:
        if not self._tasks[task_id].is_setup:
            return set()
        return {other for other in self._down[task_id] if self._tasks[other].is_teardown}

    def _setups_in_force(self, task_id: str) -> set[str]:
        """Return the setups before a task that have no teardown, or one after the task, each with its teardowns."""
        task = self._tasks[task_id]
        if task.is_setup or task.is_teardown:
            return set()
        below = self.below([task_id])
        found: set[str] = set()
        for other in self.above([task_id]):
            teardowns = self._teardowns_of(other)
            if self._tasks[other].is_setup and (not teardowns or teardowns & below):
                found |= {other, *teardowns}
        return found


def _reached(starts: Collection[str], edges: Mapping[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    pending = list(starts)
    while pending:
        for other in edges.get(pending.pop(), set()) - reached:
            reached.add(other)
            pending.append(other)
    return reached
