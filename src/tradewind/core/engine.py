"""The run engine: one running DAG run. An event goes in, effects come out; the cost is that of the edges touched.

It keeps a counter per task instance of how its upstream stands, so that a finished task costs its out-degree and never a
look at the whole run. It does no I/O and reads no clock: times come with the events. Whatever it knows is in the
database too; after somebody else changed the run (a user cleared a task), a new engine is made from the rows.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from tradewind.core.effects import Arm, Effect, Finish, Move, Offer, Park, Release, Stop, Withdraw
from tradewind.core.lifecycle import apply, transition_of
from tradewind.core.retries import is_eligible, next_retry_at
from tradewind.core.states import FINISHED, HOLDING_SLOT, PARKED, WAITING, DagRunState, TaskInstanceState
from tradewind.core.transitions import Actor, Event
from tradewind.core.trigger_rules import TriggerRule, UpstreamCounts, Verdict, decide, decide_scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tradewind.core.graph import CompiledDag, TaskNode

_S = TaskInstanceState

_SKIPPABLE = transition_of(Event.SKIP_DOWNSTREAM).sources

MAX_REQUEUES = 3
"""So often a try is handed out again when its process was lost before the try began; then it counts as failed."""


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


_PARKING = {Outcome.DEFERRED: Event.DEFER, Outcome.AWAITING_INPUT: Event.ASK_HUMAN}
_LIVING_ON = frozenset({*_PARKING, Outcome.RESCHEDULE})
"""After these the task wants to go on, which one that the DAG version does not have cannot."""


class Instance(NamedTuple):
    """One task instance as it stands in the database."""

    slot: int
    task_id: str
    state: TaskInstanceState
    version: int
    try_number: int
    max_tries: int
    due_at: datetime | None = None


class RunEngine:
    """The task instances of one run, by slot, and what may happen to them."""

    def __init__(self, dag: CompiledDag, instances: Iterable[Instance], retry_seed: str = "") -> None:
        """Take the run's instances; call `open` then to learn what has to be done now.

        `retry_seed` tells runs apart where retry delays are jittered: Airflow seeds with dag_id, task_id and logical date.
        """
        self.dag = dag
        self.retry_seed = retry_seed
        self.states: dict[int, TaskInstanceState] = {}
        self.versions: dict[int, int] = {}
        self.tries: dict[int, int] = {}
        self.max_tries: dict[int, int] = {}
        self.node_of: dict[int, TaskNode] = {}
        self.slot_of: list[int | None] = [None] * len(dag.nodes)
        self.counts: list[UpstreamCounts] = []
        self.scope_counts: dict[int, UpstreamCounts] = {}
        """How what is in a task's scope stands, for those that have one."""
        self.due: dict[int, datetime] = {}
        self.held_by_past: set[int] = set()
        self.orphans: set[int] = set()
        """Slots whose task this DAG version does not have."""
        self.unfinished = 0
        self._requeues: dict[int, int] = {}
        self._work: list[int] = []
        self._effects: list[Effect] = []
        self._is_over = False
        for instance in instances:
            self._place(instance)
        self._count()

    # ---- events ------------------------------------------------------------------------------------------------------

    def open(self, held_by_past: Iterable[int] = ()) -> list[Effect]:
        """Begin, or go on after a restart. `held_by_past`: slots that the run before does not let start yet."""
        self.held_by_past.update(held_by_past)
        for slot in self.orphans:
            if self.states[slot] not in FINISHED and self.states[slot] not in HOLDING_SLOT:
                self._remove(slot)
        self._restore()
        for slot, state in self.states.items():
            if slot in self.orphans:
                continue
            if state is _S.SCHEDULED:
                self._effects.append(Offer(slot))
            elif slot in self.due and state in WAITING:
                self._effects.append(Arm(slot, self.due[slot]))
        self._work.extend(node.index for node in self.dag.nodes)
        return self._settle()

    def admit(self, slot: int) -> list[Effect]:
        """The limits gave the instance its slots: it is queued."""
        self._move(slot, Event.ENQUEUE, Actor.SCHEDULER)
        return self._settle()

    def start(self, slot: int, try_number: int) -> list[Effect]:
        """A worker claimed the try. A claim of a try that is not the queued one does nothing."""
        self._start(slot, try_number)
        return self._settle()

    def end(
        self,
        slot: int,
        try_number: int,
        outcome: Outcome,
        at: datetime,
        *,
        skips: Sequence[int] = (),
        due_at: datetime | None = None,
    ) -> list[Effect]:
        """A try ended. `skips`: slots its branch decided not to run; `due_at`: when a sensor wants to look again.

        A report of another try than the running one does nothing.
        """
        self._start(slot, try_number)
        if self.tries.get(slot) != try_number or self.states[slot] is not _S.RUNNING:
            return self._settle()
        if outcome in _LIVING_ON and slot in self.orphans:
            self._remove(slot)
        elif outcome in _PARKING:
            self._move(slot, _PARKING[outcome], Actor.WORKER)
        elif outcome is Outcome.RESCHEDULE:
            self._move(slot, Event.RESCHEDULE, Actor.WORKER)
            self._arm(slot, due_at or at)
        else:
            self._conclude(slot, outcome, at, Actor.WORKER, due_at=due_at)
        for other in skips:
            self._skip(other)
        return self._settle()

    def resume(self, slot: int, try_number: int, actor: Actor) -> list[Effect]:
        """What a parked try waited for has come, or its time is over: the same try goes on. Of another try: nothing."""
        if self._is_parked(slot, try_number):
            self._move(slot, Event.RESUME, actor)
            self._effects.append(Offer(slot))
        return self._settle()

    def end_parked(self, slot: int, try_number: int, outcome: Outcome, at: datetime) -> list[Effect]:
        """The trigger of a deferred try ended it itself: `SUCCESS`, `SKIPPED`, or `FAILED`, which the rules may retry.

        A report of another try, or of one that is not deferred, does nothing.
        """
        if self._is_parked(slot, try_number) and self.states[slot] is _S.DEFERRED:
            self._conclude(slot, outcome, at, Actor.TRIGGERER)
        return self._settle()

    def lose(self, slot: int, try_number: int, at: datetime, *, was_started: bool) -> list[Effect]:
        """The process that had the try is gone without a report.

        A try that had not begun goes back into the line and costs nothing; one that had is judged by the retry rules,
        as Airflow judges a task whose executor lost it.
        """
        if self.tries.get(slot) != try_number:
            return self._settle()
        if was_started:
            self._start(slot, try_number)
        state = self.states[slot]
        if slot in self.orphans and state in HOLDING_SLOT:
            self._remove(slot)
        elif state is _S.QUEUED and self._requeues.get(slot, 0) < MAX_REQUEUES:
            self._requeues[slot] = self._requeues.get(slot, 0) + 1
            self._move(slot, Event.REQUEUE, Actor.SCHEDULER)
            self._effects.append(Offer(slot))
        elif state in {_S.QUEUED, _S.RUNNING}:
            self._fail(slot, at, Actor.SCHEDULER, may_retry=True)
        return self._settle()

    def rescue(self, slot: int) -> list[Effect]:
        """Whoever had the try is gone for good (a scheduler that died, a cleared try that has ended): a new try follows.

        One whose task this DAG version does not have is removed instead.
        """
        if slot in self.orphans and self.states[slot] in HOLDING_SLOT:
            self._remove(slot)
        elif self.states[slot] in HOLDING_SLOT:
            self._move(slot, Event.RESCUE, Actor.SCHEDULER)
            self._work.append(self.node_of[slot].index)
        return self._settle()

    def fall_due(self, slot: int, at: datetime) -> list[Effect]:
        """The time of a retry or of the next poke has come."""
        due_at = self.due.get(slot)
        if due_at is not None and due_at <= at and self.states[slot] in WAITING:
            del self.due[slot]
            self._work.append(self.node_of[slot].index)
        return self._settle()

    def hear_of_past(self, slot: int, *, is_held: bool) -> list[Effect]:
        """The run before now holds the instance back, or does not any more."""
        if is_held:
            self.held_by_past.add(slot)
        elif slot in self.held_by_past:
            self.held_by_past.discard(slot)
            self._work.append(self.node_of[slot].index)
        return self._settle()

    def time_out(self) -> list[Effect]:
        """The run took longer than its dagrun_timeout: what has not ended is skipped and the run fails."""
        for slot in list(self.states):
            if self.states[slot] not in FINISHED:
                self._override(slot, Event.MARK_SKIPPED)
        self._work.clear()
        if not self._is_over:
            self._is_over = True
            self._effects.append(Finish(DagRunState.FAILED, "timed_out"))
        return self._drain()

    # ---- questions ---------------------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self._is_over

    def missing_nodes(self) -> list[TaskNode]:
        """Return the tasks of this DAG version that the run has no instance of."""
        return [node for node in self.dag.nodes if self.slot_of[node.index] is None]

    def verdict(self, node: TaskNode) -> Verdict:
        """Say what the tasks before it decide: its trigger rule, and the setups or the scope further up."""
        scope = self.scope_counts.get(node.index)
        if scope is None or node.trigger_rule is TriggerRule.ALWAYS:
            return decide(node.trigger_rule, self.counts[node.index])
        by_scope = decide_scope(scope, is_teardown=node.is_teardown)
        if by_scope not in {Verdict.RUN, Verdict.WAIT}:
            return by_scope
        by_rule = decide(node.trigger_rule, self.counts[node.index])
        return by_scope if by_rule is Verdict.RUN else by_rule

    # ---- inner -------------------------------------------------------------------------------------------------------

    def _place(self, instance: Instance) -> None:
        slot = instance.slot
        self.states[slot] = instance.state
        self.versions[slot] = instance.version
        self.tries[slot] = instance.try_number
        self.max_tries[slot] = instance.max_tries
        if instance.state not in FINISHED:
            self.unfinished += 1
        if instance.due_at is not None and instance.state in WAITING:
            self.due[slot] = instance.due_at
        node = self.dag.node(instance.task_id)
        if node is None:
            self.orphans.add(slot)
            return
        self.node_of[slot] = node
        self.slot_of[node.index] = slot

    def _count(self) -> None:
        nodes = self.dag.nodes
        self.counts = [
            UpstreamCounts(total=len(node.upstream), total_setup=sum(nodes[up].is_setup for up in node.upstream))
            for node in nodes
        ]
        self.scope_counts = {node.index: UpstreamCounts(total=len(node.scope)) for node in nodes if node.scope}
        for slot, node in self.node_of.items():
            if self.states[slot] in FINISHED:
                self._tell_downstream(node, self.states[slot])

    def _tell_downstream(self, node: TaskNode, state: TaskInstanceState) -> None:
        told = [self.counts[index] for index in node.downstream]
        told += [self.scope_counts[index] for index in node.scope_of]
        for counts in told:
            if state is _S.SUCCESS:
                counts.success += 1
                counts.success_setup += node.is_setup
            elif state is _S.SKIPPED:
                counts.skipped += 1
                counts.skipped_setup += node.is_setup
            elif state is _S.FAILED:
                counts.failed += 1
            elif state is _S.UPSTREAM_FAILED:
                counts.upstream_failed += 1
            else:
                counts.removed += 1

    def _move(self, slot: int, event: Event, actor: Actor) -> TaskInstanceState:
        found = self.states[slot]
        target = apply(found, event, actor)
        self.states[slot] = target
        self.versions[slot] += 1
        self._effects.append(Move(slot, event, found, target, self.tries[slot], self.versions[slot]))
        if target in PARKED:
            self._effects.append(Park(slot, target))
        elif (found in HOLDING_SLOT and target not in HOLDING_SLOT) or (found in PARKED and target is not _S.SCHEDULED):
            self._effects.append(Release(slot))
        return target

    def _start(self, slot: int, try_number: int) -> None:
        if self.tries.get(slot) == try_number and self.states[slot] is _S.QUEUED:
            self._move(slot, Event.START, Actor.WORKER)

    def _is_parked(self, slot: int, try_number: int) -> bool:
        return self.tries.get(slot) == try_number and self.states[slot] in PARKED

    def _remove(self, slot: int) -> None:
        self._move(slot, Event.REMOVE, Actor.SCHEDULER)
        self.due.pop(slot, None)
        self.unfinished -= 1

    def _restore(self) -> None:
        """Let tasks run that an earlier DAG version did not have and this one has again."""
        restored = [slot for slot in self.node_of if self.states[slot] is _S.REMOVED]
        for slot in restored:
            self._move(slot, Event.RESTORE, Actor.SCHEDULER)
            self.unfinished += 1
        if restored:
            self._count()

    def _end(self, slot: int, event: Event, actor: Actor) -> None:
        if self.states[slot] is _S.SCHEDULED:
            self._effects.append(Withdraw(slot))
        target = self._move(slot, event, actor)
        self.due.pop(slot, None)
        self.unfinished -= 1
        node = self.node_of.get(slot)
        if node is not None:
            self._tell_downstream(node, target)
            self._work.extend(node.downstream)
            self._work.extend(node.scope_of)

    def _conclude(
        self,
        slot: int,
        outcome: Outcome,
        at: datetime,
        actor: Actor,
        *,
        due_at: datetime | None = None,
    ) -> None:
        if outcome is Outcome.SUCCESS:
            self._end(slot, Event.SUCCEED, actor)
        elif outcome is Outcome.SKIPPED:
            self._end(slot, Event.SKIP, actor)
        else:
            self._fail(slot, at, actor, may_retry=outcome is Outcome.FAILED, due_at=due_at)

    def _fail(
        self,
        slot: int,
        at: datetime,
        actor: Actor,
        *,
        may_retry: bool,
        due_at: datetime | None = None,
    ) -> None:
        node = self.node_of.get(slot)
        if node is not None and may_retry and is_eligible(self.tries[slot], self.max_tries[slot]):
            self._move(slot, Event.RETRY, actor)
            key = f"{self.dag.dag_id}#{node.task_id}#{self.retry_seed}"
            self._arm(slot, due_at or next_retry_at(node.retry, self.tries[slot], at, jitter_key=key))
            return
        self._end(slot, Event.FAIL, actor)
        if self.dag.fail_fast and node is not None:
            self._stop_the_rest()

    def _stop_the_rest(self) -> None:
        for slot, node in self.node_of.items():
            state = self.states[slot]
            if state not in FINISHED and not node.is_teardown:
                self._override(slot, Event.MARK_FAILED if state is _S.RUNNING else Event.MARK_SKIPPED)

    def _override(self, slot: int, event: Event) -> None:
        if self.states[slot] in HOLDING_SLOT:
            self._effects.append(Stop(slot, self.tries[slot]))
        self._end(slot, event, Actor.SCHEDULER)

    def _skip(self, slot: int) -> None:
        if self.states[slot] in _SKIPPABLE:
            self._end(slot, Event.SKIP_DOWNSTREAM, Actor.WORKER)

    def _arm(self, slot: int, due_at: datetime) -> None:
        self.due[slot] = due_at
        self._effects.append(Arm(slot, due_at))

    def _settle(self) -> list[Effect]:
        # In rounds, as Airflow decides: all that may have changed are judged by the same states before any of them moves,
        # so that the order in which a file declares its tasks decides nothing.
        while self._work:
            work = dict.fromkeys(self._work)
            self._work.clear()
            for slot, node, verdict in [decision for index in work if (decision := self._judge(index))]:
                self._follow(slot, node, verdict)
        if self.unfinished == 0 and not self._is_over:
            self._is_over = True
            self._effects.append(self._final_state())
        return self._drain()

    def _judge(self, index: int) -> tuple[int, TaskNode, Verdict] | None:
        slot = self.slot_of[index]
        if slot is None or self.states[slot] not in WAITING or slot in self.due:
            return None
        node = self.dag.nodes[index]
        verdict = self.verdict(node)
        if verdict is Verdict.WAIT or (slot in self.held_by_past and _asks_the_past(verdict, node)):
            return None
        return slot, node, verdict

    def _follow(self, slot: int, node: TaskNode, verdict: Verdict) -> None:
        if verdict is Verdict.SKIP:
            self._end(slot, Event.RULE_SKIP, Actor.SCHEDULER)
        elif verdict is Verdict.UPSTREAM_FAILED:
            self._end(slot, Event.FAIL_UPSTREAM, Actor.SCHEDULER)
        else:
            self._schedule(slot, node)

    def _schedule(self, slot: int, node: TaskNode) -> None:
        if self.states[slot] is not _S.UP_FOR_RESCHEDULE:
            self.tries[slot] += 1
            self._requeues.pop(slot, None)
        if node.is_empty:
            self._end(slot, Event.COMPLETE_EMPTY, Actor.SCHEDULER)
            return
        if node.starts_from_trigger:
            self._move(slot, Event.START_DEFERRED, Actor.SCHEDULER)
            return
        self._move(slot, Event.SCHEDULE, Actor.SCHEDULER)
        self._effects.append(Offer(slot))

    def _final_state(self) -> Finish:
        for node in self.dag.nodes:
            slot = self.slot_of[node.index]
            if node.is_leaf and slot is not None and self.states[slot] in {_S.FAILED, _S.UPSTREAM_FAILED}:
                return Finish(DagRunState.FAILED, "task_failure")
        return Finish(DagRunState.SUCCESS, "success")

    def _drain(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects


def _asks_the_past(verdict: Verdict, node: TaskNode) -> bool:
    # Failure upstream is passed on at once, whatever the run before does.
    return verdict is Verdict.RUN or (verdict is Verdict.SKIP and node.waits_for_past_before_skipping)
