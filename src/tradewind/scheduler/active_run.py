"""One running DAG run in memory: its engine, and what orders and candidates are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.engine import Instance, RunEngine, first_map_indexes
from tradewind.core.ids import slot_of, task_instance_pk
from tradewind.core.limits import Candidate
from tradewind.core.retries import jitter_key_of
from tradewind.core.states import TaskInstanceState
from tradewind.metadata.batch import NewTaskInstance
from tradewind.serialization.messages import DagRunFacts, RunTask

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from tradewind.core.graph import CompiledDag, TaskNode
    from tradewind.core.ids import DagRunPk
    from tradewind.metadata.batch import RunRow, TaskInstanceRow
    from tradewind.scheduler.dags import DagState
    from tradewind.serialization.messages import Resumption


class ActiveRun:
    """A run that has started and not ended. Rebuilt from the database whenever somebody else changed it."""

    def __init__(self, run: RunRow, dag: DagState, instances: Iterable[Instance]) -> None:
        """Take the run's row, its DAG and its instances."""
        self.run = run
        self.dag = dag
        seed = jitter_key_of(run.dag_id, "", run.logical_date)
        self.engine = RunEngine(dag.compiled, instances, seed)
        self.facts = facts_of(run)
        self.first_started_at: dict[int, datetime] = {}
        """When the present try first began, by slot: a sensor may have given its process back since."""
        self.last_ended: dict[TaskInstanceState, int] = {}
        """Which slot came last to each of the states that end an instance: a DAG's callback is about one of them."""
        self.waits: dict[int, Resumption | None] = {}
        """Who waits outside the workers, by slot, and once that is over with what the try goes on."""
        self._timers: dict[int | None, Callable[[], None]] = {}

    @property
    def pk(self) -> DagRunPk:
        """The run's number."""
        return self.run.run_pk

    def candidate(self, slot: int) -> Candidate:
        """Return what the limits have to know of the instance in `slot`."""
        node = self.engine.node_of[slot]
        return Candidate(
            ti_pk=task_instance_pk(self.pk, slot),
            dag_id=self.run.dag_id,
            run_pk=self.pk,
            task_id=node.task_id,
            pool=node.pool,
            pool_slots=node.pool_slots,
            priority=node.priority_of(self.engine.tries[slot]),
            order=((self.run.logical_date or self.run.run_after).timestamp(), slot),
            max_active_tasks=self.dag.compiled.max_active_tasks,
            max_active_tis_per_dag=node.max_active_tis_per_dag,
            max_active_tis_per_dagrun=node.max_active_tis_per_dagrun,
            queue=node.queue,
            executor=node.executor,
        )

    def order(self, slot: int, log_path: Callable[[DagRunFacts, str, int, int], str], queued_at: datetime) -> RunTask:
        """Return the order to run the instance's current try."""
        node = self.engine.node_of[slot]
        try_number = self.engine.tries[slot]
        map_index = self.engine.map_index_of[slot]
        return RunTask(
            ti_pk=task_instance_pk(self.pk, slot),
            try_number=try_number,
            max_tries=self.engine.max_tries[slot],
            dag_file=self.dag.file,
            dag_id=self.run.dag_id,
            task_id=node.task_id,
            map_index=map_index,
            expanded_ti_count=self.engine.expanded_count(node),
            dag_run=self.facts,
            log_path=log_path(self.facts, node.task_id, map_index, try_number),
            pool=node.pool,
            pool_slots=node.pool_slots,
            queue=node.queue,
            priority_weight=node.priority_of(try_number),
            queued_at=queued_at,
            operator=node.operator,
            first_started_at=self.first_started_at.get(slot),
            resumption=self.waits.get(slot),
        )

    def arm(self, slot: int | None, cancel: Callable[[], None]) -> None:
        """Keep what cancels the timer of a slot, or with None that of the run; an earlier one is cancelled."""
        self._timers.pop(slot, _nothing)()
        self._timers[slot] = cancel

    def disarm(self) -> None:
        """Cancel every timer."""
        timers, self._timers = self._timers, {}
        for cancel in timers.values():
            cancel()


def _nothing() -> None:
    """Cancel nothing: there is no timer."""


def first_instances(run_pk: DagRunPk, dag: CompiledDag, rows: Collection[TaskInstanceRow]) -> list[NewTaskInstance]:
    """Return the rows of the tasks that a run meets for the first time, beside those that it has."""
    known = {(row.task_id, row.map_index >= 0) for row in rows}
    births = (
        (node, map_index)
        for node in dag.nodes
        if (node.task_id, False) not in known and not (node.is_mapped and (node.task_id, True) in known)
        for map_index in first_map_indexes(dag, node)
    )
    first_free = max((slot_of(row.ti_pk) for row in rows), default=-1) + 1
    return [new_instance(run_pk, slot, *birth) for slot, birth in enumerate(births, first_free)]


def new_instance(run_pk: DagRunPk, slot: int, node: TaskNode, map_index: int) -> NewTaskInstance:
    """Return the row of an instance that comes into being."""
    return NewTaskInstance(
        ti_pk=task_instance_pk(run_pk, slot),
        task_id=node.task_id,
        map_index=map_index,
        max_tries=node.retry.retries,
        operator=node.operator,
        pool=node.pool,
        pool_slots=node.pool_slots,
        queue=node.queue,
        priority_weight=node.priority_weight,
    )


def fresh(row: NewTaskInstance) -> Instance:
    """Return the engine's view of a row that is about to be inserted."""
    slot = slot_of(row.ti_pk)
    return Instance(slot, row.task_id, TaskInstanceState.NONE, 0, 0, row.max_tries, map_index=row.map_index)


def stored(row: TaskInstanceRow) -> Instance:
    """Return the engine's view of a row of the database."""
    return Instance(
        slot_of(row.ti_pk),
        row.task_id,
        row.state,
        row.version,
        row.try_number,
        row.max_tries,
        row.due_at,
        row.map_index,
        row.map_length,
    )


def facts_of(run: RunRow) -> DagRunFacts:
    """Return what a task may read of its run."""
    return DagRunFacts(
        pk=run.run_pk,
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type.value,
        logical_date=run.logical_date,
        data_interval_start=run.data_interval_start,
        data_interval_end=run.data_interval_end,
        run_after=run.run_after,
        queued_at=run.queued_at,
        start_date=run.started_at,
        end_date=run.ended_at,
        state=run.state.value,
        clear_number=run.clear_number,
        conf=run.conf,
        triggered_by=run.triggered_by,
        triggering_user_name=run.triggering_user_name,
        note=run.note,
        partition_key=run.partition_key,
        partition_date=run.partition_date,
    )
