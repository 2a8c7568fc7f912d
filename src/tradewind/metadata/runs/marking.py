"""Marking: a user says how task instances or a run ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradewind.core.states import FINISHED, RUN_FINISHED, DagRunState, TaskInstanceState
from tradewind.core.transitions import Event
from tradewind.metadata.errors import InvalidRequestError
from tradewind.metadata.runs.clearing import FAILED_STATES, clear_rows
from tradewind.metadata.runs.listing import RunFilter, TaskInstanceFilter, get_run
from tradewind.metadata.runs.moving import (
    Documents,
    locked_run,
    locked_task_instances,
    moved,
    touch_runs,
    write_moves,
)
from tradewind.metadata.runs.records import Cleared

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from tradewind.core.clock import Clock
    from tradewind.metadata.database import Database
    from tradewind.metadata.runs.records import RunDetail, TaskInstanceDetail
    from tradewind.serialization.document import DagDocument

_MARKS = {
    TaskInstanceState.SUCCESS: Event.MARK_SUCCESS,
    TaskInstanceState.FAILED: Event.MARK_FAILED,
    TaskInstanceState.SKIPPED: Event.MARK_SKIPPED,
}
# At work or parked: these take the state that the run is given. What has not begun is skipped.
_BEGUN = {
    TaskInstanceState.RUNNING,
    TaskInstanceState.DEFERRED,
    TaskInstanceState.UP_FOR_RESCHEDULE,
    TaskInstanceState.AWAITING_INPUT,
}


def mark_task_instances(
    database: Database,
    clock: Clock,
    which: TaskInstanceFilter,
    state: TaskInstanceState,
    *,
    dry_run: bool = False,
) -> Cleared:
    """Set the state of task instances to success, failed or skipped; return those changed as they were.

    Downstream of them, in the same runs, what failed or could not start is cleared, as in Airflow, and its runs reopen.
    Raises `InvalidRequestError` for another state.
    """
    event = _MARKS.get(state)
    if event is None:
        msg = f"a task instance can be marked {', '.join(sorted(_MARKS))}, not {state}"
        raise InvalidRequestError(msg)

    def work(connection: sa.Connection) -> Cleared:
        rows = [row for row in locked_task_instances(connection, which) if row.state is not state]
        if dry_run or not rows:
            return Cleared(rows, [])
        now = clock.now()
        write_moves(connection, [moved(row, event, now) for row in rows], now)
        touch_runs(connection, {row.run_pk for row in rows})
        resumed = _failed_downstream(connection, rows)
        return Cleared(rows, clear_rows(connection, resumed, now) if resumed else [])

    return database.transact(work)


def mark_run(database: Database, clock: Clock, dag_id: str, run_id: str, state: DagRunState) -> RunDetail:
    """Set the state of a run to success, failed or queued; return it as it is then.

    For an end, task instances at work take the same state and those that have not begun are skipped. Teardowns are
    left to run, and then end the run themselves. Queued reopens a run that is over and changes no task instance.
    Raises `NotFoundError`, and `InvalidRequestError` for another state.
    """
    if state is DagRunState.RUNNING:
        msg = "a run can be marked success, failed or queued: only the scheduler lets it run"
        raise InvalidRequestError(msg)

    def work(connection: sa.Connection) -> None:
        run_pk, found, version_pk = locked_run(connection, dag_id, run_id)
        now = clock.now()
        if state is DagRunState.QUEUED:
            if found in RUN_FINISHED:
                touch_runs(connection, [run_pk], state=state.value, queued_at=now, started_at=None, ended_at=None)
            return
        document = Documents(connection).of(dag_id, version_pk)
        teardowns = {task.task_id for task in document.tasks if task.is_teardown} if document else set[str]()
        rows = locked_task_instances(connection, TaskInstanceFilter(runs=RunFilter(run_pks=(run_pk,))))
        live = [row for row in rows if row.state not in FINISHED]
        begun_event = _MARKS[TaskInstanceState(state.value)]
        write_moves(
            connection,
            [
                moved(row, begun_event if row.state in _BEGUN else Event.MARK_SKIPPED, now)
                for row in live
                if row.task_id not in teardowns
            ],
            now,
        )
        if any(row.task_id in teardowns for row in live):
            touch_runs(connection, [run_pk])
        else:
            touch_runs(connection, [run_pk], state=state.value, ended_at=now)

    database.transact(work)
    return get_run(database, dag_id, run_id)


def _failed_downstream(connection: sa.Connection, rows: Sequence[TaskInstanceDetail]) -> list[TaskInstanceDetail]:
    """Return what failed or could not start downstream of rows, in the same runs, the rows left out."""
    documents = Documents(connection)
    by_run: dict[int, list[TaskInstanceDetail]] = {}
    for row in rows:
        by_run.setdefault(row.run_pk, []).append(row)
    found: list[TaskInstanceDetail] = []
    which = TaskInstanceFilter(states=FAILED_STATES)
    for run_pk, marked in by_run.items():
        document = documents.of(marked[0].dag_id, marked[0].dag_version_pk)
        starts = {row.task_id for row in marked}
        below = _downstream(document, starts) - starts if document else set[str]()
        if below:
            runs = RunFilter(run_pks=(run_pk,))
            found += locked_task_instances(connection, replace(which, runs=runs, task_ids=tuple(sorted(below))))
    return found


def _downstream(document: DagDocument, starts: set[str]) -> set[str]:
    """Return every task reachable from `starts`."""
    edges = {task.task_id: task.downstream for task in document.tasks}
    reached: set[str] = set()
    pending = list(starts)
    while pending:
        for task_id in edges.get(pending.pop(), ()):
            if task_id not in reached:
                reached.add(task_id)
                pending.append(task_id)
    return reached
