"""Reading assets, their aliases, events and what is queued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.metadata.assets.records import (
    AliasDetail,
    AssetDetail,
    AssetEventDetail,
    AssetUse,
    CreatedRun,
    QueuedEvent,
)
from tradewind.metadata.assets.watchers import add_watchers
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.listing import Page, order, page_of
from tradewind.metadata.tables import (
    asset,
    asset_alias,
    asset_alias_asset,
    asset_event,
    asset_queue,
    asset_use,
    consumed_asset_event,
    dag,
    dag_run,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.metadata.database import Database

_EVENT = asset_event.c


@dataclass(frozen=True)
class AssetFilter:
    """Which assets; what is left empty matches all."""

    pks: Sequence[int] = ()
    name_pattern: str | None = None
    uri_pattern: str | None = None
    dag_ids: Sequence[str] = ()
    """Assets that these DAGs use in any way."""
    is_used: bool | None = None
    """Whether a DAG that is present uses it."""


@dataclass(frozen=True)
class EventFilter:
    """Which events; what is left empty matches all."""

    pks: Sequence[int] = ()
    asset_pk: int | None = None
    source_dag_id: str | None = None
    source_task_id: str | None = None
    source_run_id: str | None = None
    source_map_index: int | None = None
    at_from: datetime | None = None
    at_to: datetime | None = None
    consumed_by: int | None = None
    """The number of a run."""


def list_assets(
    database: Database, which: AssetFilter | None = None, page: Page | None = None
) -> tuple[list[AssetDetail], int]:
    """Return the assets on the page, by number unless told otherwise, and how many there are on all."""
    which, page = which or AssetFilter(), page or Page()
    last = sa.select(sa.func.max(_EVENT.pk)).where(_EVENT.asset_pk == asset.c.pk).correlate(asset).scalar_subquery()
    last_event = asset_event.alias("last_event")
    query = sa.select(asset, last_event.c.pk.label("last_event_pk"), last_event.c.at.label("last_event_at"))
    query = query.select_from(asset.outerjoin(last_event, last_event.c.pk == last)).where(*_asset_conditions(which))
    sortable = {name: asset.c[name] for name in ("name", "uri", "created_at", "updated_at")} | {"id": asset.c.pk}
    with database.read() as connection:
        rows, total = page_of(connection, order(query, page, sortable, asset.c.pk), page)
        found = [_asset_detail(row) for row in rows]
        _add_uses(connection, found)
        add_watchers(connection, found)
    return found, total


def get_asset(database: Database, pk: int) -> AssetDetail:
    """Return one asset. Raises `NotFoundError`."""
    found, _ = list_assets(database, AssetFilter(pks=(pk,)))
    if not found:
        raise NotFoundError(f"there is no asset with the number {pk}")
    return found[0]


def list_aliases(
    database: Database, pattern: str | None = None, page: Page | None = None
) -> tuple[list[AliasDetail], int]:
    """Return the aliases on the page, and how many there are on all."""
    page = page or Page()
    query = sa.select(asset_alias.c.pk, asset_alias.c.name, asset_alias.c.group)
    if pattern:
        query = query.where(asset_alias.c.name.like(_like(pattern)))
    sortable = {"name": asset_alias.c.name, "id": asset_alias.c.pk}
    with database.read() as connection:
        rows, total = page_of(connection, order(query, page, sortable, asset_alias.c.pk), page)
    return [AliasDetail(*row) for row in rows], total


def get_alias(database: Database, pk: int) -> AliasDetail:
    """Return one alias. Raises `NotFoundError`."""
    query = sa.select(asset_alias.c.pk, asset_alias.c.name, asset_alias.c.group).where(asset_alias.c.pk == pk)
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"there is no asset alias with the number {pk}")
    return AliasDetail(*row)


def list_events(
    database: Database, which: EventFilter | None = None, page: Page | None = None
) -> tuple[list[AssetEventDetail], int]:
    """Return the events on the page, oldest first unless told otherwise, and how many there are on all."""
    which, page = which or EventFilter(), page or Page()
    query = sa.select(
        _EVENT.pk,
        _EVENT.asset_pk,
        asset.c.name,
        asset.c.uri,
        asset.c.group,
        _EVENT.extra,
        _EVENT.at,
        _EVENT.source_dag_id,
        _EVENT.source_task_id,
        _EVENT.source_run_id,
        _EVENT.source_map_index,
        _EVENT.partition_key,
    ).join(asset, asset.c.pk == _EVENT.asset_pk)
    query = query.where(*_event_conditions(which))
    sortable = {"timestamp": _EVENT.at, "id": _EVENT.pk, "asset_id": _EVENT.asset_pk} | {
        name: _EVENT[name] for name in ("source_dag_id", "source_task_id", "source_run_id", "source_map_index")
    }
    with database.read() as connection:
        rows, total = page_of(connection, order(query, page, sortable, _EVENT.pk), page)
        found = [_event_detail(row) for row in rows]
        _add_created_runs(connection, found)
    return found, total


def list_queued_events(
    database: Database, *, dag_id: str | None = None, asset_pk: int | None = None, before: datetime | None = None
) -> list[QueuedEvent]:
    """Return what waits for runs; events of one asset for one DAG are one entry."""
    columns = asset_queue.c
    query = sa.select(columns.dag_id, columns.asset_pk, sa.func.min(columns.first_at).label("at"))
    query = query.where(*queue_conditions(dag_id, asset_pk, before))
    query = query.group_by(columns.dag_id, columns.asset_pk).order_by(columns.dag_id, columns.asset_pk)
    with database.read() as connection:
        return [QueuedEvent(*row) for row in connection.execute(query)]


def queue_conditions(dag_id: str | None, asset_pk: int | None, before: datetime | None) -> list[Any]:
    """Return the conditions that choose rows of the queue."""
    columns = asset_queue.c
    found: list[Any] = []
    if dag_id is not None:
        found.append(columns.dag_id == dag_id)
    if asset_pk is not None:
        found.append(columns.asset_pk == asset_pk)
    if before is not None:
        found.append(columns.first_at < before)
    return found


def _asset_conditions(which: AssetFilter) -> list[Any]:
    found: list[Any] = []
    if which.pks:
        found.append(asset.c.pk.in_(which.pks))
    if which.name_pattern:
        found.append(asset.c.name.like(_like(which.name_pattern)))
    if which.uri_pattern:
        found.append(asset.c.uri.like(_like(which.uri_pattern)))
    if which.dag_ids:
        found.append(sa.exists().where(_is_use_of(asset), asset_use.c.dag_id.in_(which.dag_ids)))
    if which.is_used is not None:
        used = sa.exists().where(_is_use_of(asset), dag.c.dag_id == asset_use.c.dag_id, dag.c.is_present)
        through_alias = sa.exists().where(asset_alias_asset.c.asset_pk == asset.c.pk)
        found.append(sa.or_(used, through_alias) if which.is_used else ~sa.or_(used, through_alias))
    return found


def _is_use_of(what: Any) -> Any:
    return sa.or_(
        sa.and_(asset_use.c.kind == "asset", asset_use.c.name == what.c.name, asset_use.c.uri == what.c.uri),
        sa.and_(asset_use.c.kind == "asset_ref", asset_use.c.name == what.c.name),
        sa.and_(asset_use.c.kind == "asset_ref", asset_use.c.uri == what.c.uri),
    )


def _event_conditions(which: EventFilter) -> list[Any]:
    found: list[Any] = []
    for column, value in (
        (_EVENT.asset_pk, which.asset_pk),
        (_EVENT.source_dag_id, which.source_dag_id),
        (_EVENT.source_task_id, which.source_task_id),
        (_EVENT.source_run_id, which.source_run_id),
        (_EVENT.source_map_index, which.source_map_index),
    ):
        if value is not None:
            found.append(column == value)
    if which.pks:
        found.append(_EVENT.pk.in_(which.pks))
    if which.at_from is not None:
        found.append(_EVENT.at >= which.at_from)
    if which.at_to is not None:
        found.append(_EVENT.at <= which.at_to)
    if which.consumed_by is not None:
        consumed = sa.select(consumed_asset_event.c.event_pk).where(consumed_asset_event.c.run_pk == which.consumed_by)
        found.append(_EVENT.pk.in_(consumed))
    return found


def _asset_detail(row: Any) -> AssetDetail:
    return AssetDetail(
        pk=row.pk,
        name=row.name,
        uri=row.uri,
        group=row.group,
        extra=msgspec.json.decode(row.extra),
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_event_pk=row.last_event_pk,
        last_event_at=row.last_event_at,
    )


def _add_uses(connection: sa.Connection, assets: list[AssetDetail]) -> None:
    if not assets:
        return
    by_pk = {one.pk: one for one in assets}
    uses = sa.select(
        asset.c.pk, asset_use.c.dag_id, asset_use.c.role, asset_use.c.task_id, asset_use.c.created_at
    ).join(asset_use, _is_use_of(asset))
    for pk, *use in connection.execute(
        uses.where(asset.c.pk.in_(by_pk)).order_by(asset_use.c.dag_id, asset_use.c.role, asset_use.c.task_id)
    ):
        by_pk[pk].uses.append(AssetUse(*use))
    links = sa.select(asset_alias_asset.c.asset_pk, asset_alias.c.pk, asset_alias.c.name, asset_alias.c.group)
    links = links.join(asset_alias, asset_alias.c.pk == asset_alias_asset.c.alias_pk)
    for pk, *alias in connection.execute(
        links.where(asset_alias_asset.c.asset_pk.in_(by_pk)).order_by(asset_alias.c.name)
    ):
        by_pk[pk].aliases.append(AliasDetail(*alias))


def _event_detail(row: Any) -> AssetEventDetail:
    values: list[Any] = list(row)
    values[5] = msgspec.json.decode(values[5])
    return AssetEventDetail(*values)


def _add_created_runs(connection: sa.Connection, events: list[AssetEventDetail]) -> None:
    if not events:
        return
    by_pk = {event.pk: event for event in events}
    others = consumed_asset_event.alias("others")
    newest = (
        sa.select(sa.func.max(others.c.event_pk))
        .where(others.c.run_pk == dag_run.c.pk)
        .correlate(dag_run)
        .scalar_subquery()
    )
    query = (
        sa.select(
            consumed_asset_event.c.event_pk,
            dag_run.c.dag_id,
            dag_run.c.run_id,
            dag_run.c.state,
            dag_run.c.logical_date,
            dag_run.c.started_at,
            dag_run.c.ended_at,
            dag_run.c.data_interval_start,
            dag_run.c.data_interval_end,
            dag_run.c.partition_key,
            newest,
        )
        .join(dag_run, dag_run.c.pk == consumed_asset_event.c.run_pk)
        .where(consumed_asset_event.c.event_pk.in_(by_pk))
        .order_by(dag_run.c.pk)
    )
    for event_pk, *run in connection.execute(query):
        by_pk[event_pk].created_runs.append(CreatedRun(*run))


def _like(pattern: str) -> str:
    return pattern if "%" in pattern else f"%{pattern}%"
