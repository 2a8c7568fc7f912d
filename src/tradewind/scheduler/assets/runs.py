"""Runs that events of assets trigger: created as soon as the events that wait for a DAG meet its condition.

An event is queued in the transaction that makes its task successful. What is queued is read here, decided upon by the
core, and consumed in the transaction that creates the run: so a crash between the two loses nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tradewind.core.assets import ArrivedAsset, is_met
from tradewind.core.states import RunType
from tradewind.core.timetables.asset_schedules import condition_of
from tradewind.core.timetables.partitioned import PartitionedAssetTimetable
from tradewind.metadata.batch import AssetsConsumed, NewRun
from tradewind.metadata.runs import generate_run_id
from tradewind.scheduler.assets.partitions import PartitionRuns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tradewind.metadata.batch import AssetQueueRow
    from tradewind.metadata.scheduling import SchedulerStore
    from tradewind.scheduler.collector import Collector
    from tradewind.scheduler.dags import DagState

_log = logging.getLogger(__name__)


class AssetRuns:
    """Knows which DAGs have events that wait, and creates their runs."""

    def __init__(
        self,
        store: SchedulerStore,
        dags: dict[str, DagState],
        collector: Collector,
        has_room: Callable[[DagState], bool],
    ) -> None:
        """Ask `has_room` whether a DAG may have another run."""
        self._store = store
        self._dags = dags
        self._collector = collector
        self._has_room = has_room
        self._partitions = PartitionRuns(store, dags, collector)
        self._to_look: set[str] | None = set()
        """DAGs whose queue may have changed; None for all."""
        self._waiting: set[str] = set()
        """DAGs that have something in the queue."""

    def hear(self, dag_ids: Iterable[str]) -> None:
        """Something was queued for these DAGs."""
        if self._to_look is not None:
            self._to_look.update(dag_ids)

    def dag_changed(self, dag_id: str) -> None:
        """The DAG is new, has another condition, or was unpaused."""
        self.hear([dag_id])
        self._partitions.weigh([dag_id])

    def hear_all(self) -> None:
        """Anything may have been queued: look at the whole queue."""
        self._to_look = None
        self._partitions.weigh_all()

    def run_ended(self, dag_id: str) -> None:
        """A run of the DAG ended: there may be room for one that waits."""
        if dag_id in self._waiting:
            self.hear([dag_id])

    def settle(self) -> None:
        """Create the runs that are due, as a part of the next batch; costs nothing where nothing was heard."""
        self._partitions.settle()
        wanted, self._to_look = self._to_look, set()
        if wanted is not None and not wanted:
            return
        found: dict[str, list[AssetQueueRow]] = {}
        for row in self._store.load_asset_queue(wanted):
            found.setdefault(row.dag_id, []).append(row)
        self._waiting -= self._waiting if wanted is None else wanted
        for dag_id, rows in found.items():
            self._waiting.add(dag_id)
            dag = self._dags.get(dag_id)
            if dag is None or dag.is_frozen:
                continue
            if isinstance(dag.timetable, PartitionedAssetTimetable):
                self._partitions.take(dag, dag.timetable, rows)
            else:
                self._settle_dag(dag, rows)

    def _settle_dag(self, dag: DagState, rows: list[AssetQueueRow]) -> None:
        condition = condition_of(dag.timetable)
        arrived = [ArrivedAsset(row.name, row.uri, row.aliases) for row in rows]
        if condition is None or not is_met(condition, arrived) or not self._has_room(dag):
            return
        run_after = max(row.last_at for row in rows)
        # In Airflow 2 every run has a logical date; its data interval spans those of the runs that made the events.
        logical_date = run_after if dag.document.airflow_defaults < 3 else None
        self._collector.batch.new_runs.append(
            NewRun(
                dag_id=dag.dag_id,
                run_id=generate_run_id(RunType.ASSET_TRIGGERED, logical_date, run_after),
                run_type=RunType.ASSET_TRIGGERED,
                run_after=run_after,
                logical_date=logical_date,
                data_interval_start=logical_date,
                data_interval_end=logical_date,
                triggered_by="asset",
                consumes=AssetsConsumed(
                    queued=[(row.asset_pk, row.place, row.event_pk) for row in rows],
                    newest_event_pk=max(row.event_pk for row in rows),
                    takes_all=dag.document.catchup,
                ),
            )
        )
        _log.debug("DAG %s: its assets are there: %s", dag.dag_id, ", ".join(row.name for row in rows))
