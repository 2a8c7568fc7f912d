"""Expanding mapped tasks: from the instance that stands for them to as many as their length says, and later corrections.

As in Airflow a placeholder is expanded when it could be scheduled, and the number of instances is looked at again when one
of them is about to be. Unlike there a placeholder waits for its length where its trigger rule would not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.effects import Expand, Stop
from tradewind.core.engine.births import MAX_INSTANCES
from tradewind.core.engine.moving import Moving
from tradewind.core.engine.roster import UNMAPPED, Instance
from tradewind.core.states import HOLDING_SLOT, WAITING, TaskInstanceState
from tradewind.core.transitions import Actor, Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.core.graph import TaskNode

_S = TaskInstanceState


class Expanding(Moving):
    """What changes how many instances a task has."""

    def _is_sized(self, slot: int, node: TaskNode) -> bool:
        """Expand the task, or correct its instances, before the one in `slot` is scheduled; False when that one is not."""
        if self.map_index_of[slot] <= UNMAPPED:
            self._expand(slot, node)
            return False
        if node.index in self._unrevised:
            self._revise(node)
        return self.states[slot] in WAITING

    def _waits_for_length(self, slot: int, node: TaskNode) -> bool:
        is_placeholder = self.map_index_of[slot] <= UNMAPPED
        return is_placeholder and self.lengths.of(node) is None and self.lengths.may_come(node)

    def _expand(self, slot: int, node: TaskNode) -> None:
        count = self.lengths.of(node)
        if count is None:
            silent = ", ".join(repr(task_id) for task_id in self.lengths.silent(node))
            why = f"It cannot be mapped: task {silent} returned nothing to map over."
            self._end(slot, Event.FAIL_UPSTREAM, Actor.SCHEDULER, why)
        elif count == 0:
            self._end(slot, Event.RULE_SKIP, Actor.SCHEDULER, "It is mapped over nothing: the length is 0.")
        elif count > MAX_INSTANCES:
            why = f"It cannot be mapped over {count} values: a task has at most {MAX_INSTANCES} instances in a run."
            self._end(slot, Event.MARK_FAILED, Actor.SCHEDULER, why)
        elif len(self.roster.slots[node.index]) > 1:
            # An earlier DAG version has left instances with a map index beside it.
            self._remove(slot)
            self._revise(node)
        else:
            self._unrevised.discard(node.index)
            self._move(slot, Event.EXPAND, Actor.SCHEDULER)
            self.roster.renumber(slot, 0)
            self._bear(node, range(1, count), placeholder=slot)

    def _revise(self, node: TaskNode) -> None:
        """Make the instances of an expanded task as many as its length says, where that is known."""
        count = self.lengths.of(node)
        if count is None or count > MAX_INSTANCES:
            return
        self._unrevised.discard(node.index)
        slots = self.roster.slots[node.index]
        has_changed = False
        for map_index, slot in list(slots.items()):
            is_within = UNMAPPED < map_index < count
            if is_within == (self.states[slot] is _S.REMOVED):
                has_changed = True
                if is_within:
                    self._move(slot, Event.RESTORE, Actor.SCHEDULER)
                else:
                    self._dismiss(slot)
        missing = [map_index for map_index in range(count) if map_index not in slots]
        if missing or has_changed:
            self._bear(node, missing)

    def _dismiss(self, slot: int) -> None:
        if self.states[slot] in HOLDING_SLOT:
            self._effects.append(Stop(slot, self.tries[slot]))
        self._remove(slot)

    def _bear(self, node: TaskNode, map_indexes: Sequence[int], placeholder: int | None = None) -> None:
        roster = self.roster
        first_slot = roster.next_slot
        if map_indexes or placeholder is not None:
            self._effects.append(Expand(node.task_id, placeholder, first_slot, map_indexes))
        for slot, map_index in enumerate(map_indexes, first_slot):
            roster.place(Instance(slot, node.task_id, _S.NONE, 0, 0, node.retry.retries, map_index=map_index))
        self.standing.count(node)
        self._recount_after(node)
        self._work.extend(roster.slots[node.index].values())

    def _restore(self) -> None:
        """Let tasks run that an earlier DAG version did not have and this one has again."""
        restored = [slot for slot, node in self.node_of.items() if self._may_return(slot, node)]
        for slot in restored:
            self._move(slot, Event.RESTORE, Actor.SCHEDULER)
            self._unrevised.add(self.node_of[slot].index)
        if restored:
            self.standing.count_all()

    def _may_return(self, slot: int, node: TaskNode) -> bool:
        if self.states[slot] is not _S.REMOVED:
            return False
        if not node.is_mapped:
            return True
        if self.map_index_of[slot] <= UNMAPPED:
            return len(self.roster.slots[node.index]) == 1
        count = self.lengths.of(node)
        return count is not None and self.map_index_of[slot] < count
