"""What the scheduler reads of assets: the events that wait for runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.metadata.batch import AssetQueueRow, PartitionRow
from tradewind.metadata.tables import (
    asset,
    asset_alias,
    asset_alias_asset,
    asset_event,
    asset_partition,
    asset_partition_event,
    asset_queue,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.metadata.database import Database


class AssetLoading:
    """Queries; none of them writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load_asset_queue(self, dag_ids: Iterable[str] | None = None) -> list[AssetQueueRow]:
        """Return what is queued, for `dag_ids` where given, in the order in which it came."""
        columns = asset_queue.c
        query = (
            sa.select(
                columns.dag_id,
                columns.asset_pk,
                columns.place,
                asset.c.name,
                asset.c.uri,
                columns.event_pk,
                columns.last_at,
                asset_event.c.partition_key,
                asset_event.c.partition_date,
            )
            .join(asset, asset.c.pk == columns.asset_pk)
            .join(asset_event, asset_event.c.pk == columns.event_pk)
            .order_by(columns.event_pk)
        )
        if dag_ids is not None:
            query = query.where(columns.dag_id.in_(list(dag_ids)))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            aliases: dict[int, set[str]] = {}
            if rows:
                links = sa.select(asset_alias_asset.c.asset_pk, asset_alias.c.name).join(
                    asset_alias, asset_alias.c.pk == asset_alias_asset.c.alias_pk
                )
                links = links.where(asset_alias_asset.c.asset_pk.in_({row.asset_pk for row in rows}))
                for asset_pk, name in connection.execute(links):
                    aliases.setdefault(asset_pk, set()).add(name)
        return [
            AssetQueueRow(
                dag_id=row.dag_id,
                asset_pk=row.asset_pk,
                place=row.place,
                name=row.name,
                uri=row.uri,
                aliases=frozenset(aliases.get(row.asset_pk, ())),
                event_pk=row.event_pk,
                last_at=row.last_at,
                partition_key=row.partition_key,
                partition_date=row.partition_date,
            )
            for row in rows
        ]

    def load_asset_partitions(self, dag_ids: Iterable[str] | None = None) -> list[PartitionRow]:
        """Return the partitions that have no run yet, of `dag_ids` where given, oldest first."""
        columns, link = asset_partition.c, asset_partition_event.c
        query = (
            sa.select(
                columns.pk,
                columns.dag_id,
                columns.partition_key,
                columns.partition_date,
                columns.fingerprint,
                link.asset_pk,
                asset.c.name,
                asset.c.uri,
                link.source_key,
                asset_event.c.at,
            )
            .join(asset_partition_event, link.partition_pk == columns.pk)
            .join(asset, asset.c.pk == link.asset_pk)
            .join(asset_event, asset_event.c.pk == link.event_pk)
            .where(columns.run_pk.is_(None))
            .order_by(columns.pk, link.event_pk)
        )
        if dag_ids is not None:
            query = query.where(columns.dag_id.in_(list(dag_ids)))
        found: dict[int, PartitionRow] = {}
        with self._database.read() as connection:
            for pk, dag_id, key, date, fingerprint, *event in connection.execute(query):
                row = found.setdefault(pk, PartitionRow(pk, dag_id, key, date, fingerprint))
                row.events.append((event[0], event[1], event[2], event[3], event[4]))
        return list(found.values())
