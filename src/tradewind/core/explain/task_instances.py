"""Explaining one task instance, state by state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.explain.explanation import Explanation, Facts
from tradewind.core.explain.upstream import (
    length_blockers,
    rule_blockers,
    scope_blockers,
    skipped_setups,
    sources_of,
    state_words,
)
from tradewind.core.limits.blockers import Blocker, BlockerKind, dag_paused
from tradewind.core.states import FINISHED, WAITING, TaskInstanceState
from tradewind.core.trigger_rules import Verdict, decide, why_waiting

if TYPE_CHECKING:
    from tradewind.core.engine import RunEngine
    from tradewind.core.graph import TaskNode
    from tradewind.core.limits import Limits

_S = TaskInstanceState


def explain(engine: RunEngine, slot: int, limits: Limits, facts: Facts) -> Explanation:
    """Say why the task instance in `slot` is not running, or why it ended as it did. Changes nothing.

    `engine` is that of its run and `limits` those that all scheduled and running task instances were told to; both may
    be the scheduler's own or made from the rows of the database.
    """
    state = engine.states[slot]
    node = engine.node_of.get(slot)
    if state in FINISHED:
        return Explanation(state, _finished(engine, slot, node, facts))
    if node is None:
        text = "The DAG has no such task any more."
        return _waiting(state, [Blocker(BlockerKind.NO_SUCH_TASK, engine.dag.dag_id, text)])
    if facts.run_blockers is not None:
        return _run_is_queued(state, facts.run_blockers)
    if state in WAITING:
        return _waiting(state, _before_scheduling(engine, slot, node, facts))
    if state is _S.SCHEDULED:
        return _waiting(state, limits.blockers(facts.ti_pk), otherwise="It is scheduled and next to be queued.")
    return _on_its_way(engine, slot, node, facts)


def _waiting(
    state: TaskInstanceState,
    blockers: list[Blocker],
    *,
    otherwise: str = "Nothing holds it: it is about to be scheduled.",
) -> Explanation:
    if not blockers:
        return Explanation(state, otherwise)
    first = blockers[0].text
    others = len(blockers) - 1
    return Explanation(state, f"{first} ({others} more)" if others else first, tuple(blockers))


def _run_is_queued(state: TaskInstanceState, run_blockers: tuple[Blocker, ...]) -> Explanation:
    waits = Blocker(BlockerKind.RUN_NOT_STARTED, "", "The DAG run has not started.")
    because = f" {run_blockers[0].text}" if run_blockers else ""
    return Explanation(state, waits.text + because, (waits, *run_blockers))


def _before_scheduling(engine: RunEngine, slot: int, node: TaskNode, facts: Facts) -> list[Blocker]:
    found: list[Blocker] = []
    if facts.is_paused:
        found.append(dag_paused(engine.dag.dag_id))
    due_at = engine.due.get(slot)
    if due_at is not None:
        is_retry = engine.states[slot] is _S.UP_FOR_RETRY
        what = f"Try {engine.tries[slot] + 1} begins" if is_retry else "The sensor looks again"
        left_s = max(0, round((due_at - facts.now).total_seconds()))
        text = f"{what} at {due_at.isoformat()}, in {left_s} s."
        found.append(Blocker(BlockerKind.DATE, due_at.isoformat(), text))
    map_index = engine.map_index_of[slot]
    if decide(node.trigger_rule, engine.counts(node, map_index)) is Verdict.WAIT:
        found += rule_blockers(engine, node, map_index)
    found += scope_blockers(engine, node, map_index)
    if engine.roster.placeholder(node) == slot:
        found += length_blockers(engine, node)
    if slot in engine.held_by_past:
        text = f"The DAG run before holds task {node.task_id!r} back."
        found.append(facts.past or Blocker(BlockerKind.PAST, node.task_id, text))
    return found


def _on_its_way(engine: RunEngine, slot: int, node: TaskNode, facts: Facts) -> Explanation:
    state, try_number = engine.states[slot], engine.tries[slot]
    if state is _S.QUEUED:
        executor = node.executor or "default"
        text = f"Try {try_number} is queued: it waits for a free worker of executor {executor!r}, queue {node.queue!r}."
        return _waiting(state, [facts.executor or Blocker(BlockerKind.EXECUTOR, executor, text)])
    if state is _S.RUNNING:
        return Explanation(state, f"Try {try_number} is running.")
    if state is _S.RESTARTING:
        text = "It was cleared while it ran: the next try begins when the process of this one has ended."
    elif state is _S.DEFERRED:
        text = "It is deferred: it goes on when its trigger fires."
    else:
        text = "It waits for the answer of a human."
    return _waiting(state, [Blocker(BlockerKind.PARKED, node.task_id, text)])


def _finished(engine: RunEngine, slot: int, node: TaskNode | None, facts: Facts) -> str:
    state, try_number = engine.states[slot], engine.tries[slot]
    if state is _S.REMOVED:
        was_mapped = node is not None and node.is_mapped
        shorter = "It was removed: what the task is mapped over had become shorter."
        return shorter if was_mapped else "The DAG had no such task any more."
    if state is _S.FAILED:
        most = engine.max_tries[slot] + 1
        return f"It failed in try {try_number}" + (f" of {most}." if try_number <= most else ".")
    if node is None or state is _S.SUCCESS:
        return f"It is finished: {state_words(state)}."
    if state is _S.UPSTREAM_FAILED:
        map_index = engine.map_index_of[slot]
        because = why_waiting(node.trigger_rule, engine.counts(node, map_index))
        failed = sources_of(engine, node, map_index, _S.UPSTREAM_FAILED, _S.FAILED)
        return f"It did not run because of what failed before it: {_named(failed)}. {because}" if failed else because
    return _skipped(engine, slot, node, facts)


def _skipped(engine: RunEngine, slot: int, node: TaskNode, facts: Facts) -> str:
    if facts.skipped_by is not None:
        return f"It was skipped by task {facts.skipped_by!r}."
    map_index = engine.map_index_of[slot]
    setups = skipped_setups(engine, node, map_index)
    if setups:
        return f"It was skipped because its setup task {_named(setups)} was."
    if node.is_mapped and map_index < 0 and engine.lengths.of(node) == 0:
        return "It was skipped because it is mapped over nothing: the length is 0."
    counts = engine.counts(node, map_index)
    if decide(node.trigger_rule, counts) is Verdict.SKIP:
        return f"It was skipped by its trigger rule. {why_waiting(node.trigger_rule, counts)}"
    return "It was skipped by itself, by a branch before it, by a timeout of the run or by a user."


def _named(task_ids: list[str]) -> str:
    return ", ".join(repr(task_id) for task_id in task_ids)
