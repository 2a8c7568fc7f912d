"""Causes that lie in the tasks before: who has not finished, and whose failure or skip was passed on."""

from __future__ import annotations

from collections import Counter
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


def rule_blockers(engine: RunEngine, node: TaskNode, map_index: int) -> list[Blocker]:
    """Say what the trigger rule still waits for, then who of the upstream has not finished."""
    rule = node.trigger_rule
    found = [Blocker(BlockerKind.TRIGGER_RULE, rule.value, why_waiting(rule, engine.counts(node, map_index)))]
    for index in node.upstream:
        standing = _unfinished(engine, node, map_index, index)
        if standing:
            task_id = engine.dag.nodes[index].task_id
            found.append(Blocker(BlockerKind.UPSTREAM, task_id, f"Upstream task {task_id!r} is {standing}."))
    return found


def scope_blockers(engine: RunEngine, node: TaskNode, map_index: int) -> list[Blocker]:
    """Say which setups further up, or for a teardown which tasks in its scope, have not finished."""
    found: list[Blocker] = []
    for index in node.scope:
        standing = _unfinished(engine, node, map_index, index)
        if standing:
            task_id = engine.dag.nodes[index].task_id
            what = "in the scope of this teardown," if node.is_teardown else "a setup that it needs,"
            found.append(Blocker(BlockerKind.UPSTREAM, task_id, f"Task {task_id!r}, {what} is {standing}."))
    return found


def length_blockers(engine: RunEngine, node: TaskNode) -> list[Blocker]:
    """Say which tasks have to finish before it is known how many instances a mapped task has."""
    nodes = engine.dag.nodes
    waited_for = [nodes[index].task_id for index in node.length_sources if engine.roster.unfinished_of[index]]
    return [
        Blocker(
            BlockerKind.UPSTREAM, task_id, f"It is mapped over what task {task_id!r} returns, which has not finished."
        )
        for task_id in waited_for
    ]


def skipped_setups(engine: RunEngine, node: TaskNode, map_index: int) -> list[str]:
    """Name the setups further up that were skipped, which skipped the task as well."""
    if node.is_teardown:
        return []
    nodes = engine.dag.nodes
    return [nodes[index].task_id for index in node.scope if _S.SKIPPED in _states(engine, node, map_index, index)]


def sources_of(
    engine: RunEngine, node: TaskNode, map_index: int, passed_on: TaskInstanceState, origin: TaskInstanceState
) -> list[str]:
    """Name the nearest tasks before that are in `origin`, looking through those that are in `passed_on`."""
    found: dict[str, None] = {}
    seen = {node.index}
    line = [node.index]
    for index in line:
        before = engine.dag.nodes[index]
        for other in (*before.upstream, *(before.length_sources if before is node else ())):
            if other in seen:
                continue
            seen.add(other)
            states = _states(engine, node, map_index, other)
            if origin in states:
                found[engine.dag.nodes[other].task_id] = None
            elif passed_on in states:
                line.append(other)
    return list(found)


def _unfinished(engine: RunEngine, node: TaskNode, map_index: int, index: int) -> str:
    """Say how the instances of a task before stand that have not finished; nothing when all have."""
    states = _states(engine, node, map_index, index)
    waiting = Counter(state for state in states if state not in FINISHED)
    if len(states) == 1:
        return "".join(state_words(state) for state in waiting)
    total = sum(waiting.values())
    words = ", ".join(f"{count} {state_words(state)}" for state, count in waiting.most_common())
    return f"not finished in {total} of {len(states)} instances: {words}" if total else ""


def _states(engine: RunEngine, node: TaskNode, map_index: int, index: int) -> list[TaskInstanceState]:
    slots = engine.standing.before(node, map_index, engine.dag.nodes[index])
    return [engine.states[slot] for slot in slots] or [_S.NONE]
