"""Deadlines as they stand, for the pages and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.metadata.tables import deadline

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.metadata.database import Database


@dataclass(frozen=True, slots=True)
class DeadlineDetail:
    """One deadline of one run."""

    pk: int
    dag_id: str
    run_id: str
    alert: int
    name: str | None
    due_at: datetime
    missed_at: datetime | None
    called_at: datetime | None
    callback_error: str | None
    created_at: datetime


def list_deadlines(
    database: Database, *, dag_id: str | None = None, run_id: str | None = None, only_missed: bool = False
) -> list[DeadlineDetail]:
    """Return deadlines, the earliest first. One that was kept is not stored any more."""
    columns = deadline.c
    query = sa.select(
        columns.pk,
        columns.dag_id,
        columns.run_id,
        columns.alert,
        columns.name,
        columns.due_at,
        columns.missed_at,
        columns.called_at,
        columns.callback_error,
        columns.created_at,
    ).order_by(columns.due_at, columns.pk)
    if dag_id is not None:
        query = query.where(columns.dag_id == dag_id)
    if run_id is not None:
        query = query.where(columns.run_id == run_id)
    if only_missed:
        query = query.where(columns.missed_at.is_not(None))
    with database.read() as connection:
        return [DeadlineDetail(*row) for row in connection.execute(query)]
