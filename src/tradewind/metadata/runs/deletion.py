"""Deleting runs with everything that hangs on them, and DAGs with all their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.core.ids import SLOT_BITS
from tradewind.core.states import DagRunState
from tradewind.metadata.assets.watchers import forget_watchers
from tradewind.metadata.database import add_ring
from tradewind.metadata.doorbell.ring import DAG, Ring
from tradewind.metadata.errors import InvalidRequestError, NotFoundError
from tradewind.metadata.runs.moving import locked_run, ring_runs
from tradewind.metadata.tables import (
    asset_partition,
    asset_queue,
    asset_use,
    backfill,
    callback_request,
    consumed_asset_event,
    dag,
    dag_run,
    dag_warning,
    deadline,
    hitl_detail,
    rendered_fields,
    task_instance,
    task_instance_event,
    task_instance_history,
    task_state,
    trigger,
    xcom,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.metadata.database import Database

_OF_TASK_INSTANCES = (
    (task_instance, task_instance.c.pk),
    (task_instance_history, task_instance_history.c.ti_pk),
    (task_instance_event, task_instance_event.c.ti_pk),
    (xcom, xcom.c.ti_pk),
    (rendered_fields, rendered_fields.c.ti_pk),
    (task_state, task_state.c.ti_pk),
    (trigger, trigger.c.ti_pk),
    (hitl_detail, hitl_detail.c.ti_pk),
)


def delete_run(database: Database, dag_id: str, run_id: str) -> None:
    """Delete a run. Raises `NotFoundError`, and `InvalidRequestError` for one that is running."""

    def work(connection: sa.Connection) -> None:
        run_pk, state, _ = locked_run(connection, dag_id, run_id)
        if state is DagRunState.RUNNING:
            msg = f"run {run_id!r} of DAG {dag_id!r} is running: mark it failed first, then delete it"
            raise InvalidRequestError(msg)
        delete_rows(connection, [run_pk])
        ring_runs(connection, [run_pk])

    database.transact(work)


def delete_dag(database: Database, dag_id: str) -> None:
    """Delete a DAG with its versions and runs; it comes back, new, when its file is parsed again.

    Raises `NotFoundError`, and `InvalidRequestError` while one of its runs is running.
    """

    def work(connection: sa.Connection) -> None:
        runs = connection.execute(sa.select(dag_run.c.pk, dag_run.c.state).where(dag_run.c.dag_id == dag_id)).all()
        if any(row.state == DagRunState.RUNNING.value for row in runs):
            msg = f"DAG {dag_id!r} has runs that are running: mark them failed first, then delete it"
            raise InvalidRequestError(msg)
        if not connection.execute(sa.delete(dag).where(dag.c.dag_id == dag_id)).rowcount:
            msg = f"there is no DAG {dag_id!r}"
            raise NotFoundError(msg)
        connection.execute(sa.delete(dag_warning).where(dag_warning.c.dag_id == dag_id))
        forget_watchers(connection, [dag_id])
        for table in (asset_use, asset_queue, asset_partition):
            connection.execute(sa.delete(table).where(table.c.dag_id == dag_id))
        connection.execute(sa.delete(backfill).where(backfill.c.dag_id == dag_id))
        delete_rows(connection, [row.pk for row in runs])
        ring_runs(connection, [row.pk for row in runs])
        add_ring(connection, Ring(DAG, dag_id))

    database.transact(work)


def delete_rows(connection: sa.Connection, run_pks: Iterable[int]) -> None:
    """Delete runs and what hangs on them, each by the range of numbers that its task instances have."""
    for run_pk in run_pks:
        first = run_pk << SLOT_BITS
        for table, column in _OF_TASK_INSTANCES:
            connection.execute(sa.delete(table).where(column >= first, column < first + (1 << SLOT_BITS)))
        connection.execute(sa.delete(callback_request).where(callback_request.c.run_pk == run_pk))
        connection.execute(sa.delete(deadline).where(deadline.c.run_pk == run_pk))
        connection.execute(sa.delete(consumed_asset_event).where(consumed_asset_event.c.run_pk == run_pk))
        connection.execute(sa.delete(dag_run).where(dag_run.c.pk == run_pk))
