"""How many instances the mapped tasks of one run have, as far as what they are mapped over tells by now."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from tradewind.core.engine.roster import UNMAPPED
from tradewind.core.expansion import length
from tradewind.core.states import FINISHED, TaskInstanceState
from tradewind.core.trigger_rules import Verdict

if TYPE_CHECKING:
    from tradewind.core.engine.roster import Roster
    from tradewind.core.graph import TaskNode

_S = TaskInstanceState

_FAILED = frozenset({_S.FAILED, _S.UPSTREAM_FAILED})


class Lengths:
    """Asks the states and what the tasks returned; keeps nothing but the sizes of groups."""

    def __init__(self, roster: Roster) -> None:
        """Ask `roster`."""
        self._roster = roster
        self._sizes: dict[int, int] = {}

    def forget(self) -> None:
        """Something that groups are mapped over has changed."""
        self._sizes.clear()

    def of(self, node: TaskNode) -> int | None:
        """Return how many instances a mapped task has to have, None where that is not known."""
        factors = [self._size(group) for group in node.groups]
        if node.expansion is not None:
            factors.append(length(node.expansion, self._returned))
        known = [factor for factor in factors if factor is not None]
        return prod(known) if len(known) == len(factors) else None

    def may_come(self, node: TaskNode) -> bool:
        """Say whether a length that is not known may still become known."""
        return any(self._roster.unfinished_of[source] for source in node.length_sources)

    def silent(self, node: TaskNode) -> list[str]:
        """Name the tasks that have finished and returned nothing that could be mapped over."""
        found = [source for source in node.length_sources if self._returned(source) is None]
        return [self._roster.dag.nodes[source].task_id for source in found]

    def refusal(self, node: TaskNode) -> Verdict | None:
        """Say what the states of what a task is mapped over decide, whatever its trigger rule says.

        A source that is mapped itself has a say only while it stands as one instance: once it is expanded, what its
        instances returned is what there is to map over.
        """
        verdict: Verdict | None = None
        for source in node.length_sources:
            slot = self._roster.slots[source].get(UNMAPPED)
            state = None if slot is None else self._roster.states[slot]
            if state in _FAILED:
                return Verdict.UPSTREAM_FAILED
            if state is _S.SKIPPED:
                verdict = Verdict.SKIP
        return verdict

    def stride(self, node: TaskNode, depth: int) -> int | None:
        """Return how many map indexes of a task share one place in its first `depth` mapped groups."""
        if len(node.groups) == depth and node.expansion is None:
            return 1
        inner = [self._size(group) for group in node.groups[depth:]]
        if node.expansion is not None:
            inner.append(length(node.expansion, self._returned))
        known = [factor for factor in inner if factor is not None]
        return prod(known) if len(known) == len(inner) else None

    def _size(self, group: int) -> int | None:
        size = self._sizes.get(group)
        if size is None:
            size = length(self._roster.dag.groups[group].expansion, self._returned)
            if size is not None:
                self._sizes[group] = size
        return size

    def _returned(self, index: int) -> int | None:
        """Return the length of what a task returned; of one with several instances, how many of them returned a value."""
        roster = self._roster
        if roster.unfinished_of[index]:
            return None
        slots = roster.slots[index]
        if roster.dag.nodes[index].is_mapped and roster.mapped_of[index]:
            return sum(roster.map_lengths.get(slot, 0) for slot in slots.values())
        slot = slots.get(UNMAPPED)
        return None if slot is None or roster.states[slot] not in FINISHED else roster.map_lengths.get(slot)
