"""Writing events of assets, and consuming them: the same statements for the scheduler's batch and for the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.metadata.scheduling import asset_statements as sql
from tradewind.metadata.tables.datetimes import from_text, from_timestamptz

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tradewind.metadata.batch import AssetEventWrite, Batch, NewRun, PartitionEventWrite
    from tradewind.metadata.scheduling.runner import Row, Runner


_NO_NUMBER = 1 << 62
"""Higher than the number of any event."""


def write_event(run: Runner, event: AssetEventWrite, now: datetime) -> tuple[int, set[str]] | None:
    """Write one event and queue it for the DAGs that wait for it; return its number and their ids.

    None, and nothing is written, where the event is of a reference that means no asset.
    """
    when = run.instant
    found = _asset_of(run, event, now)
    if found is None:
        return None
    asset_pk = found[0]
    made = run.one(
        sql.ADD_EVENT,
        (
            asset_pk,
            _text(event.extra),
            when(now),
            event.source_dag_id,
            event.source_task_id,
            event.source_run_id,
            event.source_map_index,
            event.partition_key,
            when(event.partition_date),
        ),
    )
    if made is None:
        return None
    event_pk: int = made[0]
    for name in event.aliases:
        alias = run.one(sql.FIND_OR_ADD_ALIAS, (name,))
        if alias is not None:
            run.execute(sql.ADD_EVENT_ALIAS, (event_pk, alias[0]))
            run.execute(sql.ADD_ALIAS_ASSET, (alias[0], asset_pk))
    return event_pk, {row[0] for row in run.all(sql.QUEUE_EVENT, (event_pk,))}


def write_events(run: Runner, events: Iterable[AssetEventWrite], now: datetime) -> set[str]:
    """Write events; return the ids of the DAGs that have to be looked at."""
    dag_ids: set[str] = set()
    for event in events:
        written = write_event(run, event, now)
        if written is not None:
            dag_ids |= written[1]
    return dag_ids


def write_partitions(run: Runner, batch: Batch, now: datetime) -> None:
    """Bring events to their partitions, and take out of the queue what has been seen to."""
    for event in batch.partition_events:
        _write_partition_event(run, event, now)
    for row in batch.assets_unqueued:
        run.execute(sql.LEAVE_QUEUE, row)
    for partition_pk in batch.partitions_dropped:
        run.execute(sql.DROP_PARTITION_EVENTS, (partition_pk,))
        run.execute(sql.DROP_PARTITION, (partition_pk,))


def _write_partition_event(run: Runner, event: PartitionEventWrite, now: datetime) -> None:
    when = run.instant
    place = (event.dag_id, event.partition_key, event.fingerprint)
    found = run.one(sql.FIND_PARTITION, place)
    if found is None:
        found = run.one(sql.ADD_PARTITION, (*place, when(event.partition_date), when(now)))
    elif event.partition_date is not None and found[1] != when(event.partition_date):
        # Two dates for one partition: none of them is right.
        date = event.partition_date if found[1] is None else None
        run.execute(sql.SET_PARTITION_DATE, (when(date), found[0]))
    if found is not None:
        run.execute(sql.ADD_PARTITION_EVENT, (found[0], event.event_pk, event.asset_pk, event.source_key))


def consume(run: Runner, run_pk: int, new: NewRun) -> tuple[datetime, datetime] | None:
    """Let the new run consume what was queued for its DAG; return its data interval where it is to have one."""
    what = new.consumes
    if what is None:
        return None
    if what.partition_pk is not None:
        run.execute(sql.CONSUME_PARTITION, (run_pk, what.partition_pk))
        run.execute(sql.CLOSE_PARTITION, (run_pk, what.partition_pk))
        return None
    newest = run.one(sql.NEWEST_CONSUMED, (new.dag_id, run_pk))
    floor = None if newest is None else newest[0]
    # With an earlier run, or with catchup, the day on which the DAG began to wait does not matter.
    dateless = 0 if floor is not None or what.takes_all else _NO_NUMBER
    run.execute(
        sql.CONSUME_EVENTS,
        (run_pk, what.newest_event_pk, floor or 0, new.dag_id, dateless, new.dag_id, new.dag_id, new.dag_id),
    )
    for asset_pk, place, event_pk in what.queued:
        run.execute(sql.LEAVE_QUEUE, (new.dag_id, asset_pk, place, event_pk))
    if new.logical_date is None:
        return None
    found = run.one(sql.INTERVAL_OF_SOURCES, (run_pk,))
    if found is None or found[0] is None:
        return None
    run.execute(sql.SET_INTERVAL, (*found, run_pk))
    start, end = map(_instant, found)
    return start, end


def _asset_of(run: Runner, event: AssetEventWrite, now: datetime) -> Row | None:
    if event.name and event.uri:
        at = run.instant(now)
        return run.one(sql.FIND_OR_ADD_ASSET, (event.name, event.uri, event.group, _text(event.asset_extra), at, at))
    if event.name:
        return run.one(sql.FIND_ASSET_BY_NAME, (event.name,))
    return run.one(sql.FIND_ASSET_BY_URI, (event.uri,))


def _instant(value: Any) -> datetime:
    found = from_text(value) if isinstance(value, str) else from_timestamptz(value)
    if found is None:
        raise ValueError("a run with a data interval has both of its ends")
    return found


def _text(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value).decode()
