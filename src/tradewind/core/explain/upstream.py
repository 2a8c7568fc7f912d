"""Causes that lie in the tasks before: who has not finished, and whose failure or skip was passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.limits.blockers import Blocker, BlockerKind
from tradewind.core.states import FINISHED, TaskInstanceState
from tradewind.core.trigger_rules import why_waiting

if TYPE_CHECKING:
    from tradewind.core.engine import RunEngine
    from tradewind.core.graph import TaskNode

_S = TaskInstanceState


def state_words(state: TaskInstanceState) -> str:
    """Give the state as a sentence says it."""
    return "not scheduled yet" if state is _S.NONE else state.value.replace("_", " ")


def rule_blockers(engine: RunEngine, node: TaskNode) -> list[Blocker]:
    """Say what the trigger rule still waits for, then who of the upstream has not finished."""
    rule = node.trigger_rule
    found = [Blocker(BlockerKind.TRIGGER_RULE, rule.value, why_waiting(rule, engine.counts[node.index]))]
    for index in node.upstream:
        state = _state_of(engine, index)
        if state not in FINISHED:
            task_id = engine.dag.nodes[index].task_id
            text = f"Upstream task {task_id!r} is {state_words(state)}."
            found.append(Blocker(BlockerKind.UPSTREAM, task_id, text))
    return found


def scope_blockers(engine: RunEngine, node: TaskNode) -> list[Blocker]:
    """Say which setups further up, or for a teardown which tasks in its scope, have not finished."""
    found: list[Blocker] = []
    for index in node.scope:
        state = _state_of(engine, index)
        if state not in FINISHED:
            task_id = engine.dag.nodes[index].task_id
            what = "in the scope of this teardown," if node.is_teardown else "a setup that it needs,"
            found.append(Blocker(BlockerKind.UPSTREAM, task_id, f"Task {task_id!r}, {what} is {state_words(state)}."))
    return found


def skipped_setups(engine: RunEngine, node: TaskNode) -> list[str]:
    """Name the setups further up that were skipped, which skipped the task as well."""
    if node.is_teardown:
        return []
    return [engine.dag.nodes[index].task_id for index in node.scope if _state_of(engine, index) is _S.SKIPPED]


def sources_of(engine: RunEngine, node: TaskNode, passed_on: TaskInstanceState, origin: TaskInstanceState) -> list[str]:
    """Name the nearest tasks before that are in `origin`, looking through those that are in `passed_on`."""
    found: dict[str, None] = {}
    seen = {node.index}
    line = [node.index]
    for index in line:
        for other in engine.dag.nodes[index].upstream:
            if other in seen:
                continue
            seen.add(other)
            state = _state_of(engine, other)
            if state is origin:
                found[engine.dag.nodes[other].task_id] = None
            elif state is passed_on:
                line.append(other)
    return list(found)


def _state_of(engine: RunEngine, index: int) -> TaskInstanceState:
    slot = engine.slot_of[index]
    return _S.NONE if slot is None else engine.states[slot]
