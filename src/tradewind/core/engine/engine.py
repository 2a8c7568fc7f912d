"""The run engine: one running DAG run. An event goes in, effects come out; the cost is that of the edges touched.

It keeps counters per task of how its upstream stands, so that a finished task costs its out-degree and never a look at
the whole run, however many instances a mapped task has. It does no I/O and reads no clock: times come with the events. Whatever it knows is in the
database too; after somebody else changed the run (a user cleared a task), a new engine is made from the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.effects import Arm, Effect, Finish, Offer
from tradewind.core.engine.expanding import Expanding
from tradewind.core.engine.roster import UNMAPPED, Outcome
from tradewind.core.lifecycle import transition_of
from tradewind.core.retries import is_eligible, next_retry_at
from tradewind.core.states import FINISHED, HOLDING_SLOT, PARKED, WAITING, DagRunState, TaskInstanceState
from tradewind.core.transitions import Actor, Event
from tradewind.core.trigger_rules import TriggerRule, Verdict, decide, decide_scope

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tradewind.core.engine.roster import Instance
    from tradewind.core.graph import CompiledDag, TaskNode
    from tradewind.core.trigger_rules import UpstreamCounts

_S = TaskInstanceState

_SKIPPABLE = transition_of(Event.SKIP_DOWNSTREAM).sources

MAX_REQUEUES = 3
"""So often a try is handed out again when its process was lost before the try began; then it counts as failed."""


_PARKING = {Outcome.DEFERRED: Event.DEFER, Outcome.AWAITING_INPUT: Event.ASK_HUMAN}
_LIVING_ON = frozenset({*_PARKING, Outcome.RESCHEDULE})
"""After these the task wants to go on, which one that the DAG version does not have cannot."""


class RunEngine(Expanding):
    """The task instances of one run, by slot, and what may happen to them."""

    def __init__(self, dag: CompiledDag, instances: Iterable[Instance], retry_seed: str = "") -> None:
        """Take the run's instances; call `open` then to learn what has to be done now.

        `retry_seed` tells runs apart where retry delays are jittered: Airflow seeds with dag_id, task_id and logical date.
        """
        super().__init__(dag, instances)
        self.retry_seed = retry_seed
        self.held_by_past: set[int] = set()
        self._requeues: dict[int, int] = {}
        self._is_over = False

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
        for slots in self.roster.slots:
            self._work.extend(slots[map_index] for map_index in sorted(slots))
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
        skips: Iterable[str] = (),
        due_at: datetime | None = None,
        map_length: int | None = None,
    ) -> list[Effect]:
        """A try ended. `skips`: tasks its branch decided not to run; `due_at`: when a sensor wants to look again.

        `map_length`: what it returned to be mapped over (see `Finished.map_length`).
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
            self._conclude(slot, outcome, at, Actor.WORKER, due_at=due_at, map_length=map_length)
        for task_id in skips:
            for other in self._in_reach(slot, task_id):
                self._skip(other)
        return self._settle()

    def resume(self, slot: int, try_number: int, actor: Actor) -> list[Effect]:
        """What a parked try waited for has come, or its time is over: the same try goes on. Of another try: nothing."""
        if self._is_parked(slot, try_number):
            self._move(slot, Event.RESUME, actor)
            self._effects.append(Offer(slot))
        return self._settle()

    def end_parked(
        self, slot: int, try_number: int, outcome: Outcome, at: datetime, *, map_length: int | None = None
    ) -> list[Effect]:
        """The trigger of a deferred try ended it itself: `SUCCESS`, `SKIPPED`, or `FAILED`, which the rules may retry.

        A report of another try, or of one that is not deferred, does nothing.
        """
        if self._is_parked(slot, try_number) and self.states[slot] is _S.DEFERRED:
            self._conclude(slot, outcome, at, Actor.TRIGGERER, map_length=map_length)
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
            self._work.append(slot)
        return self._settle()

    def fall_due(self, slot: int, at: datetime) -> list[Effect]:
        """The time of a retry or of the next poke has come."""
        due_at = self.due.get(slot)
        if due_at is not None and due_at <= at and self.states[slot] in WAITING:
            del self.due[slot]
            self._work.append(slot)
        return self._settle()

    def hear_of_past(self, slot: int, *, is_held: bool) -> list[Effect]:
        """The run before now holds the instance back, or does not any more."""
        if is_held:
            self.held_by_past.add(slot)
        elif slot in self.held_by_past:
            self.held_by_past.discard(slot)
            self._work.append(slot)
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
        return [node for node in self.dag.nodes if not self.roster.slots[node.index]]

    def slots_of(self, node: TaskNode) -> list[int]:
        """Return the slots of the task's instances, in the order of their map indexes."""
        slots = self.roster.slots[node.index]
        return [slots[map_index] for map_index in sorted(slots)]

    def expanded_count(self, node: TaskNode) -> int | None:
        """Return how many instances a mapped task has in the run, None for one that is not mapped."""
        return self.roster.mapped_of[node.index] if node.is_mapped else None

    def counts(self, node: TaskNode, map_index: int = UNMAPPED) -> UpstreamCounts:
        """Return how what is directly before an instance of the task stands."""
        return self.standing.by_rule[node.index].of(map_index)

    def verdict(self, node: TaskNode, map_index: int = UNMAPPED) -> Verdict:
        """Say what the tasks before it decide.

        These are its trigger rule, the setups or the scope further up, and what it is mapped over.
        """
        if map_index == UNMAPPED and not node.scope and not node.length_sources:
            return decide(node.trigger_rule, self.standing.by_rule[node.index].whole)
        verdict = self._verdict_of_rule(node, map_index)
        if node.length_sources and verdict is not Verdict.UPSTREAM_FAILED:
            return self.lengths.refusal(node) or verdict
        return verdict

    def _verdict_of_rule(self, node: TaskNode, map_index: int) -> Verdict:
        rule = node.trigger_rule
        scope = self.standing.by_scope.get(node.index) if node.scope and rule is not TriggerRule.ALWAYS else None
        by_scope = Verdict.RUN if scope is None else decide_scope(scope.of(map_index), is_teardown=node.is_teardown)
        if by_scope not in {Verdict.RUN, Verdict.WAIT}:
            return by_scope
        counts = self.standing.by_rule[node.index].of(map_index)
        # Whether the upstream has shrunk below this index is asked once it has finished: until then it is on its way.
        by_rule = decide(
            rule, counts, map_index=map_index if counts.removed and counts.done >= counts.total else UNMAPPED
        )
        return by_scope if by_rule is Verdict.RUN else by_rule

    # ---- inner -------------------------------------------------------------------------------------------------------

    def _start(self, slot: int, try_number: int) -> None:
        if self.tries.get(slot) == try_number and self.states[slot] is _S.QUEUED:
            self._move(slot, Event.START, Actor.WORKER)

    def _is_parked(self, slot: int, try_number: int) -> bool:
        return self.tries.get(slot) == try_number and self.states[slot] in PARKED

    def _conclude(
        self,
        slot: int,
        outcome: Outcome,
        at: datetime,
        actor: Actor,
        *,
        due_at: datetime | None = None,
        map_length: int | None = None,
    ) -> None:
        if outcome is Outcome.SUCCESS:
            if map_length is not None:
                self.roster.map_lengths[slot] = map_length
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
            mapped = f"#{self.map_index_of[slot]}" if node.is_mapped else ""
            key = f"{self.dag.dag_id}#{node.task_id}#{self.retry_seed}{mapped}"
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

    def _in_reach(self, slot: int, task_id: str) -> list[int]:
        """Return the slots of a task that a branch in `slot` decides about.

        A plain task decides about all instances. One in a mapped group about those of its own map index there, and an
        instance of a mapped task about the one with the same map index.
        """
        node, target = self.node_of.get(slot), self.dag.node(task_id)
        if target is None:
            return []
        slots = self.roster.slots[target.index]
        map_index = self.map_index_of[slot]
        if node is None or map_index <= UNMAPPED:
            return list(slots.values())
        if not set(node.groups) & set(target.groups):
            return [slots[map_index]] if map_index in slots else []
        waiting = self.roster.placeholder(target)
        if waiting is not None and self.lengths.of(target):
            # The decision is kept by the instances it is about: they come into being before their turn.
            self._expand(waiting, target)
        places = self.standing.together(node, map_index, target)
        return [slots[index] for index in places if index in slots]

    def _skip(self, slot: int) -> None:
        found = self.states[slot]
        if found not in _SKIPPABLE:
            return
        if found in FINISHED:
            # It has been counted as failed upstream already, by those after it that still wait.
            self._move(slot, Event.SKIP_DOWNSTREAM, Actor.WORKER)
            self._recount_after(self.node_of[slot])
        else:
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
            for slot, node, verdict in [decision for slot in work if (decision := self._judge(slot))]:
                self._follow(slot, node, verdict)
        if self.roster.unfinished == 0 and not self._is_over:
            self._is_over = True
            self._effects.append(self._final_state())
        return self._drain()

    def _judge(self, slot: int) -> tuple[int, TaskNode, Verdict] | None:
        if self.states[slot] not in WAITING or slot in self.due:
            return None
        node = self.node_of[slot]
        verdict = self.verdict(node, self.map_index_of[slot])
        if verdict is Verdict.WAIT or (slot in self.held_by_past and _asks_the_past(verdict, node)):
            return None
        if verdict is Verdict.RUN and node.length_sources and self._waits_for_length(slot, node):
            return None
        return slot, node, verdict

    def _follow(self, slot: int, node: TaskNode, verdict: Verdict) -> None:
        if self.states[slot] not in WAITING:
            # One that was followed before has taken it out: its task has become shorter.
            return
        if verdict is Verdict.SKIP:
            self._end(slot, Event.RULE_SKIP, Actor.SCHEDULER)
        elif verdict is Verdict.UPSTREAM_FAILED:
            self._end(slot, Event.FAIL_UPSTREAM, Actor.SCHEDULER)
        elif verdict is Verdict.REMOVED:
            self._remove(slot)
        elif not node.is_mapped or self._is_sized(slot, node):
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
        leaves = (node for node in self.dag.nodes if node.is_leaf)
        states = (self.states[slot] for leaf in leaves for slot in self.roster.slots[leaf.index].values())
        if any(state in {_S.FAILED, _S.UPSTREAM_FAILED} for state in states):
            return Finish(DagRunState.FAILED, "task_failure")
        return Finish(DagRunState.SUCCESS, "success")

    def _drain(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects


def _asks_the_past(verdict: Verdict, node: TaskNode) -> bool:
    # Failure upstream is passed on at once, whatever the run before does.
    return verdict is Verdict.RUN or (verdict is Verdict.SKIP and node.waits_for_past_before_skipping)
