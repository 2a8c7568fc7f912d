"""What users note beside runs and task instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.metadata.errors import InvalidRequestError
from tradewind.metadata.runs.listing import TaskInstanceFilter, select_task_instances
from tradewind.metadata.runs.moving import locked_run, ring_runs
from tradewind.metadata.tables import dag_run, task_instance

if TYPE_CHECKING:
    from tradewind.metadata.database import Database

MAX_NOTE = 1000
_MAX_BOUND = 500


def note_run(database: Database, dag_id: str, run_id: str, note: str | None) -> None:
    """Set the note of a run; tasks that start from now on read it. Raises `NotFoundError`, `InvalidRequestError`."""
    _check(note)

    def work(connection: sa.Connection) -> None:
        run_pk, _, _ = locked_run(connection, dag_id, run_id)
        connection.execute(sa.update(dag_run).where(dag_run.c.pk == run_pk).values(note=note))
        ring_runs(connection, [run_pk])

    database.transact(work)


def note_task_instances(database: Database, which: TaskInstanceFilter, note: str | None) -> None:
    """Set the note of task instances. Raises `InvalidRequestError` for one that is too long."""
    _check(note)

    def work(connection: sa.Connection) -> None:
        query = select_task_instances(which).with_only_columns(task_instance.c.pk)
        pks = connection.execute(query).scalars().all()
        for start in range(0, len(pks), _MAX_BOUND):
            part = pks[start : start + _MAX_BOUND]
            connection.execute(sa.update(task_instance).where(task_instance.c.pk.in_(part)).values(user_note=note))

    database.transact(work)


def _check(note: str | None) -> None:
    if note is not None and len(note) > MAX_NOTE:
        msg = f"a note has at most {MAX_NOTE} characters, not {len(note)}"
        raise InvalidRequestError(msg)
