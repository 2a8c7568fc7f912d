"""What a DAG that waits for assets still waits for, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.assets import ArrivedAsset, missing
from tradewind.core.timetables.asset_schedules import condition_of
from tradewind.core.timetables.codec import decode_timetable
from tradewind.core.timetables.partitioned import PartitionedAssetTimetable, PartitionEvent
from tradewind.metadata.scheduling.asset_loading import AssetLoading

if TYPE_CHECKING:
    from tradewind.metadata.batch import PartitionRow
    from tradewind.metadata.database import Database
    from tradewind.serialization.document import DagDocument

_MAX_KEYS = 3
"""So many keys of a partition are named."""


def awaited_assets(database: Database, document: DagDocument) -> list[str]:
    """Return what has to come before the DAG's next run; nothing where it waits for no assets.

    Of a DAG that works on partitions, what each partition waits for that has an event already.
    """
    timetable = decode_timetable(document.timetable)
    condition = condition_of(timetable)
    if condition is None:
        return []
    loading = AssetLoading(database)
    if isinstance(timetable, PartitionedAssetTimetable):
        rows = loading.load_asset_partitions([document.dag_id])
        found = [_of_partition(timetable, row) for row in rows]
        return found or [f"a partition of {text}" for text in missing(condition, [])]
    rows_of_queue = loading.load_asset_queue([document.dag_id])
    return missing(condition, [ArrivedAsset(row.name, row.uri, row.aliases) for row in rows_of_queue])


def _of_partition(timetable: PartitionedAssetTimetable, row: PartitionRow) -> str:
    events = [PartitionEvent(ArrivedAsset(name, uri), key) for _, name, uri, key, _ in row.events]
    assets = list(dict.fromkeys(event.asset for event in events))
    words = missing(timetable.condition, assets)
    try:
        for asset in assets:
            keys = timetable.missing_keys(row.partition_key, asset, events)
            if keys:
                more = f" and {len(keys) - _MAX_KEYS} more" if len(keys) > _MAX_KEYS else ""
                words.append(f"asset {asset.name!r} for {', '.join(keys[:_MAX_KEYS])}{more}")
    except ValueError as error:
        words.append(f"a mapper that can read its key: {error}")
    return f"partition {row.partition_key!r}: {' and '.join(words) or 'nothing more'}"
