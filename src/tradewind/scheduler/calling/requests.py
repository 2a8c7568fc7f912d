"""What the end of a run has called: the DAG's callback, with the task instance that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.metadata.batch import CallbackRequest

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from tradewind.core.effects import Finish
    from tradewind.scheduler.active_run import ActiveRun


def requests_at_start(active: ActiveRun, listened: Container[str]) -> Iterator[CallbackRequest]:
    """Yield what has to be called because a run started. `listened`: the hooks of plugins that somebody implements."""
    if "on_dag_run_running" in listened:
        yield CallbackRequest(
            active.pk, active.run.dag_id, active.run.run_id, "on_dag_run_running", "", kind="dag_listener"
        )


def requests_at_end(active: ActiveRun, effect: Finish, listened: Container[str]) -> Iterator[CallbackRequest]:
    """Yield what has to be called because a run ended."""
    name = "on_success_callback" if effect.state is DagRunState.SUCCESS else "on_failure_callback"
    told = f"on_dag_run_{effect.state.value}"
    if told in listened:
        yield CallbackRequest(active.pk, active.run.dag_id, active.run.run_id, told, effect.reason, kind="dag_listener")
    if name in active.dag.document.callbacks:
        request = CallbackRequest(active.pk, active.run.dag_id, active.run.run_id, name, effect.reason, kind="dag")
        slot = _told_by(active, effect.state)
        if slot is not None:
            request.task_id = active.engine.node_of[slot].task_id
            request.map_index = active.engine.map_index_of[slot]
            request.map_index = active.engine.map_index_of[slot]
            request.try_number = active.engine.tries[slot]
        yield request


def _told_by(active: ActiveRun, state: DagRunState) -> int | None:
    """Return the slot of the instance whose context a DAG's callback sees.

    As in Airflow: the one that succeeded last, or of a failed run the one that failed last.
    """
    wanted = TaskInstanceState.SUCCESS if state is DagRunState.SUCCESS else TaskInstanceState.FAILED
    last = active.last_ended.get(wanted)
    if last is not None and active.engine.states.get(last) is wanted:
        return last
    return next((slot for slot in active.engine.node_of if active.engine.states[slot] is wanted), None)
