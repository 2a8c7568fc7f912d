"""Moving one instance, and what every move brings along: its effects, the counters after it, the work that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.effects import Arm, Effect, Move, Note, Park, Release, Stop, Withdraw
from tradewind.core.engine.lengths import Lengths
from tradewind.core.engine.roster import UNMAPPED, Roster
from tradewind.core.engine.standing import Standing
from tradewind.core.lifecycle import apply
from tradewind.core.states import FINISHED, HOLDING_SLOT, PARKED, TaskInstanceState
from tradewind.core.transitions import Actor, Event

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tradewind.core.engine.roster import Instance
    from tradewind.core.graph import CompiledDag, TaskNode

_S = TaskInstanceState


class Moving:
    """The instances of one run, and the only ways in which one of them changes."""

    def __init__(self, dag: CompiledDag, instances: Iterable[Instance]) -> None:
        self.dag = dag
        self.roster = roster = Roster(dag)
        self.states = roster.states
        self.versions = roster.versions
        self.tries = roster.tries
        self.max_tries = roster.max_tries
        self.due = roster.due
        self.node_of = roster.node_of
        self.map_index_of = roster.map_index_of
        self.orphans = roster.orphans
        for instance in instances:
            roster.place(instance)
        self.lengths = Lengths(roster)
        self.standing = Standing(roster, self.lengths)
        self.standing.count_all()
        self._unrevised = {node.index for node in dag.nodes if roster.mapped_of[node.index]}
        """Mapped tasks whose instances may not be as many as what they are mapped over says by now."""
        self._work: list[int] = []
        """Slots that may be decided."""
        self._effects: list[Effect] = []

    def _move(self, slot: int, event: Event, actor: Actor) -> TaskInstanceState:
        found = self.states[slot]
        target = apply(found, event, actor)
        self.states[slot] = target
        self.versions[slot] += 1
        if target in FINISHED or found in FINISHED:
            self.roster.note(slot, found, target)
        self._effects.append(Move(slot, event, found, target, self.tries[slot], self.versions[slot]))
        if target in PARKED:
            self._effects.append(Park(slot, target))
        elif (found in HOLDING_SLOT and target not in HOLDING_SLOT) or (found in PARKED and target is not _S.SCHEDULED):
            self._effects.append(Release(slot))
        return target

    def _end(self, slot: int, event: Event, actor: Actor, why: str = "") -> None:
        if self.states[slot] is _S.SCHEDULED:
            self._effects.append(Withdraw(slot))
        target = self._move(slot, event, actor)
        if why:
            self._effects.append(Note(slot, why))
        self.due.pop(slot, None)
        node = self.node_of.get(slot)
        if node is not None:
            self._tell(node, slot, target)

    def _remove(self, slot: int) -> None:
        """Take an instance out that its DAG version, or the length of its task, leaves no room for."""
        found = self.states[slot]
        if found is _S.SCHEDULED and slot not in self.orphans:
            self._effects.append(Withdraw(slot))
        self._move(slot, Event.REMOVE, Actor.SCHEDULER)
        self.due.pop(slot, None)
        self.roster.map_lengths.pop(slot, None)
        node = self.node_of.get(slot)
        if node is None:
            return
        if found in FINISHED:
            self._recount_after(node)
        else:
            self._tell(node, slot, _S.REMOVED)

    def _override(self, slot: int, event: Event) -> None:
        if self.states[slot] in HOLDING_SLOT:
            self._effects.append(Stop(slot, self.tries[slot]))
        self._end(slot, event, Actor.SCHEDULER)

    def _arm(self, slot: int, due_at: datetime) -> None:
        self.due[slot] = due_at
        self._effects.append(Arm(slot, due_at))

    def _tell(self, node: TaskNode, slot: int, state: TaskInstanceState) -> None:
        self.standing.tell(node, slot, state, self._work.extend)
        if node.lengthens and (self.map_index_of[slot] <= UNMAPPED or not self.roster.unfinished_of[node.index]):
            self._tell_lengthened(node)

    def _tell_lengthened(self, node: TaskNode) -> None:
        """What other tasks are mapped over has ended: it may be their turn, and places in nested groups are known now."""
        self.lengths.forget()
        for index in node.lengthens:
            other = self.dag.nodes[index]
            if len(other.groups) + (other.expansion is not None) > 1:
                self.standing.count(other)
                self._recount_after(other)
            self._work.extend(self.roster.slots[index].values())

    def _recount_after(self, node: TaskNode) -> None:
        """Count anew what stands before the tasks after `node`, whose instances are not the same ones any more."""
        for index in dict.fromkeys((*node.downstream, *node.scope_of)):
            self.standing.count(self.dag.nodes[index])
            self._work.extend(self.roster.slots[index].values())
