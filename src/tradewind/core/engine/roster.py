"""The task instances of one run as they stand: by slot, and by task and map index."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from tradewind.core.states import FINISHED, WAITING, TaskInstanceState

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.graph import CompiledDag, TaskNode

UNMAPPED = -1
"""The map index of a plain task's instance, and of the one that stands for a mapped task whose length is not known yet."""


class Outcome(str, Enum):
    """How a try ended, in the worker's words."""

    SUCCESS = "success"
    FAILED = "failed"
    """Retried when the rules allow it."""
    FAIL_WITHOUT_RETRY = "fail_without_retry"
    SKIPPED = "skipped"
    RESCHEDULE = "reschedule"
    DEFERRED = "deferred"
    """Handed to a trigger: the same try goes on when that fires."""
    AWAITING_INPUT = "awaiting_input"
    """A human was asked: the same try goes on with the answer."""
    KILLED = "killed"
    """Ended because it was told to; the state it goes to was written by whoever told."""


class Instance(NamedTuple):
    """One task instance as it stands in the database."""

    slot: int
    task_id: str
    state: TaskInstanceState
    version: int
    try_number: int
    max_tries: int
    due_at: datetime | None = None
    map_index: int = UNMAPPED
    map_length: int | None = None
    """What it returned to be mapped over: see `Finished.map_length`."""


class MapIndexes(dict[int, int]):
    """The map index of each slot that has one: most have none, and 100,000 instances are held at a time."""

    def __missing__(self, slot: int) -> int:
        """Say that the instance has none."""
        return UNMAPPED


class Roster:
    """Everything that is kept for each slot, and where to find the slots of a task."""

    def __init__(self, dag: CompiledDag) -> None:
        """Start without instances."""
        self.dag = dag
        self.states: dict[int, TaskInstanceState] = {}
        self.versions: dict[int, int] = {}
        self.tries: dict[int, int] = {}
        self.max_tries: dict[int, int] = {}
        self.due: dict[int, datetime] = {}
        self.map_lengths: dict[int, int] = {}
        """What the successful ones returned to be mapped over, where it can be."""
        self.node_of: dict[int, TaskNode] = {}
        self.map_index_of = MapIndexes()
        self.slots: list[dict[int, int]] = [{} for _ in dag.nodes]
        """By task: the slot of each map index."""
        self.orphans: set[int] = set()
        """Slots whose task this DAG version does not have, or does not map any more."""
        self.unfinished = 0
        self.unfinished_of: list[int] = [0] * len(dag.nodes)
        """By task: how many of its instances have not finished."""
        self.mapped_of: list[int] = [0] * len(dag.nodes)
        """By task: how many of its instances have a map index and are not removed."""
        self.next_slot = 0

    def place(self, instance: Instance) -> None:
        """Take an instance in."""
        slot, map_index = instance.slot, instance.map_index
        self.next_slot = max(self.next_slot, slot + 1)
        self.states[slot] = instance.state
        self.versions[slot] = instance.version
        self.tries[slot] = instance.try_number
        self.max_tries[slot] = instance.max_tries
        if map_index != UNMAPPED:
            self.map_index_of[slot] = map_index
        if instance.due_at is not None and instance.state in WAITING:
            self.due[slot] = instance.due_at
        if instance.map_length is not None and instance.state is TaskInstanceState.SUCCESS:
            self.map_lengths[slot] = instance.map_length
        is_live = instance.state not in FINISHED
        self.unfinished += is_live
        node = self.dag.node(instance.task_id)
        if node is None or (map_index > UNMAPPED and not node.is_mapped):
            self.orphans.add(slot)
            return
        self.node_of[slot] = node
        self.slots[node.index][map_index] = slot
        self.unfinished_of[node.index] += is_live
        self.mapped_of[node.index] += map_index > UNMAPPED and instance.state is not TaskInstanceState.REMOVED

    def renumber(self, slot: int, map_index: int) -> None:
        """Give an instance another map index: the placeholder of a mapped task becomes its first instance."""
        node = self.node_of[slot]
        slots = self.slots[node.index]
        del slots[self.map_index_of[slot]]
        slots[map_index] = slot
        self.map_index_of[slot] = map_index
        self.mapped_of[node.index] += 1

    def note(self, slot: int, found: TaskInstanceState, target: TaskInstanceState) -> None:
        """Keep the figures right after an instance moved from `found` to `target`, one of which is a finished state."""
        change = (target not in FINISHED) - (found not in FINISHED)
        self.unfinished += change
        node = self.node_of.get(slot)
        if node is None:
            return
        self.unfinished_of[node.index] += change
        if self.map_index_of[slot] > UNMAPPED:
            removed = TaskInstanceState.REMOVED
            self.mapped_of[node.index] += (target is not removed) - (found is not removed)

    def placeholder(self, node: TaskNode) -> int | None:
        """Return the slot of the instance that stands for a mapped task until its length is known, if it is there."""
        slot = self.slots[node.index].get(UNMAPPED) if node.is_mapped else None
        return None if slot is None or self.states[slot] in FINISHED else slot
