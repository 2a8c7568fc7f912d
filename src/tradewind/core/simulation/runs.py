"""One run of a simulation: its engine, and what the limits have to know of its instances."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tradewind.core.engine import Instance, RunEngine, first_map_indexes
from tradewind.core.ids import task_instance_pk
from tradewind.core.limits import Candidate
from tradewind.core.past import is_held_by_past
from tradewind.core.states import WAITING, TaskInstanceState

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.graph import CompiledDag
    from tradewind.core.ids import DagRunPk
    from tradewind.core.simulation.durations import Durations
    from tradewind.core.timetables.protocol import DagRunInfo


class SimulatedRun:
    """A run that has started."""

    def __init__(
        self, pk: DagRunPk, compiled: CompiledDag, info: DagRunInfo, started_at: datetime, before: SimulatedRun | None
    ) -> None:
        """`before` is the run of the DAG that was created before it."""
        self.pk = pk
        self.info = info
        self.started_at = started_at
        self.before = before
        self.follower: SimulatedRun | None = None
        self._compiled = compiled
        births = ((node, map_index) for node in compiled.nodes for map_index in first_map_indexes(compiled, node))
        none = TaskInstanceState.NONE
        self.engine = RunEngine(
            compiled,
            [
                Instance(slot, node.task_id, none, 0, 0, node.retry.retries, map_index=map_index)
                for slot, (node, map_index) in enumerate(births)
            ],
        )

    @property
    def date(self) -> datetime:
        """The date by which the run is called."""
        return self.info.logical_date or self.info.run_after

    def forget_earlier(self) -> None:
        """Let the runs before it go: it has ended, and nobody asks it about its past again."""
        self.before = None

    def candidate(self, slot: int) -> Candidate:
        """Return what the limits have to know of an instance."""
        node = self.engine.node_of[slot]
        return Candidate(
            ti_pk=task_instance_pk(self.pk, slot),
            dag_id=self._compiled.dag_id,
            run_pk=self.pk,
            task_id=node.task_id,
            pool=node.pool,
            pool_slots=node.pool_slots,
            priority=node.priority_weight,
            order=(self.date.timestamp(), slot),
            max_active_tasks=self._compiled.max_active_tasks,
            max_active_tis_per_dag=node.max_active_tis_per_dag,
            max_active_tis_per_dagrun=node.max_active_tis_per_dagrun,
            queue=node.queue,
            executor=node.executor,
        )

    def ends_at(self, durations: Durations, slot: int, now: datetime) -> datetime:
        """Return when the try that begins now ends."""
        engine = self.engine
        node, map_index = engine.node_of[slot], engine.map_index_of[slot]
        dag_id, number = self._compiled.dag_id, int(self.date.timestamp())
        return now + timedelta(seconds=durations.draw(dag_id, number, node.task_id, map_index, engine.tries[slot]))


def held_by_past(run: SimulatedRun) -> set[int]:
    """Return the slots of a run that the run before holds back."""
    if run.before is None:
        return set()
    earlier, engine = run.before.engine, run.engine
    nodes = engine.dag.nodes
    past = {node.task_id: [earlier.states[slot] for slot in earlier.slots_of(node)] for node in nodes}
    return {
        slot
        for node in nodes
        if node.asks_the_past and is_held_by_past(node, past, [nodes[index].task_id for index in node.downstream])
        for slot in engine.slots_of(node)
        if engine.states[slot] in WAITING
    }
