"""A run engine in a world that carries out its effects and checks each of them, beside the oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from random import Random

from tradewind.core.effects import Arm, Effect, Finish, Move, Offer, Park, Release, Stop, Withdraw
from tradewind.core.engine import MAX_REQUEUES, Instance, Outcome, RunEngine
from tradewind.core.graph import CompiledDag
from tradewind.core.lifecycle import transition_of
from tradewind.core.states import HOLDING_SLOT, PARKED, TaskInstanceState
from tradewind.core.transitions import Actor
from tradewind.serialization.compile import compile_document
from tradewind.serialization.document import DagDocument, TaskDocument

from tests.core.engine.oracle import NaiveRun, Task

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
OUTCOMES = (
    "success",
    "success",
    "success",
    "failed",
    "failed",
    "fail_without_retry",
    "skipped",
    "reschedule",
    "deferred",
    "awaiting_input",
)


def compiled(tasks: Iterable[Task], *, fail_fast: bool = False) -> CompiledDag:
    """Compile the tasks by way of their document."""
    known = {task.name: task for task in tasks}
    documents = [
        TaskDocument(
            task_id=task.name,
            task_type="Operator",
            downstream=tuple(sorted(other.name for other in known.values() if task.name in other.upstream)),
            trigger_rule=task.rule,
            retries=task.retries,
            is_empty=task.is_empty,
            is_setup=task.is_setup,
            is_teardown=task.is_teardown,
            on_failure_fail_dagrun=task.fails_run,
            depends_on_past=True,
            wait_for_past_depends_before_skipping=task.waits_before_skipping,
        )
        for task in known.values()
    ]
    dag = compile_document(DagDocument(dag_id="d", tasks=tuple(documents), fail_fast=fail_fast))
    return replace(
        dag,
        nodes=tuple(replace(node, starts_from_trigger=known[node.task_id].starts_from_trigger) for node in dag.nodes),
    )


class World:
    """Holds the rows that the engine's moves write, the line before the limits, the slots taken and the timers."""

    def __init__(self, tasks: dict[str, Task], held: Iterable[str] = (), *, fail_fast: bool = False) -> None:
        """Open a run of these tasks, some of them held by the run before."""
        self.fail_fast = fail_fast
        self.names: list[str] = []
        self.rows: dict[int, Instance] = {}
        self.line: set[int] = set()
        self.taken: set[int] = set()
        self.parked: dict[int, TaskInstanceState] = {}
        self.timers: dict[int, datetime] = {}
        self.requeues: Counter[tuple[int, int]] = Counter()
        self.stopped: set[int] = set()
        self.finished: Finish | None = None
        self.now = START
        self.oracle = NaiveRun(tasks, fail_fast, held=set(held))
        self.deploy(tasks)

    def deploy(self, tasks: dict[str, Task]) -> None:
        """Make the engine anew from the rows, as after a restart or for another version of the DAG."""
        for name, task in tasks.items():
            if name not in self.names:
                slot = len(self.names)
                self.names.append(name)
                self.rows[slot] = Instance(slot, name, TaskInstanceState.NONE, 0, 0, task.retries)
        self.line, self.requeues = set(), Counter()
        dag = compiled(tasks.values(), fail_fast=self.fail_fast)
        rows = [row._replace(due_at=self.timers.get(row.slot)) for row in self.rows.values()]
        self.timers = {}
        self.engine = RunEngine(dag, rows)
        assert self.engine.missing_nodes() == []
        self.oracle.deploy(tasks)
        held = [slot for slot, name in enumerate(self.names) if name in self.oracle.held and name in tasks]
        self.carry_out(self.engine.open(held))

    # ---- what the engine says ----------------------------------------------------------------------------------------

    def carry_out(self, effects: list[Effect]) -> None:
        """Carry the effects out in order, then compare everything with the oracle."""
        for effect in effects:
            match effect:
                case Move():
                    self.write(effect)
                case Arm(slot, due_at):
                    self.timers[slot] = due_at
                case Finish():
                    assert self.finished is None
                    self.finished = effect
                case _:
                    self.ask_limits(effect)
        self.compare()

    def ask_limits(self, effect: Effect) -> None:
        """Let an instance join the line, leave it, take or give back."""
        match effect:
            case Offer(slot):
                assert slot not in self.line
                self.parked.pop(slot, None)
                self.line.add(slot)
            case Withdraw(slot):
                self.line.remove(slot)
            case Release(slot) if slot in self.parked:
                del self.parked[slot]
            case Release(slot):
                self.taken.remove(slot)
            case Park(slot, state):
                self.taken.discard(slot)
                self.parked[slot] = state
            case Stop(slot, try_number):
                assert self.rows[slot].try_number == try_number
                assert slot in self.taken
                self.stopped.add(slot)

    def write(self, move: Move) -> None:
        """Write a move into its row, guarded as the database guards it."""
        row = self.rows[move.slot]
        rule = transition_of(move.event)
        assert row.state is move.found
        assert move.found in rule.sources
        assert move.target is rule.target
        assert move.version == row.version + 1
        self.rows[move.slot] = row._replace(state=move.target, version=move.version, try_number=move.try_number)
        if move.target is TaskInstanceState.QUEUED:
            self.line.remove(move.slot)
            self.taken.add(move.slot)
        if move.target not in {TaskInstanceState.UP_FOR_RETRY, TaskInstanceState.UP_FOR_RESCHEDULE}:
            self.timers.pop(move.slot, None)

    def compare(self) -> None:
        """Hold engine, rows and oracle against each other."""
        states = {self.names[slot]: row.state.value for slot, row in self.rows.items()}
        assert states == self.oracle.states
        assert {self.names[slot]: row.try_number for slot, row in self.rows.items()} == self.oracle.tries
        assert self.engine.states == {slot: row.state for slot, row in self.rows.items()}
        assert self.engine.versions == {slot: row.version for slot, row in self.rows.items()}
        assert self.line == {slot for slot, row in self.rows.items() if row.state is TaskInstanceState.SCHEDULED}
        assert self.taken == {slot for slot, row in self.rows.items() if row.state in HOLDING_SLOT}
        assert self.parked == {slot: row.state for slot, row in self.rows.items() if row.state in PARKED}
        assert {self.names[slot] for slot in self.timers} == self.oracle.due
        assert (self.finished.state.value if self.finished else None) == self.oracle.result
        assert self.engine.is_over == (self.finished is not None)

    # ---- what happens in the world -----------------------------------------------------------------------------------

    def in_state(self, *states: str) -> list[int]:
        """Give the slots in those states."""
        return [slot for slot, row in self.rows.items() if row.state.value in states]

    def possible(self) -> list[Callable[[Random], None]]:
        """List what can happen now."""
        found: list[Callable[[Random], None]] = []
        if self.line:
            found += [self.admit] * 3
        if self.in_state("queued"):
            found += [self.start, self.start, self.lose]
        if self.in_state("queued", "running"):
            found += [self.end, self.end, self.end, self.lose]
        if self.parked:
            found += [self.resume, self.resume, self.end_parked]
        if self.timers:
            found += [self.fall_due, self.fall_due]
        if self.oracle.held:
            found.append(self.free)
        return found

    def admit(self, random: Random) -> None:
        """The limits let one through."""
        slot = random.choice(sorted(self.line))
        self.oracle.states[self.names[slot]] = "queued"
        self.carry_out(self.engine.admit(slot))

    def start(self, random: Random) -> None:
        """A worker claims a try."""
        slot = random.choice(self.in_state("queued"))
        self.oracle.states[self.names[slot]] = "running"
        self.carry_out(self.engine.start(slot, self.rows[slot].try_number))

    def end(self, random: Random, outcome: str | None = None) -> None:
        """A try ends; the report that it began may have been overtaken or lost."""
        slot = random.choice(self.in_state("queued", "running"))
        outcome = outcome or random.choice(OUTCOMES)
        name = self.names[slot]
        skips = {other for other, task in self.oracle.tasks.items() if name in task.upstream and random.random() < 0.2}
        skips = skips if outcome == "success" else set()
        self.oracle.end(name, outcome, skips)
        due_at = self.now + timedelta(minutes=1) if outcome == "reschedule" else None
        args = (slot, self.rows[slot].try_number, Outcome(outcome), self.now)
        self.carry_out(self.engine.end(*args, skips=sorted(skips), due_at=due_at))

    def resume(self, random: Random) -> None:
        """What a parked try waits for comes."""
        slot = random.choice(sorted(self.parked))
        self.oracle.states[self.names[slot]] = "scheduled"
        actor = random.choice((Actor.TRIGGERER, Actor.USER, Actor.SCHEDULER))
        self.carry_out(self.engine.resume(slot, self.rows[slot].try_number, actor))

    def end_parked(self, random: Random) -> None:
        """A trigger ends its task; a question to a human does not."""
        slot = random.choice(sorted(self.parked))
        outcome = random.choice(("success", "failed", "skipped"))
        if self.parked[slot] is TaskInstanceState.DEFERRED:
            self.oracle.end(self.names[slot], outcome, set())
        self.carry_out(self.engine.end_parked(slot, self.rows[slot].try_number, Outcome(outcome), self.now))

    def lose(self, random: Random) -> None:
        """The process of a try is gone."""
        slot = random.choice(self.in_state("queued", "running"))
        name, row = self.names[slot], self.rows[slot]
        was_started = row.state is TaskInstanceState.RUNNING or random.random() < 0.3
        if name not in self.oracle.tasks:
            self.oracle.set(name, "removed")
        elif not was_started and self.requeues[slot, row.try_number] < MAX_REQUEUES:
            self.requeues[slot, row.try_number] += 1
            self.oracle.states[name] = "scheduled"
        else:
            self.oracle.fail(name, may_retry=True)
        self.oracle.settle()
        self.carry_out(self.engine.lose(slot, row.try_number, self.now, was_started=was_started))

    def fall_due(self, random: Random) -> None:
        """A timer rings: too early, then in time, then once more."""
        slot = random.choice(sorted(self.timers))
        due_at = self.timers[slot]
        self.carry_out(self.engine.fall_due(slot, due_at - timedelta(microseconds=1)))
        self.now = max(self.now, due_at)
        self.timers.pop(slot)
        self.oracle.due.discard(self.names[slot])
        self.oracle.settle()
        self.carry_out(self.engine.fall_due(slot, due_at))
        assert self.engine.fall_due(slot, due_at) == []

    def free(self, random: Random) -> None:
        """The run before does not hold a task any more."""
        name = random.choice(sorted(self.oracle.held))
        self.oracle.held.discard(name)
        self.oracle.settle()
        if name in self.oracle.tasks:
            self.carry_out(self.engine.hear_of_past(self.names.index(name), is_held=False))

    def rescue(self) -> None:
        """Nobody that had a try is there any more."""
        for slot in self.in_state("queued", "running"):
            name = self.names[slot]
            self.oracle.set(name, "none" if name in self.oracle.tasks else "removed")
            self.oracle.settle()
            self.carry_out(self.engine.rescue(slot))

    def repeat_reports(self, random: Random) -> None:
        """Reports that come twice, late, or from a try long ago change nothing."""
        for slot, row in self.rows.items():
            is_at_work = slot in self.taken
            for try_number in range(1, row.try_number + (0 if is_at_work else 1)):
                outcome = Outcome(random.choice(OUTCOMES))
                assert self.engine.start(slot, try_number) == []
                assert self.engine.end(slot, try_number, outcome, self.now) == []
                assert self.engine.lose(slot, try_number, self.now, was_started=random.random() < 0.5) == []
            if row.state is TaskInstanceState.RUNNING:
                assert self.engine.start(slot, row.try_number) == []
            for try_number in range(row.try_number + (slot not in self.parked)):
                assert self.engine.resume(slot, try_number, Actor.TRIGGERER) == []
                assert self.engine.end_parked(slot, try_number, Outcome.SUCCESS, self.now) == []
            if self.names[slot] not in self.oracle.held:
                assert self.engine.hear_of_past(slot, is_held=False) == []
        self.compare()

    def drain(self, random: Random) -> None:
        """Let the run go on, everything succeeding, until nothing can happen."""
        for _ in range(40 * len(self.names) + 10):
            if not (steps := [step for step in self.possible() if step not in {self.lose, self.end_parked}]):
                break
            step = random.choice(steps)
            if step == self.end:
                self.end(random, "success")
            else:
                step(random)
        assert self.possible() == []
        assert self.finished is not None
