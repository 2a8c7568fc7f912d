"""Why a task instance is not running, from the rows of the database: the same core that decides says so.

Everything is read anew for each question. What the scheduler knows and never writes, such as an executor without a free
worker, is not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.engine import Instance, RunEngine, first_map_indexes
from tradewind.core.explain import Facts, explain
from tradewind.core.ids import slot_of, task_instance_pk
from tradewind.core.limits import Candidate, Hold, Limits
from tradewind.core.past import begins_after, is_first_of_backfill, past_blocker
from tradewind.core.runs import QueuedRun, RunRoom, run_blockers
from tradewind.core.states import HOLDING_SLOT, RUN_FINISHED, DagRunState, TaskInstanceState
from tradewind.metadata.backfills import BackfillStore
from tradewind.metadata.dags.reading import DagReading
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.runs.listing import RunFilter, TaskInstanceFilter, get_run, list_runs, list_task_instances
from tradewind.metadata.scheduling.loading import Loading
from tradewind.serialization.compile import compile_document
from tradewind.serialization.document import decode_document

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.core.explain import Explanation
    from tradewind.core.graph import CompiledDag, TaskNode
    from tradewind.core.limits import Blocker
    from tradewind.metadata.dags.records import DagDetail
    from tradewind.metadata.database import Database
    from tradewind.metadata.runs.records import RunDetail, TaskInstanceDetail
    from tradewind.serialization.document import DagDocument

_S = TaskInstanceState
_HOLDS = {_S.DEFERRED: Hold.DEFERRED, _S.AWAITING_INPUT: Hold.AWAITING_INPUT}
_MANY = 1 << 30
"""For instances of a DAG that is gone: nothing of it is admitted any more."""
_COUNTED = tuple(state.value for state in (_S.SCHEDULED, *HOLDING_SLOT, *_HOLDS))


def explain_task_instance(
    database: Database,
    clock: Clock,
    *,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int = -1,
    parallelism: int,
) -> Explanation:
    """Say why the task instance stands where it stands. `parallelism` is the installation's core.parallelism.

    Raises `NotFoundError` when there is no such DAG, run or task.
    """
    return _Question(database, clock, dag_id, run_id).answer(task_id, map_index, parallelism)


class _Question:
    """One run, and what of the others bears on it."""

    def __init__(self, database: Database, clock: Clock, dag_id: str, run_id: str) -> None:
        self._database = database
        self._loading = Loading(database)
        self._reading = DagReading(database)
        self._backfills = BackfillStore(database, clock)
        self._now = clock.now()
        self._dag: DagDetail = self._reading.get_dag(dag_id)
        self._run: RunDetail = get_run(database, dag_id, run_id)
        self._document = self._document_of_run()
        self._compiled = compile_document(self._document)
        self._rows = _instances(database, self._run)

    def answer(self, task_id: str, map_index: int, parallelism: int) -> Explanation:
        engine = RunEngine(self._compiled, _known(self._rows) + self._to_come())
        slot = self._slot(engine, task_id, map_index)
        node = engine.node_of.get(slot)
        past = None if node is None else self._past(node)
        if past is not None:
            engine.held_by_past.add(slot)
        facts = Facts(
            ti_pk=task_instance_pk(self._run.run_pk, slot),
            now=self._now,
            run_blockers=self._run_blockers(),
            is_paused=self._dag.is_paused,
            past=past,
        )
        return explain(engine, slot, self._limits(parallelism), facts)

    def _document_of_run(self) -> DagDocument:
        """Return what the run goes on with: the newest version, or the one it is pinned to; once it is over, its last."""
        version_pk = self._run.dag_version_pk
        is_pinned = self._run.state in RUN_FINISHED or self._run.bundle_version is not None
        if is_pinned and version_pk is not None:
            return decode_document(self._loading.load_document(version_pk))
        return decode_document(self._reading.get_document(self._run.dag_id))

    def _to_come(self) -> list[Instance]:
        """Return the instances that the run gets when it starts, or goes on with a newer version of its DAG."""
        known = {row.task_id for row in self._rows}
        free = max((slot_of(row.ti_pk) for row in self._rows), default=-1) + 1
        births = (
            (node, map_index)
            for node in self._compiled.nodes
            if node.task_id not in known
            for map_index in first_map_indexes(self._compiled, node)
        )
        return [
            Instance(slot, node.task_id, _S.NONE, 0, 0, node.retry.retries, map_index=map_index)
            for slot, (node, map_index) in enumerate(births, free)
        ]

    def _slot(self, engine: RunEngine, task_id: str, map_index: int) -> int:
        for row in self._rows:
            if (row.task_id, row.map_index) == (task_id, map_index):
                return slot_of(row.ti_pk)
        node = engine.dag.node(task_id)
        slots = {} if node is None else engine.roster.slots[node.index]
        if map_index not in slots:
            mapped = "" if map_index == -1 else f" with map index {map_index}"
            msg = f"run {self._run.run_id!r} of DAG {self._run.dag_id!r} has no task instance {task_id!r}{mapped}"
            if slots and max(slots) >= 0:
                msg += f": the task is mapped, give a map index from 0 to {max(slots)}"
            raise NotFoundError(msg)
        return slots[map_index]

    def _run_blockers(self) -> tuple[Blocker, ...] | None:
        run = self._run
        if run.state is not DagRunState.QUEUED:
            return None
        active, _ = list_runs(self._database, RunFilter(dag_ids=(run.dag_id,), states=(DagRunState.RUNNING.value,)))
        owner = None if run.backfill_pk is None else next(iter(self._backfills.load_backfills([run.backfill_pk])), None)
        room = RunRoom(
            run.dag_id,
            self._document.max_active_runs if owner is None else owner.max_active_runs,
            tuple(other.run_pk for other in active if other.backfill_pk == run.backfill_pk),
            is_paused=self._dag.is_paused,
            backfill_pk=run.backfill_pk,
            is_backfill_paused=owner is not None and owner.completed_at is None and owner.is_paused,
        )
        return tuple(run_blockers(QueuedRun(run.run_pk, run.run_after, run.logical_date), room, self._now))

    def _past(self, node: TaskNode) -> Blocker | None:
        logical_date: datetime | None = self._run.logical_date
        if not node.asks_the_past or logical_date is None or is_first_of_backfill(self._run.backfill_ordinal):
            return None
        if self._document.catchup:
            own = next((task.start_date for task in self._document.tasks if task.task_id == node.task_id), None)
            previous = self._loading.previous_logical_date(self._run.dag_id, logical_date)
            if begins_after(previous, own or self._document.start_date, is_catchup=True):
                return None
        downstream = [self._compiled.nodes[index].task_id for index in node.downstream]
        past = self._loading.previous_task_states(
            self._run.dag_id,
            logical_date,
            [node.task_id, *downstream],
            scheduled_only=self._document.catchup,
        )
        if past is None:
            return None
        # An empty list is a task that the run before does not have and an earlier one has.
        present = {task_id: states for task_id, states in past.items() if states}
        return past_blocker(node, present, downstream, has_earlier=past.get(node.task_id) == [])

    def _limits(self, parallelism: int) -> Limits:
        """Return the limits with everyone who waits for them or holds of them."""
        pools = [(pool.name, pool.slots, pool.include_deferred) for pool in self._loading.load_pools()]
        limits = Limits(parallelism, pools)
        counted, _ = list_task_instances(self._database, TaskInstanceFilter(states=_COUNTED))
        dags = {row.dag_id: row for row in self._loading.load_dags({row.dag_id for row in counted})}
        compiled = {dag_id: compile_document(decode_document(row.document)) for dag_id, row in dags.items()}
        for dag_id, row in dags.items():
            limits.set_paused(dag_id, is_paused=row.is_paused)
        for row in counted:
            candidate = _candidate(row, compiled.get(row.dag_id))
            if row.state is _S.SCHEDULED:
                limits.offer(candidate)
            else:
                limits.hold(candidate, _HOLDS.get(row.state, Hold.SLOT))
        return limits


def _instances(database: Database, run: RunDetail) -> list[TaskInstanceDetail]:
    return list_task_instances(database, TaskInstanceFilter(runs=RunFilter(run_pks=(run.run_pk,))))[0]


def _known(rows: list[TaskInstanceDetail]) -> list[Instance]:
    return [
        Instance(
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
        for row in rows
    ]


def _candidate(row: TaskInstanceDetail, dag: CompiledDag | None) -> Candidate:
    """Return what the limits have to know: as the newest version of the DAG has it, which is what the scheduler goes by."""
    node = None if dag is None else dag.node(row.task_id)
    source: TaskNode | TaskInstanceDetail = node or row
    return Candidate(
        ti_pk=row.ti_pk,
        dag_id=row.dag_id,
        run_pk=row.run_pk,
        task_id=row.task_id,
        pool=source.pool,
        pool_slots=source.pool_slots,
        priority=source.priority_weight,
        order=((row.logical_date or row.run_after).timestamp(), slot_of(row.ti_pk)),
        max_active_tasks=_MANY if dag is None else dag.max_active_tasks,
        max_active_tis_per_dag=None if node is None else node.max_active_tis_per_dag,
        max_active_tis_per_dagrun=None if node is None else node.max_active_tis_per_dagrun,
        queue=source.queue,
        executor=None if node is None else node.executor,
    )
