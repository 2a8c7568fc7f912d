"""How the upstream of every task stands: counters that an event changes, so that nobody looks at a whole run again.

A task has one set of counters, shared by all its instances. Only inside a mapped task group it has more: there an
instance depends on those of the same map index, and on all of what is outside the group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.engine.roster import UNMAPPED
from tradewind.core.states import FINISHED, TaskInstanceState
from tradewind.core.trigger_rules import TriggerRule, UpstreamCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tradewind.core.engine.lengths import Lengths
    from tradewind.core.engine.roster import Roster
    from tradewind.core.graph import TaskNode

_S = TaskInstanceState

_FAST_RULES = frozenset(
    {
        TriggerRule.ONE_SUCCESS,
        TriggerRule.ONE_FAILED,
        TriggerRule.ONE_DONE,
        TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    }
)
"""Rules that a part of the upstream can decide. By them a placeholder in a mapped group waits for instances of the group;
by any other rule those are for its own instances to wait for. The list is Airflow's."""


class Tally:
    """The counters of one task: what counts for all its instances, and what for those of a part of its map indexes."""

    __slots__ = ("cells", "whole")

    def __init__(self) -> None:
        self.whole = UpstreamCounts()
        self.cells: dict[int, dict[int, UpstreamCounts]] | None = None
        """By how many map indexes of the task lie in one place of the groups shared, then by the place."""

    def of(self, map_index: int) -> UpstreamCounts:
        """Return how the upstream of one instance stands."""
        if self.cells is None or map_index <= UNMAPPED:
            return self.whole
        counts = self.whole
        for stride, cells in self.cells.items():
            cell = cells.get(map_index // stride)
            if cell is not None:
                counts = _sum(counts, cell)
        return counts

    def part(self, stride: int, place: int) -> UpstreamCounts:
        """Return the counters of one place, or with stride 0 those of all instances, to be changed."""
        if not stride:
            return self.whole
        if self.cells is None:
            self.cells = {}
        return self.cells.setdefault(stride, {}).setdefault(place, UpstreamCounts())


class Standing:
    """The tallies of all tasks: `by_rule` for what is directly before them, `by_scope` for their scopes."""

    def __init__(self, roster: Roster, lengths: Lengths) -> None:
        """Start without counts: `count_all` makes them."""
        self._roster = roster
        self._lengths = lengths
        self._nodes = roster.dag.nodes
        self.by_rule: list[Tally] = []
        self.by_scope: dict[int, Tally] = {}

    def count_all(self) -> None:
        """Count everything from the states."""
        self.by_rule = [self._count(node, node.upstream) for node in self._nodes]
        self.by_scope = {node.index: self._count(node, node.scope) for node in self._nodes if node.scope}

    def count(self, node: TaskNode) -> None:
        """Count what is before one task anew."""
        self.by_rule[node.index] = self._count(node, node.upstream)
        if node.scope:
            self.by_scope[node.index] = self._count(node, node.scope)

    def tell(self, node: TaskNode, slot: int, state: TaskInstanceState, wake: Callable[[Iterable[int]], None]) -> None:
        """An instance of `node` has finished; `wake` takes the slots that may be decided by that."""
        slots = self._roster.slots
        for index in node.downstream:
            tally = self.by_rule[index]
            if not node.groups:
                if _add(tally.whole, state, is_setup=node.is_setup):
                    wake(slots[index].values())
            else:
                self._tell_grouped(tally, self._nodes[index], node, slot, state, wake)
        for index in node.scope_of:
            self._tell_grouped(self.by_scope[index], self._nodes[index], node, slot, state, wake)

    def before(self, node: TaskNode, map_index: int, upstream: TaskNode) -> list[int]:
        """Return the slots of an upstream task that an instance of `node` depends on: for explanations."""
        slots = self._roster.slots[upstream.index]
        if map_index <= UNMAPPED or not _shared(node.groups, upstream.groups):
            return list(slots.values())
        return [slots[index] for index in (UNMAPPED, *self.together(node, map_index, upstream)) if index in slots]

    def together(self, node: TaskNode, map_index: int, other: TaskNode) -> range:
        """Return the map indexes of `other` that lie in the same place of the mapped groups both are in."""
        depth = _shared(node.groups, other.groups)
        theirs, own = self._lengths.stride(node, depth), self._lengths.stride(other, depth)
        if not theirs or not own:
            return range(0)
        place = map_index // theirs
        return range(place * own, (place + 1) * own)

    def _tell_grouped(
        self,
        tally: Tally,
        node: TaskNode,
        upstream: TaskNode,
        slot: int,
        state: TaskInstanceState,
        wake: Callable[[Iterable[int]], None],
    ) -> None:
        stride, place = self._place(node, upstream, self._roster.map_index_of[slot])
        if stride is None or not _add(tally.part(stride, place), state, is_setup=upstream.is_setup):
            return
        slots = self._roster.slots[node.index]
        if stride:
            wake([slots[index] for index in range(place * stride, (place + 1) * stride) if index in slots])
        else:
            wake(slots.values())

    def _count(self, node: TaskNode, upstream: Sequence[int]) -> Tally:
        tally = Tally()
        roster = self._roster
        for index in upstream:
            other = self._nodes[index]
            slots = roster.slots[index]
            if not slots:
                # Its instance is still to come.
                tally.whole.total += 1
                tally.whole.total_setup += other.is_setup
            for map_index, slot in slots.items():
                stride, place = self._place(node, other, map_index)
                if stride is None:
                    continue
                counts = tally.part(stride, place)
                counts.total += 1
                counts.total_setup += other.is_setup
                if roster.states[slot] in FINISHED:
                    _add(counts, roster.states[slot], is_setup=other.is_setup)
        return tally

    def _place(self, node: TaskNode, upstream: TaskNode, map_index: int) -> tuple[int | None, int]:
        """Say where an upstream instance counts: for all (stride 0), in one place, or (None) not at all.

        The stride is how many map indexes of `node` lie in one place of the groups that both are in.
        """
        if not node.groups or not upstream.groups or map_index <= UNMAPPED:
            return 0, 0
        depth = _shared(node.groups, upstream.groups)
        if not depth:
            return 0, 0
        if UNMAPPED in self._roster.slots[node.index] and not self._roster.mapped_of[node.index]:
            return (0 if node.trigger_rule in _FAST_RULES else None), 0
        theirs, own = self._lengths.stride(upstream, depth), self._lengths.stride(node, depth)
        if not theirs or not own:
            return 0, 0
        return own, map_index // theirs


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    depth = 0
    for one, other in zip(first, second):  # noqa: B905 - up to the end of the shorter one
        if one != other:
            break
        depth += 1
    return depth


def _add(counts: UpstreamCounts, state: TaskInstanceState, *, is_setup: bool) -> bool:
    """Count one that has finished; False when no rule can decide by it.

    Rules look at which states are there at all, and at whether everything has finished.
    """
    if state is _S.SUCCESS:
        counts.success += 1
        counts.success_setup += is_setup
        found = counts.success
    elif state is _S.SKIPPED:
        counts.skipped += 1
        counts.skipped_setup += is_setup
        found = counts.skipped
    elif state is _S.FAILED:
        counts.failed += 1
        found = counts.failed
    elif state is _S.UPSTREAM_FAILED:
        counts.upstream_failed += 1
        found = counts.upstream_failed
    else:
        counts.removed += 1
        found = counts.removed
    return found == 1 or counts.done >= counts.total


def _sum(one: UpstreamCounts, other: UpstreamCounts) -> UpstreamCounts:
    return UpstreamCounts(
        total=one.total + other.total,
        success=one.success + other.success,
        failed=one.failed + other.failed,
        upstream_failed=one.upstream_failed + other.upstream_failed,
        skipped=one.skipped + other.skipped,
        removed=one.removed + other.removed,
        success_setup=one.success_setup + other.success_setup,
        skipped_setup=one.skipped_setup + other.skipped_setup,
        total_setup=one.total_setup + other.total_setup,
    )
