"""Runs with mapped tasks: decided the slow way by `NaiveMappedRun`, and by an engine whose every effect is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from math import prod
from random import Random

from tradewind.core.effects import Effect, Expand, Finish, Move, Offer, Release, Stop, Withdraw
from tradewind.core.engine import Instance, Outcome, RunEngine, first_map_indexes
from tradewind.core.graph import CompiledDag
from tradewind.core.states import HOLDING_SLOT, TaskInstanceState
from tradewind.serialization.compile import compile_document
from tradewind.serialization.document import DagDocument, TaskDocument, TaskGroupDocument

from tests.core.engine.oracle import BAD, FINISHED, ruling

AT = datetime(2025, 1, 1, tzinfo=timezone.utc)
WAITING = {"none"}
Name = tuple[str, int]
FAST = {"one_success", "one_failed", "one_done", "none_failed_min_one_success"}


@dataclass(frozen=True)
class Mapped:
    """One task as its author wrote it. `over`: a number, or the name of the task whose return value it is mapped over."""

    name: str
    rule: str = "all_success"
    upstream: frozenset[str] = frozenset()
    over: int | str | None = None
    group: str | None = None
    is_empty: bool = False


@dataclass(frozen=True)
class Group:
    """One mapped task group."""

    name: str
    over: int | str
    parent: str | None = None


def written(over: int | str | None) -> dict[str, object] | None:
    return None if over is None else {"literal": over} if isinstance(over, int) else {"product": [{"xcom": over}]}


def compiled(tasks: Iterable[Mapped], groups: Iterable[Group] = ()) -> CompiledDag:
    """Compile the tasks by way of their document."""
    known = {task.name: task for task in tasks}
    documents = tuple(
        TaskDocument(
            task_id=task.name,
            task_type="Operator",
            downstream=tuple(sorted(other.name for other in known.values() if task.name in other.upstream)),
            trigger_rule=task.rule,
            is_mapped=task.over is not None,
            expansion=written(task.over),
            group_id=task.group,
            is_empty=task.is_empty,
        )
        for task in known.values()
    )
    written_groups = tuple(
        TaskGroupDocument(group_id=group.name, parent_id=group.parent, is_mapped=True, expansion=written(group.over))
        for group in groups
    )
    return compile_document(DagDocument(dag_id="d", tasks=documents, groups=written_groups))


@dataclass
class NaiveMappedRun:
    """The states of a run by task and map index, looked at again as a whole after each event."""

    tasks: dict[str, Mapped]
    groups: dict[str, Group]
    states: dict[Name, str] = field(default_factory=dict)
    returned: dict[Name, int] = field(default_factory=dict)
    result: str | None = None

    def begin(self) -> None:
        """Give every task its first instances."""
        for name in self.tasks:
            overs = self.overs(name)
            count = prod(over for over in overs if isinstance(over, int))
            is_written = overs and all(isinstance(over, int) for over in overs) and count
            for index in range(count) if is_written else [-1]:
                self.states[name, index] = "none"
        self.settle()

    def path(self, name: str) -> list[str]:
        """Name the groups round a task, the outermost first."""
        group = self.tasks[name].group
        found: list[str] = []
        while group is not None:
            found.insert(0, group)
            group = self.groups[group].parent
        return found

    def overs(self, name: str) -> list[int | str]:
        """List what decides how many instances a task has."""
        own = self.tasks[name].over
        return [self.groups[group].over for group in self.path(name)] + ([] if own is None else [own])

    def instances(self, name: str) -> dict[int, str]:
        """Give the states of a task by map index."""
        return {index: state for (task, index), state in self.states.items() if task == name}

    def size(self, over: int | str) -> int | None:
        """Say how long something is."""
        if isinstance(over, int):
            return over
        found = self.instances(over)
        if not set(found.values()) <= FINISHED:
            return None
        if any(index >= 0 and state != "removed" for index, state in found.items()):
            return sum(self.returned.get((over, i), 0) for i, state in found.items() if state == "success" and i >= 0)
        return self.returned.get((over, -1)) if found.get(-1) == "success" else None

    def length(self, name: str) -> int | None:
        """Say how many instances a task has to have."""
        sizes = [self.size(over) for over in self.overs(name)]
        return None if None in sizes else prod(size for size in sizes if size is not None)

    def before(self, name: str, index: int, other: str) -> dict[Name, str]:
        """Give the instances of a task before that one of `name` depends on."""
        found = {(other, i): state for i, state in self.instances(other).items()}
        shared = [a for a, b in zip(self.path(name), self.path(other), strict=False) if a == b]
        unmapped = {key: state for key, state in found.items() if key[1] < 0}
        if not shared:
            return found
        if index < 0:
            return found if self.tasks[name].rule in FAST else unmapped
        own, theirs = self.inner(name, len(shared)), self.inner(other, len(shared))
        if not own or not theirs:
            return found
        return unmapped | {
            key: state for key, state in found.items() if key[1] >= 0 and key[1] // theirs == index // own
        }

    def inner(self, name: str, depth: int) -> int | None:
        """Say how many instances a task has for each place in the first `depth` of its groups."""
        sizes = [self.size(over) for over in self.overs(name)[depth:]]
        return None if None in sizes else prod(size for size in sizes if size is not None)

    def settle(self) -> None:
        """Look at everything again until nothing changes."""
        while changes := self.changes():
            for (name, index), result in changes.items():
                if self.states[name, index] not in WAITING:
                    continue
                if result == "expand":
                    self.expand(name)
                elif result != "run":
                    self.states[name, index] = result
                elif self.resize(name, index):
                    self.states[name, index] = "success" if self.tasks[name].is_empty else "scheduled"
        if self.result is None and set(self.states.values()) <= FINISHED:
            leaves = {name for name in self.tasks if not any(name in task.upstream for task in self.tasks.values())}
            is_bad = any(state in BAD for (name, _), state in self.states.items() if name in leaves)
            self.result = "failed" if is_bad else "success"

    def changes(self) -> dict[Name, str]:
        """Say what every waiting instance would become by the states as they are."""
        found = {key: self.judged(*key) for key, state in self.states.items() if state in WAITING}
        return {key: result for key, result in found.items() if result != "wait"}

    def judged(self, name: str, index: int) -> str:
        """Say what the tasks before it, and what it is mapped over, make of one instance."""
        task = self.tasks[name]
        upstream = {k: v for other in task.upstream for k, v in self.before(name, index, other).items()}
        result = ruling(task.rule, {f"{k}": v for k, v in upstream.items()}, set())
        states = list(upstream.values())
        if result == "run" and task.rule == "all_success" and "removed" in states:
            result = "removed" if 0 < states.count("success") <= index else "run"
        overs = {over for over in self.overs(name) if isinstance(over, str)}
        sources = {self.states.get((over, -1)) for over in overs}
        if result != "upstream_failed" and sources & BAD:
            return "upstream_failed"
        if result != "upstream_failed" and "skipped" in sources:
            return "skipped"
        if result != "run" or index >= 0 or not self.overs(name):
            return result
        count = self.length(name)
        if count is None:
            is_open = any(state not in FINISHED for over in overs for state in self.instances(over).values())
            return "wait" if is_open else "upstream_failed"
        return "expand" if count else "skipped"

    def expand(self, name: str) -> None:
        """Put instances with map indexes in the place of the one that stands for a task."""
        del self.states[name, -1]
        for index in range(self.length(name) or 0):
            self.states[name, index] = "none"

    def resize(self, name: str, index: int) -> bool:
        """Correct the instances of a task one of which is to run; False when that one is not among them."""
        count = self.length(name) if self.overs(name) else None
        if count is not None:
            for other, state in self.instances(name).items():
                if other >= count and state != "removed":
                    self.states[name, other] = "removed"
                elif other < count and state == "removed":
                    self.states[name, other] = "none"
            for other in range(count):
                self.states.setdefault((name, other), "none")
        return self.states[name, index] in WAITING


class MappedWorld:
    """Holds the rows that the engine's effects write, the line before the limits and the slots taken."""

    def __init__(self, tasks: dict[str, Mapped], groups: dict[str, Group]) -> None:
        """Open a run of these tasks."""
        self.dag = compiled(tasks.values(), groups.values())
        self.rows: dict[int, Instance] = {}
        self.line: set[int] = set()
        self.taken: set[int] = set()
        self.finished: Finish | None = None
        self.oracle = NaiveMappedRun(tasks, groups)
        births = ((node, index) for node in self.dag.nodes for index in first_map_indexes(self.dag, node))
        for slot, (node, index) in enumerate(births):
            self.rows[slot] = Instance(slot, node.task_id, TaskInstanceState.NONE, 0, 0, 0, map_index=index)
        self.oracle.begin()
        self.restart()

    def name(self, slot: int) -> Name:
        """Name an instance as the oracle does."""
        return self.rows[slot].task_id, self.rows[slot].map_index

    def restart(self) -> None:
        """Make the engine anew from the rows alone."""
        self.line = set()
        self.engine = RunEngine(self.dag, self.rows.values())
        assert self.engine.missing_nodes() == []
        self.carry_out(self.engine.open())

    def carry_out(self, effects: list[Effect]) -> None:
        """Carry the effects out in order, then compare everything with the oracle."""
        for effect in effects:
            match effect:
                case Move():
                    self.write(effect)
                case Expand():
                    self.bear(effect)
                case Offer(slot):
                    assert slot not in self.line
                    self.line.add(slot)
                case Withdraw(slot):
                    self.line.remove(slot)
                case Release(slot):
                    self.taken.remove(slot)
                case Stop(slot, _):
                    assert slot in self.taken
                case Finish():
                    assert self.finished is None
                    self.finished = effect
        self.compare()

    def write(self, move: Move) -> None:
        """Write a move into its row, guarded as the database guards it."""
        row = self.rows[move.slot]
        assert (row.state, row.version) == (move.found, move.version - 1)
        length = row.map_length if move.event.value != "schedule" else None
        self.rows[move.slot] = row._replace(
            state=move.target, version=move.version, try_number=move.try_number, map_length=length
        )
        if move.target is TaskInstanceState.QUEUED:
            self.line.remove(move.slot)
            self.taken.add(move.slot)

    def bear(self, effect: Expand) -> None:
        """Insert the rows of an expansion."""
        if effect.placeholder is not None:
            assert self.rows[effect.placeholder].map_index == -1
            self.rows[effect.placeholder] = self.rows[effect.placeholder]._replace(map_index=0)
        for slot, index in enumerate(effect.map_indexes, effect.first_slot):
            assert slot not in self.rows
            self.rows[slot] = Instance(slot, effect.task_id, TaskInstanceState.NONE, 0, 0, 0, map_index=index)

    def compare(self) -> None:
        """Hold engine, rows and oracle against each other."""
        states = {self.name(slot): row.state.value for slot, row in self.rows.items()}
        assert len(states) == len(self.rows)
        assert states == self.oracle.states
        assert self.engine.states == {slot: row.state for slot, row in self.rows.items()}
        assert {slot: self.engine.map_index_of[slot] for slot in self.rows} == {
            s: r.map_index for s, r in self.rows.items()
        }
        assert self.line == {slot for slot, row in self.rows.items() if row.state is TaskInstanceState.SCHEDULED}
        assert self.taken == {slot for slot, row in self.rows.items() if row.state in HOLDING_SLOT}
        assert (self.finished.state.value if self.finished else None) == self.oracle.result

    def possible(self) -> list[Callable[[Random], None]]:
        """List what can happen now."""
        return [self.admit] * bool(self.line) + [self.end, self.end] * bool(self.taken)

    def admit(self, random: Random) -> None:
        """The limits let one through."""
        slot = random.choice(sorted(self.line))
        self.oracle.states[self.name(slot)] = "queued"
        self.carry_out(self.engine.admit(slot))

    def end(self, random: Random) -> None:
        """A try ends, and may have returned something to map over."""
        slot = random.choice(sorted(self.taken))
        outcome = random.choice(("success", "success", "success", "success", "failed", "skipped"))
        length = None
        node = self.dag.node(self.name(slot)[0])
        if outcome == "success" and node is not None and node.lengthens and random.random() < 0.9:
            length = random.randrange(4) if self.name(slot)[1] < 0 else 1
            self.oracle.returned[self.name(slot)] = length
        self.oracle.states[self.name(slot)] = outcome
        self.oracle.settle()
        try_number = self.rows[slot].try_number
        if length is not None:
            self.rows[slot] = self.rows[slot]._replace(map_length=length)
        self.carry_out(self.engine.end(slot, try_number, Outcome(outcome), AT, map_length=length))

    def clear(self, random: Random) -> None:
        """A user clears a task and all that comes after it, when nothing is at work; the run goes on."""
        name = random.choice(sorted(self.oracle.tasks))
        cleared = {name}
        for _ in self.oracle.tasks:
            cleared |= {other for other, task in self.oracle.tasks.items() if task.upstream & cleared}
        self.finished = self.oracle.result = None
        for slot, row in self.rows.items():
            if row.task_id in cleared:
                self.rows[slot] = row._replace(state=TaskInstanceState.NONE, version=row.version + 1)
                self.oracle.states[self.name(slot)] = "none"
        for key in [key for key in self.oracle.returned if key[0] in cleared]:
            del self.oracle.returned[key]
        self.oracle.settle()
        self.restart()
