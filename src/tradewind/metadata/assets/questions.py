"""What a running task asks of assets: the part of the worker store that knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.metadata.assets.conflicts import inactive_of
from tradewind.metadata.tables import asset, asset_alias, asset_event, asset_event_alias, consumed_asset_event, dag_run
from tradewind.serialization.records import AssetEventRecord, AssetRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.metadata.database import Database

_EVENT = (
    asset_event.c.pk,
    asset_event.c.at,
    asset_event.c.extra,
    asset_event.c.partition_key,
    asset_event.c.source_dag_id,
    asset_event.c.source_task_id,
    asset_event.c.source_run_id,
    asset_event.c.source_map_index,
    asset.c.name,
    asset.c.uri,
    asset.c.group,
    asset.c.extra.label("asset_extra"),
)


class AssetQuestions:
    """The methods of the protocol `WorkerStore` about assets."""

    METHODS = frozenset({"get_asset", "get_asset_events", "get_triggering_asset_events", "get_inactive_assets"})
    """What a `StoreCall` may name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_asset(self, *, name: str | None = None, uri: str | None = None) -> AssetRecord | None:
        """Return the asset of that name, or of that URI, or None when nothing defines it."""
        query = sa.select(asset.c.name, asset.c.uri, asset.c.group, asset.c.extra)
        if name is not None:
            query = query.where(asset.c.name == name)
        if uri is not None:
            query = query.where(asset.c.uri == uri)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(asset.c.updated_at.desc(), asset.c.pk.desc()).limit(1)).first()
        if row is None:
            return None
        return AssetRecord(name=row.name, uri=row.uri, group=row.group, extra=msgspec.json.decode(row.extra))

    def get_asset_events(
        self,
        *,
        name: str | None = None,
        uri: str | None = None,
        alias: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
        is_ascending: bool = True,
        limit: int | None = None,
    ) -> list[AssetEventRecord]:
        """Return the events of an asset, or those through an alias, oldest first; both dates are included."""
        query = _events()
        if name is not None:
            query = query.where(asset.c.name == name)
        if uri is not None:
            query = query.where(asset.c.uri == uri)
        if alias is not None:
            link = sa.select(asset_event_alias.c.event_pk).join(
                asset_alias, asset_alias.c.pk == asset_event_alias.c.alias_pk
            )
            query = query.where(asset_event.c.pk.in_(link.where(asset_alias.c.name == alias)))
        if after is not None:
            query = query.where(asset_event.c.at >= after)
        if before is not None:
            query = query.where(asset_event.c.at <= before)
        order = (asset_event.c.at, asset_event.c.pk)
        query = query.order_by(*order if is_ascending else (column.desc() for column in order)).limit(limit)
        return self._fetched(query)

    def get_triggering_asset_events(self, *, dag_id: str, run_id: str) -> list[AssetEventRecord]:
        """Return the events that a run was created for, oldest first."""
        query = _events().join(consumed_asset_event, consumed_asset_event.c.event_pk == asset_event.c.pk)
        query = query.join(dag_run, dag_run.c.pk == consumed_asset_event.c.run_pk)
        query = query.where(dag_run.c.dag_id == dag_id, dag_run.c.run_id == run_id)
        return self._fetched(query.order_by(asset_event.c.at, asset_event.c.pk))

    def get_inactive_assets(self, *, assets: Sequence[Sequence[str]]) -> list[list[str]]:
        """Return those of the assets, each a name and a URI, whose name or URI an earlier asset has."""
        with self._database.read() as connection:
            return [list(one) for one in inactive_of(connection, [(name, uri) for name, uri in assets])]

    def _fetched(self, query: Any) -> list[AssetEventRecord]:
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            aliases: dict[int, list[str]] = {}
            if rows:
                links = sa.select(asset_event_alias.c.event_pk, asset_alias.c.name).join(
                    asset_alias, asset_alias.c.pk == asset_event_alias.c.alias_pk
                )
                links = links.where(asset_event_alias.c.event_pk.in_([row.pk for row in rows]))
                for event_pk, name in connection.execute(links.order_by(asset_alias.c.name)):
                    aliases.setdefault(event_pk, []).append(name)
        return [_record(row, aliases.get(row.pk, [])) for row in rows]


def _events() -> Any:
    return sa.select(*_EVENT).join(asset, asset.c.pk == asset_event.c.asset_pk)


def _record(row: Any, aliases: list[str]) -> AssetEventRecord:
    return AssetEventRecord(
        id=row.pk,
        asset=AssetRecord(name=row.name, uri=row.uri, group=row.group, extra=msgspec.json.decode(row.asset_extra)),
        timestamp=row.at,
        extra=msgspec.json.decode(row.extra),
        partition_key=row.partition_key,
        source_dag_id=row.source_dag_id,
        source_task_id=row.source_task_id,
        source_run_id=row.source_run_id,
        source_map_index=row.source_map_index,
        aliases=aliases,
    )
