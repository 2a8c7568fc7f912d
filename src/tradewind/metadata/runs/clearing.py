"""Clearing: task instances start over, and their runs with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.core.states import TaskInstanceState
from tradewind.core.transitions import Event
from tradewind.metadata.runs.moving import (
    Documents,
    locked_run,
    locked_task_instances,
    moved,
    reopen_runs,
    touch_runs,
    write_moves,
)
from tradewind.metadata.runs.records import Cleared
from tradewind.metadata.scheduling.following import go_on_with
from tradewind.metadata.tables import dag, dag_run, task_instance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.metadata.database import Database
    from tradewind.metadata.runs.listing import TaskInstanceFilter
    from tradewind.metadata.runs.records import TaskInstanceDetail

FAILED_STATES = (TaskInstanceState.FAILED.value, TaskInstanceState.UPSTREAM_FAILED.value)


def clear_task_instances(
    database: Database,
    clock: Clock,
    which: TaskInstanceFilter,
    *,
    only_failed: bool = False,
    only_running: bool = False,
    run_on_latest_version: bool = False,
    reset_dag_runs: bool = True,
    dry_run: bool = False,
) -> Cleared:
    """Let task instances start over, as Airflow's clear does; return them as they were.

    One that runs is told to restart; one that is told so already stays. All others go to no state, their try archived,
    with as many tries before them as the task has retries. Runs that are over are queued again, unless `reset_dag_runs` is
    False: then nothing starts in them before somebody queues them. With `run_on_latest_version` the runs go on with the
    newest version of their DAG. With `dry_run` nothing is written.
    """
    if only_failed:
        which = _narrowed(which, FAILED_STATES)
    if only_running:
        which = _narrowed(which, (TaskInstanceState.RUNNING.value,))

    def work(connection: sa.Connection) -> Cleared:
        rows = [row for row in locked_task_instances(connection, which) if _can_clear(row)]
        if dry_run or not rows:
            return Cleared(rows, [])
        if run_on_latest_version:
            use_latest_version(connection, {row.run_pk for row in rows})
        reopened = clear_rows(connection, rows, clock.now(), is_latest=run_on_latest_version, reopens=reset_dag_runs)
        return Cleared(rows, reopened)

    return database.transact(work)


def queue_new_tasks(database: Database, clock: Clock, dag_id: str, run_id: str) -> None:
    """Let a run go on with the newest version of its DAG, and run the tasks that it has no instance of; others stay.

    Raises `NotFoundError`.
    """

    def work(connection: sa.Connection) -> None:
        run_pk, _, _ = locked_run(connection, dag_id, run_id)
        use_latest_version(connection, {run_pk})
        reopen_runs(connection, [run_pk], clock.now())

    database.transact(work)


def clear_rows(
    connection: sa.Connection,
    rows: Sequence[TaskInstanceDetail],
    now: datetime,
    *,
    is_latest: bool = False,
    reopens: bool = True,
    run_pks: Iterable[int] = (),
) -> list[str]:
    """Clear rows that are locked; return the runs that were reopened: theirs, and `run_pks`, which may have none."""
    running = TaskInstanceState.RUNNING
    write_moves(
        connection,
        [moved(row, Event.CLEAR_RUNNING if row.state is running else Event.CLEAR, now) for row in rows],
        now,
    )
    documents = Documents(connection)
    limits = [
        {"ti_pk": row.ti_pk, "limit": _max_tries(documents, row, is_latest=is_latest)}
        for row in rows
        if row.state is not running
    ]
    if limits:
        connection.execute(
            sa.update(task_instance)
            .where(task_instance.c.pk == sa.bindparam("ti_pk"))
            .values(max_tries=sa.bindparam("limit")),
            limits,
        )
    if not reopens:
        touch_runs(connection, {row.run_pk for row in rows})
        return []
    return reopen_runs(connection, {row.run_pk for row in rows} | set(run_pks), now)


def _max_tries(documents: Documents, row: TaskInstanceDetail, *, is_latest: bool) -> int:
    document = documents.of(row.dag_id, None if is_latest else row.dag_version_pk)
    if document is not None:
        for task in document.tasks:
            if task.task_id == row.task_id:
                return row.try_number + task.retries
    return max(row.max_tries, row.try_number)  # the task is gone from the DAG


def _can_clear(row: TaskInstanceDetail) -> bool:
    return row.state is not TaskInstanceState.RESTARTING


def _narrowed(which: TaskInstanceFilter, states: Sequence[str]) -> TaskInstanceFilter:
    """Return the filter for these states only, of those it already asks for."""
    asked = {str(state) for state in which.states} or set(states)
    kept = tuple(state for state in states if state in asked)
    return replace(which, states=kept or ("nothing",))


def use_latest_version(connection: sa.Connection, run_pks: set[int]) -> None:
    """Let runs go on with the newest version of their DAG, pinned to that of its bundle where they are pinned to one."""
    columns = (dag_run.c.pk, dag.c.version_pk, dag.c.bundle_version, dag_run.c.bundle_version.label("pinned"))
    query = sa.select(*columns).join(dag, dag.c.dag_id == dag_run.c.dag_id).where(dag_run.c.pk.in_(sorted(run_pks)))
    for row in connection.execute(query).all():
        if row.version_pk is not None:
            go_on_with(connection, [row.pk], row.version_pk)
        if row.pinned is not None:
            change = sa.update(dag_run).where(dag_run.c.pk == row.pk).values(bundle_version=row.bundle_version)
            connection.execute(change)
