"""Reading backfills, and stopping them: for a while, or for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.core.states import DagRunState
from tradewind.metadata.backfills.records import BACKFILL_COLUMNS, Backfill, backfill_of
from tradewind.metadata.database import add_ring
from tradewind.metadata.doorbell.ring import BACKFILL, Ring
from tradewind.metadata.errors import AlreadyExistsError, NotFoundError
from tradewind.metadata.listing import Page, order, page_of
from tradewind.metadata.runs.moving import touch_runs
from tradewind.metadata.tables import backfill, dag_run

if TYPE_CHECKING:
    from tradewind.core.clock import Clock
    from tradewind.metadata.database import Database

_SORTABLE = {"id": backfill.c.pk, "created_at": backfill.c.created_at}


def list_backfills(
    database: Database,
    dag_id: str | None = None,
    *,
    is_active: bool | None = None,
    page: Page = Page(),  # noqa: B008 - frozen
) -> tuple[list[Backfill], int]:
    """Return backfills, of one DAG where given, oldest first, and how many there are on all pages."""
    query = sa.select(*BACKFILL_COLUMNS)
    if dag_id is not None:
        query = query.where(backfill.c.dag_id == dag_id)
    if is_active is not None:
        query = query.where(backfill.c.completed_at.is_(None) == is_active)
    with database.read() as connection:
        rows, total = page_of(connection, order(query, page, _SORTABLE, backfill.c.pk), page)
    return [backfill_of(row) for row in rows], total


def get_backfill(database: Database, pk: int) -> Backfill:
    """Return one backfill. Raises `NotFoundError`."""
    with database.read() as connection:
        row = connection.execute(sa.select(*BACKFILL_COLUMNS).where(backfill.c.pk == pk)).first()
    if row is None:
        raise _no_backfill(pk)
    return backfill_of(row)


def count_runs(database: Database, pk: int) -> dict[DagRunState, int]:
    """Return how many runs that the backfill owns are in each state."""
    query = sa.select(dag_run.c.state, sa.func.count()).where(dag_run.c.backfill_pk == pk).group_by(dag_run.c.state)
    with database.read() as connection:
        return {DagRunState(state): count for state, count in connection.execute(query)}


def pause_backfill(database: Database, clock: Clock, pk: int, *, is_paused: bool) -> Backfill:
    """Pause a backfill, so that none of its runs starts, or let it go on; its runs under way go on.

    Raises `NotFoundError`, and `AlreadyExistsError` for one that is over.
    """

    def work(connection: sa.Connection) -> Backfill:
        found = _locked(connection, pk)
        if found.is_paused != is_paused:
            _change(connection, clock, found, is_paused=is_paused)
        return found

    return database.transact(work)


def cancel_backfill(database: Database, clock: Clock, pk: int) -> Backfill:
    """End a backfill: its queued runs fail, those that are running go on to their end, no others come.

    Raises `NotFoundError`, and `AlreadyExistsError` for one that is over.
    """

    def work(connection: sa.Connection) -> Backfill:
        found = _locked(connection, pk)
        queued = connection.execute(
            sa.select(dag_run.c.pk)
            .where(dag_run.c.backfill_pk == pk, dag_run.c.state == DagRunState.QUEUED.value)
            .order_by(dag_run.c.pk)
            .with_for_update(),
        )
        now = clock.now()
        touch_runs(connection, queued.scalars().all(), state=DagRunState.FAILED.value, ended_at=now)
        _change(connection, clock, found, is_paused=True, completed_at=now, updated_at=now)
        return found

    return database.transact(work)


def _locked(connection: sa.Connection, pk: int) -> Backfill:
    row = connection.execute(sa.select(*BACKFILL_COLUMNS).where(backfill.c.pk == pk).with_for_update()).first()
    if row is None:
        raise _no_backfill(pk)
    found = backfill_of(row)
    if found.completed_at is not None:
        msg = f"backfill {pk} is already completed"
        raise AlreadyExistsError(msg)
    return found


def _change(connection: sa.Connection, clock: Clock, found: Backfill, **values: object) -> None:
    values.setdefault("updated_at", clock.now())
    connection.execute(sa.update(backfill).where(backfill.c.pk == found.pk).values(**values))
    for name, value in values.items():
        setattr(found, name, value)
    add_ring(connection, Ring(BACKFILL, str(found.pk)))


def _no_backfill(pk: int) -> NotFoundError:
    return NotFoundError(f"there is no backfill {pk}")
