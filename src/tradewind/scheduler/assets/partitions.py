"""Runs that work on partitions: events are brought to their partitions first, and a partition that has enough gets its run.

Both are steps of their own, each in one transaction: whatever comes between them, the next step finds what the one before
has written.
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

from tradewind.core.assets import ArrivedAsset
from tradewind.core.states import RunType
from tradewind.core.timetables.partitioned import PartitionedAssetTimetable, PartitionEvent
from tradewind.metadata.batch import AssetsConsumed, NewRun, PartitionEventWrite
from tradewind.metadata.runs import generate_run_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.metadata.batch import AssetQueueRow, PartitionRow
    from tradewind.metadata.scheduling import SchedulerStore
    from tradewind.scheduler.collector import Collector
    from tradewind.scheduler.dags import DagState

_log = logging.getLogger(__name__)


class PartitionRuns:
    """Brings events to partitions and creates the runs of those that have enough."""

    def __init__(self, store: SchedulerStore, dags: dict[str, DagState], collector: Collector) -> None:
        self._store = store
        self._dags = dags
        self._collector = collector
        self._to_weigh: set[str] | None = set()
        """DAGs whose partitions may have enough; None for all."""

    def weigh(self, dag_ids: Iterable[str]) -> None:
        """Partitions of these DAGs may have enough, or will after the next commit."""
        if self._to_weigh is not None:
            self._to_weigh.update(dag_ids)

    def weigh_all(self) -> None:
        """Any partition may have enough."""
        self._to_weigh = None

    def settle(self) -> None:
        """Create the runs of partitions that have enough, as a part of the next batch."""
        wanted, self._to_weigh = self._to_weigh, set()
        if wanted is not None and not wanted:
            return
        for row in self._store.load_asset_partitions(wanted):
            dag = self._dags.get(row.dag_id)
            if dag is not None and not dag.is_frozen and isinstance(dag.timetable, PartitionedAssetTimetable):
                self._settle_partition(dag, dag.timetable, row)

    def take(self, dag: DagState, timetable: PartitionedAssetTimetable, rows: list[AssetQueueRow]) -> None:
        """Bring queued events to their partitions, as a part of the next batch."""
        batch = self._collector.batch
        fingerprint = fingerprint_of(timetable)
        for row in rows:
            batch.assets_unqueued.append((row.dag_id, row.asset_pk, row.place, row.event_pk))
            if row.partition_key is None:
                continue
            asset = ArrivedAsset(row.name, row.uri)
            try:
                keys = timetable.keys_for(asset, row.partition_key)
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                _log.error(
                    "DAG %s: the event of asset %s with partition key %r has no place in it: %s",
                    dag.dag_id,
                    row.name,
                    row.partition_key,
                    error,
                )
                continue
            date = timetable.mapper_of(asset).carry_partition_date(row.partition_date)
            batch.partition_events += [
                PartitionEventWrite(dag.dag_id, key, fingerprint, row.event_pk, row.asset_pk, row.partition_key, date)
                for key in keys
            ]
        self.weigh([dag.dag_id])

    def _settle_partition(self, dag: DagState, timetable: PartitionedAssetTimetable, row: PartitionRow) -> None:
        if row.fingerprint != fingerprint_of(timetable):
            # As in Airflow: what was mapped by other rules says nothing under the new ones.
            _log.warning("DAG %s: partition %r begins anew, its schedule has changed", dag.dag_id, row.partition_key)
            self._collector.batch.partitions_dropped.append(row.partition_pk)
            return
        events = [PartitionEvent(ArrivedAsset(name, uri), key) for _, name, uri, key, _ in row.events]
        try:
            if not timetable.is_ready(row.partition_key, events):
                return
            assets = {event.asset for event in events}
            date = timetable.partition_date_of(row.partition_key, assets, row.partition_date)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            _log.error("DAG %s: partition %r cannot be judged: %s", dag.dag_id, row.partition_key, error)
            return
        run_after = max(at for *_, at in row.events)
        self._collector.batch.new_runs.append(
            NewRun(
                dag_id=dag.dag_id,
                run_id=generate_run_id(RunType.ASSET_TRIGGERED, None, run_after),
                run_type=RunType.ASSET_TRIGGERED,
                run_after=run_after,
                logical_date=None,
                data_interval_start=None,
                data_interval_end=None,
                triggered_by="asset",
                partition_key=row.partition_key,
                partition_date=date,
                consumes=AssetsConsumed(partition_pk=row.partition_pk),
            )
        )


def fingerprint_of(timetable: PartitionedAssetTimetable) -> str:
    """Return what is the same as long as events come to the same partitions."""
    rules = {name: value for name, value in timetable.serialize().items() if name != "condition"}
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()[:32]
