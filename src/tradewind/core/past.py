"""Whether the run before holds a task instance back: depends_on_past and wait_for_downstream, as Airflow reads them.

The run before is the one with the next smaller logical date; under catchup only runs that nobody triggered by hand count.
A run without logical date has none before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.limits.blockers import Blocker, BlockerKind
from tradewind.core.states import RunType, TaskInstanceState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from tradewind.core.graph import TaskNode

_SUCCESSFUL = frozenset({TaskInstanceState.SUCCESS, TaskInstanceState.SKIPPED})


def counts_as_past(run_type: RunType, *, is_catchup: bool) -> bool:
    """Say whether a run of that type can be the run before another one."""
    return not is_catchup or run_type is not RunType.MANUAL


def is_first_of_backfill(backfill_ordinal: int | None) -> bool:
    """Say whether a run is the first of its backfill, which no run before holds back."""
    return backfill_ordinal == 1


def begins_after(previous: datetime | None, start_date: datetime | None, *, is_catchup: bool) -> bool:
    """Say whether a task's own start_date lies after the run before, which under catchup does not hold it back then."""
    return is_catchup and previous is not None and start_date is not None and previous < start_date


def is_held_by_past(
    node: TaskNode,
    past: Mapping[str, TaskInstanceState | Collection[TaskInstanceState]] | None,
    downstream: Iterable[str] = (),
    *,
    has_earlier: bool = False,
) -> bool:
    """Say whether the run before keeps the task of `node` from starting; see `past_blocker`."""
    return past_blocker(node, past, downstream, has_earlier=has_earlier) is not None


def past_blocker(
    node: TaskNode,
    past: Mapping[str, TaskInstanceState | Collection[TaskInstanceState]] | None,
    downstream: Iterable[str] = (),
    *,
    has_earlier: bool = False,
    run_id: str = "",
) -> Blocker | None:
    """Say how the run before holds the task of `node` back, None when it does not.

    `past` gives the states in the run before by task_id, those of `downstream` (the task_ids right after the task)
    included, and is None when there is no run before, as also for the first run of a backfill and, under catchup, where
    the run before lies before the task's start_date. `has_earlier` says whether any earlier run has an instance of the
    task; it matters where the run before has none. `run_id` names the run before in the sentence.
    """
    if not node.asks_the_past or past is None:
        return None
    name = f"DAG run {run_id!r}" if run_id else "the DAG run before"
    if node.task_id not in past:
        if node.ignore_first_depends_on_past and not has_earlier:
            return None
        return _blocker(node.task_id, f"depends_on_past: {name} has no instance of the task.")
    own = _unsuccessful(past[node.task_id])
    if own:
        return _blocker(node.task_id, f"depends_on_past: the task is {', '.join(own)} in {name}.")
    if node.wait_for_downstream:
        behind = {task_id: _unsuccessful(past[task_id]) for task_id in downstream if task_id in past}
        standing = ", ".join(f"{task_id!r} is {' and '.join(states)}" for task_id, states in behind.items() if states)
        if standing:
            return _blocker(node.task_id, f"wait_for_downstream: in {name}, {standing}.")
    return None


def _blocker(task_id: str, text: str) -> Blocker:
    return Blocker(BlockerKind.PAST, task_id, text)


def _unsuccessful(states: TaskInstanceState | Collection[TaskInstanceState]) -> list[str]:
    several = (states,) if isinstance(states, TaskInstanceState) else states
    return sorted({_named(state) for state in several if state not in _SUCCESSFUL})


def _named(state: TaskInstanceState) -> str:
    return "not scheduled" if state is TaskInstanceState.NONE else state.value
