"""The scheduler's loop: drain the inbox, decide with the core, write one transaction, dispatch.

One thread. A turn begins when a socket has something to read or a timer is due; everything that arrived meanwhile goes
into the same transaction, so that a quiet system answers at once and a busy one writes large batches.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.core.engine import Outcome
from tradewind.core.ids import DagRunPk, TaskInstancePk, run_pk_of, slot_of
from tradewind.core.limits import Limits
from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.executors.port import CallbackLost, Lost
from tradewind.metadata.batch import CallbackRequest, LeaseLostError, RenderedWrite, XComWrite
from tradewind.metadata.doorbell import Ring
from tradewind.metadata.errors import DatabaseUnavailableError
from tradewind.scheduler.active_run import facts_of
from tradewind.scheduler.collector import Collector
from tradewind.scheduler.creation import RunCreator
from tradewind.scheduler.dags import DagState
from tradewind.scheduler.patience import patient
from tradewind.scheduler.reactor import SelectorReactor
from tradewind.scheduler.run_book import RunBook
from tradewind.serialization.messages import (
    CallbackDone,
    ComputeNextRun,
    Finished,
    NextRunComputed,
    RunCallback,
    Started,
    XComPush,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tradewind.core.clock import Clock
    from tradewind.executors.port import Executor
    from tradewind.metadata.batch import CallbackRow, CommitResult, DagRow, RunRow, TaskTransition
    from tradewind.metadata.doorbell import Listener
    from tradewind.metadata.scheduling import SchedulerStore
    from tradewind.scheduler.active_run import ActiveRun
    from tradewind.scheduler.reactor import Delivery
    from tradewind.serialization.messages import DagRunFacts, StoreCall, StoreReply

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerOptions:
    """What the scheduler is told by the composition root. Durations in seconds."""

    parallelism: int = 32
    lease_ttl_s: float = 10.0
    heartbeat_interval_s: float = 3.0
    sweep_interval_s: float = 30.0
    """So often it looks for queued runs that no bell announced."""
    shutdown_grace_s: float = 10.0
    longest_backoff_s: float = 5.0


class Scheduler:
    """One scheduler process. Build it, call `run` in the main thread, `stop` from a signal handler."""

    def __init__(
        self,
        *,
        store: SchedulerStore,
        listener: Listener,
        executor: Executor,
        answer: Callable[[StoreCall], StoreReply],
        log_path: Callable[[DagRunFacts, str, int, int], str],
        clock: Clock,
        options: SchedulerOptions,
        on_heartbeat: Callable[[], None] | None = None,
    ) -> None:
        """Take the ports. `log_path(run, task_id, map_index, try_number)` names a try's log file.

        `on_heartbeat` is called at every renewal of the lease: for the health page.
        """
        self.dags: dict[str, DagState] = {}
        self.reactor = SelectorReactor(clock, self._answer)
        self._stopping = threading.Event()
        self._store = store = patient(store, self._stopping, options.longest_backoff_s)
        self._listener = listener
        self._executor = executor
        self._answer_call = answer
        self._log_path = log_path
        self._clock = clock
        self._options = options
        self._on_heartbeat = on_heartbeat
        self._epoch = 0
        self._collector = Collector()
        self.limits = Limits(options.parallelism, ())
        self.book = RunBook(store, self.limits, self._collector, self.reactor, clock)
        self.creator = RunCreator(self.dags, self.book, self._collector, self.reactor, clock, self._submit)
        self._orders: list[RunCallback | ComputeNextRun] = []
        self._callbacks: dict[int, CallbackRow] = {}
        self._homeless: dict[str, set[DagRunPk]] = {}
        """Runs under way whose DAG is not in the DAG folder: they go on when it comes back."""

    # ---- life ----------------------------------------------------------------------------------------------------------

    def run(self, epoch: int, on_ready: Callable[[], None] | None = None) -> None:
        """Schedule under the lease of `epoch` until `stop`; `on_ready` is called when everything stored is taken up.

        Raises `LeaseLostError` when another scheduler has taken over.
        """
        self._epoch = epoch
        self._executor.start(self.reactor)
        self.reactor.watch(self._listener.fileno(), self._hear)
        try:
            self._boot()
            self._every(self._options.heartbeat_interval_s, self._beat)
            self._every(self._options.sweep_interval_s, self._sweep)
            self.turn()
            if on_ready is not None:
                on_ready()
            while not self._stopping.is_set():
                self.reactor.turn()
                self.turn()
        finally:
            self._executor.stop(self._options.shutdown_grace_s)
            self._finish_up()
            self.reactor.close()

    def stop(self) -> None:
        """Ask the loop to end. Safe from a signal handler and from other threads."""
        self._stopping.set()
        self.reactor.wake()

    def turn(self) -> None:
        """Handle everything that has arrived, write it, and hand out what became possible; until nothing follows."""
        while True:
            self._absorb()
            self.book.admit()
            follows = self._commit()
            self._dispatch()
            if not follows:
                break

    # ---- arrivals ------------------------------------------------------------------------------------------------------

    def _absorb(self) -> None:
        for delivery in self.reactor.take_inbox():
            self._take(delivery)

    def _take(self, delivery: Delivery) -> None:
        match delivery:
            case Started():
                self._take_started(delivery)
            case Finished():
                self._take_finished(delivery)
            case XComPush():
                self._collector.batch.xcoms.append(
                    XComWrite(TaskInstancePk(delivery.ti_pk), delivery.key, delivery.value),
                )
            case Lost():
                self._take_lost(delivery)
            case Ring():
                self._take_ring(delivery)
            case CallbackDone() | CallbackLost():
                self._take_callback_end(delivery)
            case NextRunComputed():
                self.creator.take_computed(delivery)
            case _:
                pass

    def _take_started(self, report: Started) -> None:
        active = self.book.find(TaskInstancePk(report.ti_pk))
        if active is None:
            return
        slot = slot_of(TaskInstancePk(report.ti_pk))
        row = self.book.apply(active, active.engine.start(slot, report.try_number))
        active.first_started_at.setdefault(slot, report.started_at)
        if row is not None:
            row.started_at, row.pid = report.started_at, report.pid

    def _take_finished(self, report: Finished) -> None:
        ti_pk = TaskInstancePk(report.ti_pk)
        if self.book.in_flight.get(ti_pk) == report.try_number:
            del self.book.in_flight[ti_pk]
        active = self.book.find(ti_pk)
        if active is None:
            return
        slot, batch = slot_of(ti_pk), self._collector.batch
        batch.xcoms.extend(XComWrite(ti_pk, xcom.key, xcom.value) for xcom in report.xcoms)
        if report.rendered_fields is not None:
            batch.rendered.append(RenderedWrite(ti_pk, report.rendered_fields))
        if active.engine.states[slot] is TaskInstanceState.RESTARTING:
            self.book.apply(active, active.engine.rescue(slot))
            return
        outcome = Outcome(report.outcome)
        effects = active.engine.end(
            slot,
            report.try_number,
            Outcome.FAILED if outcome is Outcome.KILLED else outcome,
            report.ended_at,
            skips=active.slots_of(report.skip_task_ids),
            due_at=report.reschedule_at or report.retry_at,
        )
        if outcome is not Outcome.RESCHEDULE:
            active.first_started_at.pop(slot, None)
        self.book.apply(active, effects)
        row = self._collector.row_of(ti_pk)
        if row is not None:
            _fill_in(row, report)

    def _take_lost(self, lost: Lost) -> None:
        ti_pk = lost.ti_pk
        if self.book.in_flight.get(ti_pk) == lost.try_number:
            del self.book.in_flight[ti_pk]
        active = self.book.find(ti_pk)
        if active is None:
            return
        slot = slot_of(ti_pk)
        _log.warning("%s: try %d lost: %s", _name(active, slot), lost.try_number, lost.reason)
        if active.engine.states[slot] is TaskInstanceState.RESTARTING:
            self.book.apply(active, active.engine.rescue(slot))
            return
        now = self._clock.now()
        self.book.apply(active, active.engine.lose(slot, lost.try_number, now, was_started=lost.was_started))
        row = self._collector.row_of(ti_pk)
        if row is not None:
            row.note = lost.reason
        if lost.was_started:
            self._call_back_for(active, slot, lost)

    def _call_back_for(self, active: ActiveRun, slot: int, lost: Lost) -> None:
        """The lost process cannot call the task's own callback any more: another one does."""
        node = active.engine.node_of.get(slot)
        state = active.engine.states[slot]
        name = "on_retry_callback" if state is TaskInstanceState.UP_FOR_RETRY else "on_failure_callback"
        if node is not None and name in active.dag.task_callbacks.get(node.task_id, ()):
            self._collector.batch.callbacks.append(
                CallbackRequest(
                    active.pk,
                    active.run.dag_id,
                    active.run.run_id,
                    name,
                    lost.reason,
                    task_id=node.task_id,
                    try_number=lost.try_number,
                ),
            )

    def _take_callback_end(self, end: CallbackDone | CallbackLost) -> None:
        if isinstance(end, CallbackDone) and end.error is not None:
            _log.error("callback %d failed: %s", end.callback_pk, end.error)
        elif isinstance(end, CallbackLost):
            _log.error("callback %d lost its process: %s", end.callback_pk, end.reason)
        if self._callbacks.pop(end.callback_pk, None) is not None:
            self._collector.batch.callbacks_done.append(end.callback_pk)

    # ---- bells ---------------------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        for ring in self._listener.drain():
            self.reactor.deliver(ring)

    def _take_ring(self, ring: Ring) -> None:
        if ring.topic == "run":
            pk = DagRunPk(int(ring.payload or 0))
            self._look_for_runs(pk)
        elif ring.topic == "dag":
            self._refresh_dag(ring.payload)
        elif ring.topic == "pool":
            self._refresh_pools()
        elif ring.topic == "resync":
            self._resync()

    def _look_for_runs(self, pk: DagRunPk) -> None:
        if pk in self.book.runs or pk in self.creator.queued:
            self._reload(pk)
            return
        runs = self._store.load_runs([pk]) if pk else self._store.load_queued_runs()
        self._line_up(run for run in runs if run.run_pk not in self.book.runs)

    def _line_up(self, runs: Iterable[RunRow]) -> None:
        queued = [run for run in runs if run.state is DagRunState.QUEUED]
        self.creator.take_created(queued)

    def _reload(self, pk: DagRunPk) -> None:
        self._commit_pending()
        self.creator.queued.pop(pk, None)
        waiting = self.book.reload(pk, self.dags.get)
        if waiting is not None and waiting.state is DagRunState.QUEUED:
            self.creator.take_created([waiting])
        elif waiting is not None:
            self._homeless.setdefault(waiting.dag_id, set()).add(pk)

    def _refresh_dag(self, dag_id: str) -> None:
        rows = self._store.load_dags([dag_id] if dag_id else None)
        for row in rows:
            self._take_dag(row)
        if dag_id and not rows and (gone := self.dags.get(dag_id)) is not None:
            gone.is_present = False
            self.creator.forget(dag_id)
            self.limits.set_paused(dag_id, is_paused=True)

    def _take_dag(self, row: DagRow) -> None:
        before = self.dags.get(row.dag_id)
        dag = self.dags[row.dag_id] = DagState(row, before)
        if before is None:
            for run in self._store.load_runs(sorted(self._homeless.pop(row.dag_id, ()))):
                self._take_up(run)
        elif before.row.version_hash == row.version_hash:
            for pk in self.book.by_dag.get(row.dag_id, ()):
                self.book.runs[pk].dag = dag
        else:
            # Runs of a DAG folder without versions of its own go on with the newest structure, as in Airflow.
            for pk in list(self.book.by_dag.get(row.dag_id, ())):
                self._reload(pk)
        self.limits.set_paused(row.dag_id, is_paused=dag.is_frozen)
        self.creator.plan(dag)
        self.creator.start_queued(row.dag_id)

    def _refresh_pools(self) -> None:
        self.limits.set_pools((pool.name, pool.slots, pool.include_deferred) for pool in self._store.load_pools())

    # ---- boot and healing ----------------------------------------------------------------------------------------------

    def _boot(self) -> None:
        self._refresh_pools()
        for row in self._store.load_dags():
            self.dags[row.dag_id] = DagState(row)
            self.limits.set_paused(row.dag_id, is_paused=row.is_paused)
        runs = self._store.load_unfinished_runs()
        for run in runs:
            if run.state is DagRunState.RUNNING:
                self._take_up(run)
        self._line_up(runs)
        for dag in self.dags.values():
            self.creator.plan(dag)
        for callback in self._store.load_callbacks():
            self._call_back(callback)

    def _take_up(self, run: RunRow) -> None:
        dag = self.dags.get(run.dag_id)
        if dag is None:
            self._homeless.setdefault(run.dag_id, set()).add(run.run_pk)
        else:
            self.book.resume(run, dag, self._store.load_task_instances(run.run_pk), rescues=True)

    def _resync(self) -> None:
        self._refresh_pools()
        present = {row.dag_id: row for row in self._store.load_dags()}
        for dag_id in [dag_id for dag_id in self.dags if dag_id not in present]:
            self._refresh_dag(dag_id)
        for row in present.values():
            known = self.dags.get(row.dag_id)
            if known is None or known.row != row:
                self._take_dag(row)
        for pk in list(self.book.runs):
            self._reload(pk)
        self._look_for_runs(DagRunPk(0))

    def _sweep(self) -> None:
        self._look_for_runs(DagRunPk(0))

    def _beat(self) -> None:
        self._store.renew_lease(self._clock.now())
        if self._on_heartbeat is not None:
            self._on_heartbeat()

    def _every(self, interval_s: float, action: Callable[[], None]) -> None:
        def tick() -> None:
            action()
            self.reactor.call_after(interval_s, tick)

        self.reactor.call_after(interval_s, tick)

    # ---- writing -------------------------------------------------------------------------------------------------------

    def _commit(self) -> bool:
        """Write what was collected; True when something follows from it that has to be written too."""
        result = self._commit_pending()
        has_past_moved = self.book.check_past()
        ended, self.book.ended = self.book.ended, []
        for active in ended:
            self.book.leave(active.pk)
        for active in ended:
            self.creator.run_ended(active.run.dag_id)
        if result is not None:
            self.creator.take_created(result.created_runs)
        return bool(self._collector.batch) or has_past_moved or bool(self.reactor.inbox)

    def _commit_pending(self) -> CommitResult | None:
        batch = self._collector.take()
        if not batch:
            return None
        result = self._store.commit(batch, epoch=self._epoch)
        for callback in result.created_callbacks:
            self._call_back(callback)
        stale = {run_pk_of(pk) for pk in result.stale_task_instances} | set(result.stale_runs)
        for pk in stale:
            _log.info("run %d was changed by somebody else: reading it again", pk)
            self._reload(pk)
        return result

    # ---- handing out ---------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        pending, self.book.to_dispatch = self.book.to_dispatch, []
        now = self._clock.now()
        for ti_pk in pending:
            active = self.book.find(ti_pk)
            slot = slot_of(ti_pk)
            if active is not None and active.engine.states[slot] is TaskInstanceState.QUEUED:
                self.book.in_flight[ti_pk] = active.engine.tries[slot]
                self._executor.submit(active.order(slot, self._log_path, now))
        kills, self.book.kills = self.book.kills, []
        for ti_pk, try_number in kills:
            self._executor.kill(ti_pk, try_number)
        orders, self._orders = self._orders, []
        for order in orders:
            self._executor.submit(order)
        self._executor.flush()

    def _submit(self, order: RunCallback | ComputeNextRun) -> None:
        self._orders.append(order)

    def _call_back(self, callback: CallbackRow) -> None:
        request = callback.request
        dag = self.dags.get(request.dag_id)
        run = next(iter(self._store.load_runs([request.run_pk])), None)
        if dag is None or run is None:
            self._collector.batch.callbacks_done.append(callback.callback_pk)
            return
        facts = facts_of(run)
        self._callbacks[callback.callback_pk] = callback
        self._orders.append(
            RunCallback(
                callback_pk=callback.callback_pk,
                dag_file=dag.file,
                dag_id=request.dag_id,
                dag_run=facts,
                task_id=request.task_id,
                map_index=request.map_index,
                try_number=request.try_number,
                name=request.name,
                reason=request.reason,
                log_path=self._log_path(facts, request.task_id or "callback", request.map_index, request.try_number),
            ),
        )

    def _answer(self, call: StoreCall) -> StoreReply:
        """Answer a worker: what it pushed before comes first, so that it reads its own writes."""
        self._absorb()
        self._commit()
        return self._answer_call(call)

    def _finish_up(self) -> None:
        """Write what the executor reported while it stopped; what cannot be written is rescued at the next start."""
        try:
            self._absorb()
            self._commit()
        except (DatabaseUnavailableError, LeaseLostError) as error:
            _log.warning("last reports not written: %s", error)


def _fill_in(row: TaskTransition, report: Finished) -> None:
    row.started_at = row.started_at or report.started_at
    row.ended_at = report.ended_at
    row.note = report.error or report.note


def _name(active: ActiveRun, slot: int) -> str:
    node = active.engine.node_of.get(slot)
    return f"{active.run.dag_id} {active.run.run_id} {node.task_id if node else slot}"
