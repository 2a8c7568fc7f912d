"""What users do to assets: make an event, take back what waits, find the DAG that makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.metadata.assets.listing import EventFilter, get_asset, list_events, queue_conditions
from tradewind.metadata.batch import AssetEventWrite
from tradewind.metadata.doorbell.ring import ASSET, Ring
from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError, NotFoundError
from tradewind.metadata.scheduling.asset_events import write_event
from tradewind.metadata.scheduling.runner import PostgresRunner, SqliteRunner
from tradewind.metadata.tables import asset_queue

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from tradewind.core.clock import Clock
    from tradewind.metadata.assets.records import AssetEventDetail
    from tradewind.metadata.database import Database

_MAX_PARTITION_KEY = 250


def create_event(
    database: Database, clock: Clock, asset_pk: int, *, extra: dict[str, Any], partition_key: str | None = None
) -> AssetEventDetail:
    """Make an event of an asset, from outside of any task, and ring for the scheduler.

    Raises `NotFoundError` for an unknown asset and `InvalidRequestError` for a partition key that cannot be.
    """
    if partition_key is not None and (not partition_key.strip() or len(partition_key) > _MAX_PARTITION_KEY):
        msg = f"a partition key has between 1 and {_MAX_PARTITION_KEY} characters: {partition_key!r}"
        raise InvalidRequestError(msg)
    known = get_asset(database, asset_pk)
    event_pk = write_external_event(
        database,
        clock,
        AssetEventWrite(name=known.name, uri=known.uri, group=known.group, extra=extra, partition_key=partition_key),
    )
    return list_events(database, EventFilter(pks=(event_pk,)))[0][0]


def write_external_event(database: Database, clock: Clock, event: AssetEventWrite) -> int:
    """Write an event that no task made, such as a watcher's, and ring for the scheduler; return its number.

    Raises `NotFoundError` where the event is of a reference that means no asset.
    """
    runner = PostgresRunner if database.is_postgres else SqliteRunner
    with database.write_cursor() as cursor, runner(cursor) as run:
        written = write_event(run, event, clock.now())
        run.settle()
    if written is None:
        raise NotFoundError(f"nothing defines the asset {event.name or event.uri!r}")
    database.send([Ring(ASSET)])
    return written[0]


def delete_queued_events(
    database: Database, *, dag_id: str | None = None, asset_pk: int | None = None, before: datetime | None = None
) -> None:
    """Take back what waits for runs: the events stay. Raises `NotFoundError` where nothing waits."""
    with database.begin() as connection:
        gone = connection.execute(sa.delete(asset_queue).where(*queue_conditions(dag_id, asset_pk, before)))
        if not gone.rowcount:
            of = " and ".join(
                text
                for text in (
                    f"DAG {dag_id!r}" if dag_id is not None else "",
                    f"asset {asset_pk}" if asset_pk is not None else "",
                )
                if text
            )
            raise NotFoundError(f"no event waits for {of}")


def maker_of(database: Database, asset_pk: int) -> str:
    """Return the id of the one DAG that makes an asset.

    Raises `NotFoundError` where none does and `AlreadyExistsError` where several do.
    """
    known = get_asset(database, asset_pk)
    makers = sorted({use.dag_id for use in known.uses if use.role == "outlet"})
    if not makers:
        raise NotFoundError(f"no DAG makes asset {known.name!r}")
    if len(makers) > 1:
        raise AlreadyExistsError(f"asset {known.name!r} is made by several DAGs: trigger one of {', '.join(makers)}")
    return makers[0]
