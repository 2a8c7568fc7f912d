"""Moving task instances on a user's word: the same guarded writer as the scheduler's, on rows that are locked first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from tradewind.core.ids import DagRunPk
from tradewind.core.lifecycle import apply
from tradewind.core.states import RUN_FINISHED, DagRunState, TaskInstanceState
from tradewind.core.transitions import Actor, Event
from tradewind.metadata.batch import TaskTransition
from tradewind.metadata.database import add_ring
from tradewind.metadata.doorbell.ring import RUN, Ring
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.runs.listing import select_task_instances, task_instance_detail
from tradewind.metadata.scheduling.deferring import end_deferrals
from tradewind.metadata.scheduling.runner import PostgresRunner, SqliteRunner
from tradewind.metadata.scheduling.writer import BatchWriter
from tradewind.metadata.tables import dag, dag_run, dag_version, task_instance
from tradewind.serialization.document import decode_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tradewind.metadata.database import Cursor
    from tradewind.metadata.runs.listing import TaskInstanceFilter
    from tradewind.metadata.runs.records import TaskInstanceDetail
    from tradewind.serialization.document import DagDocument

NEVER_BEGAN = {TaskInstanceState.NONE, TaskInstanceState.REMOVED}


def locked_task_instances(connection: sa.Connection, which: TaskInstanceFilter) -> list[TaskInstanceDetail]:
    """Return the task instances, locked until the transaction ends.

    Always in the order of their numbers and before their runs, as the scheduler does it: two writers then wait for each
    other in turn.
    """
    query = select_task_instances(which).order_by(task_instance.c.pk).with_for_update(of=task_instance)
    return [task_instance_detail(row) for row in connection.execute(query)]


def moved(row: TaskInstanceDetail, event: Event, now: datetime) -> TaskTransition:
    """Return the step that `event` of a user makes of `row`. Raises `IllegalTransitionError` where there is none."""
    target = apply(row.state, event, Actor.USER)
    is_marked = event not in {Event.CLEAR, Event.CLEAR_RUNNING}
    return TaskTransition(
        ti_pk=row.ti_pk,
        expected=row.state,
        expected_version=row.version,
        target=target,
        version=row.version + 1,
        events=(event,),
        at=now,
        try_number=row.try_number,
        archives_try=event is Event.CLEAR and row.state not in NEVER_BEGAN and row.try_number > 0,
        started_at=now if is_marked and row.started_at is None else None,
        ended_at=now if is_marked else None,
    )


def write_moves(connection: sa.Connection, transitions: list[TaskTransition], now: datetime) -> None:
    """Write the steps in the transaction of `connection`; their rows are locked."""
    if not transitions:
        return
    cursor = cast("Cursor", connection.connection.cursor())
    runner = PostgresRunner if connection.dialect.name == "postgresql" else SqliteRunner
    with runner(cursor) as run:
        BatchWriter(run, now, is_careful=False).move(transitions)
        rings = end_deferrals(run, transitions)
        run.settle()
    for ring in rings:
        add_ring(connection, ring)


def reopen_runs(connection: sa.Connection, run_pks: Iterable[int], now: datetime) -> list[str]:
    """Let runs that are over be queued again, count the clear in all of them, and ring; return those reopened."""
    pks = sorted(set(run_pks))
    columns = dag_run.c
    rows = connection.execute(
        sa.select(columns.pk, columns.run_id, columns.state)
        .where(columns.pk.in_(pks))
        .order_by(columns.pk)
        .with_for_update(),
    ).all()
    finished = [row for row in rows if DagRunState(row.state) in RUN_FINISHED]
    connection.execute(
        sa.update(dag_run)
        .where(columns.pk.in_(pks))
        .values(clear_number=columns.clear_number + 1, version=columns.version + 1, queued_at=now),
    )
    connection.execute(
        sa.update(dag_run)
        .where(columns.pk.in_([row.pk for row in finished]))
        .values(state=DagRunState.QUEUED.value, started_at=None, ended_at=None),
    )
    ring_runs(connection, pks)
    return [row.run_id for row in finished]


def touch_runs(connection: sa.Connection, run_pks: Iterable[int], **values: Any) -> None:
    """Raise the version of runs, so that the scheduler's older knowledge is refused, and ring."""
    pks = sorted(set(run_pks))
    connection.execute(
        sa.update(dag_run).where(dag_run.c.pk.in_(pks)).values(version=dag_run.c.version + 1, **values),
    )
    ring_runs(connection, pks)


def ring_runs(connection: sa.Connection, run_pks: Sequence[int]) -> None:
    """Ring for each run."""
    for pk in run_pks:
        add_ring(connection, Ring(RUN, str(pk)))


class Documents:
    """The DAG documents of runs, each decoded once."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._by_version: dict[tuple[str, int | None], DagDocument | None] = {}

    def of(self, dag_id: str, version_pk: int | None) -> DagDocument | None:
        """Return the document of the version, or the DAG's newest; None when there is none any more."""
        key = (dag_id, version_pk)
        if key not in self._by_version:
            query = sa.select(dag_version.c.document)
            if version_pk is None:
                query = query.join(dag, dag.c.version_pk == dag_version.c.pk).where(dag.c.dag_id == dag_id)
            else:
                query = query.where(dag_version.c.pk == version_pk)
            found = self._connection.execute(query).scalar()
            self._by_version[key] = None if found is None else decode_document(found)
        return self._by_version[key]


def locked_run(connection: sa.Connection, dag_id: str, run_id: str) -> tuple[DagRunPk, DagRunState, int | None]:
    """Return number, state and DAG version of a run. Raises `NotFoundError`."""
    row = connection.execute(
        sa.select(dag_run.c.pk, dag_run.c.state, dag_run.c.dag_version_pk).where(
            dag_run.c.dag_id == dag_id,
            dag_run.c.run_id == run_id,
        ),
    ).first()
    if row is None:
        msg = f"DAG {dag_id!r} has no run {run_id!r}"
        raise NotFoundError(msg)
    return DagRunPk(row[0]), DagRunState(row[1]), row[2]
