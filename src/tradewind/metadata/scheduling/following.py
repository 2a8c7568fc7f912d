"""Runs that go on with a newer version of their DAG: what ended before keeps the version that it ran with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.core.states import FINISHED
from tradewind.metadata.batch import LeaseLostError
from tradewind.metadata.tables import dag_run, lease, task_instance

if TYPE_CHECKING:
    from collections.abc import Collection

    from tradewind.core.ids import DagRunPk
    from tradewind.metadata.database import Database

_ENDED = sorted(state.value for state in FINISHED)
_MAX_BOUND = 500


class Following:
    """What the scheduler writes when the structure of a DAG changes under runs that follow it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def follow_version(self, run_pks: Collection[DagRunPk], version_pk: int, *, epoch: int) -> None:
        """Let runs go on with another version of their DAG. Raises `LeaseLostError` when the epoch is over."""

        def work(connection: sa.Connection) -> None:
            fence = sa.select(lease.c.epoch).where(lease.c.name == "scheduler").with_for_update(read=True)
            if connection.execute(fence).scalar() != epoch:
                msg = f"another scheduler has taken over: epoch {epoch} is over"
                raise LeaseLostError(msg)
            go_on_with(connection, run_pks, version_pk)

        self._database.transact(work)


def go_on_with(connection: sa.Connection, run_pks: Collection[int], version_pk: int) -> None:
    """Let runs go on with a version of their DAG; instances that have ended keep the one of the run until then."""
    pks = sorted(run_pks)
    for start in range(0, len(pks), _MAX_BOUND):
        part = pks[start : start + _MAX_BOUND]
        before = sa.select(dag_run.c.dag_version_pk).where(dag_run.c.pk == task_instance.c.run_pk).scalar_subquery()
        connection.execute(
            sa.update(task_instance)
            .where(
                task_instance.c.run_pk.in_(part),
                task_instance.c.state.in_(_ENDED),
                task_instance.c.dag_version_pk.is_(None),
            )
            .values(dag_version_pk=before),
        )
        connection.execute(sa.update(dag_run).where(dag_run.c.pk.in_(part)).values(dag_version_pk=version_pk))
