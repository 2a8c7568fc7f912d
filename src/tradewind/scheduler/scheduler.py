"""The scheduler's loop: drain the inbox, decide with the core, write one transaction, dispatch.

One thread. A turn begins when a socket has something to read or a timer is due; everything that arrived meanwhile goes
into the same transaction, so that a quiet system answers at once and a busy one writes large batches.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

from tradewind.core.engine import Outcome
from tradewind.core.ids import DagRunPk, run_pk_of, slot_of
from tradewind.core.limits import Limits
from tradewind.core.runs import should_pause
from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.executors.port import CallbackLost, Lost
from tradewind.metadata.batch import LeaseLostError
from tradewind.metadata.doorbell import Ring
from tradewind.metadata.errors import DatabaseUnavailableError, NotFoundError
from tradewind.scheduler.assets.runs import AssetRuns
from tradewind.scheduler.backfills import BackfillDesk
from tradewind.scheduler.calling.deadlines import DeadlineDesk
from tradewind.scheduler.calling.desk import CallbackDesk
from tradewind.scheduler.collector import Collector
from tradewind.scheduler.creation import RunCreator
from tradewind.scheduler.dags import DagState, Versions, absent_dag
from tradewind.scheduler.patience import patient
from tradewind.scheduler.reactor import SelectorReactor
from tradewind.scheduler.reports import ReportTaker
from tradewind.scheduler.run_book import RunBook
from tradewind.serialization.messages import (
    CallbackDone,
    ComputeNextRun,
    Finished,
    NextRunComputed,
    RunCallback,
    Started,
    StoreReply,
    XComPush,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.core.clock import Clock
    from tradewind.executors.port import Executor
    from tradewind.metadata.backfills import BackfillStore
    from tradewind.metadata.batch import DagRow, RunRow
    from tradewind.metadata.doorbell import Listener
    from tradewind.metadata.scheduling import SchedulerStore
    from tradewind.scheduler.active_run import ActiveRun
    from tradewind.scheduler.reactor import Delivery
    from tradewind.serialization.messages import DagRunFacts, StoreCall

_log = logging.getLogger(__name__)

_OVERLAP = 100
"""A run with a lower number may be committed after one with a higher number; so far back a look for new ones goes."""

_LISTEN_AGAIN_S = 1.0


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
    skips_missed: bool = False
    """Whether a DAG without catchup that is unpaused waits for its next run, instead of making the last missed one."""
    checks_slas: bool = True
    """Whether the `sla` of tasks is looked at."""


class Scheduler:
    """One scheduler process. Build it, call `run` in the main thread, `stop` from a signal handler."""

    def __init__(  # noqa: PLR0913 - one for each port
        self,
        *,
        store: SchedulerStore,
        backfills: BackfillStore,
        listener: Listener,
        executor: Executor,
        answer: Callable[[StoreCall], StoreReply],
        log_path: Callable[[DagRunFacts, str, int, int], str],
        clock: Clock,
        options: SchedulerOptions,
        on_heartbeat: Callable[[], None] | None = None,
    ) -> None:
        """Take the ports; `listener` and `executor` are closed at the end.

        `log_path(run, task_id, map_index, try_number)` names a try's log file. `on_heartbeat` is called at every renewal
        of the lease: for the health page.
        """
        self.dags: dict[str, DagState] = {}
        self.reactor = SelectorReactor(clock, self._answer)
        self._stopping = threading.Event()
        self._store = store = patient(store, self._stopping, options.longest_backoff_s, self._note_outage)
        self._listener = listener
        self._executor = executor
        self._answer_call = answer
        self._log_path = log_path
        self._clock = clock
        self._options = options
        self._on_heartbeat = on_heartbeat
        self._epoch = 0
        self._collector = collector = Collector()
        self.limits = Limits(options.parallelism, ())
        self.book = RunBook(store, self.limits, collector, self.reactor, clock)
        self._versions = Versions(store.load_document)
        self.backfills = BackfillDesk(
            patient(backfills, self._stopping, options.longest_backoff_s, self._note_outage),
            self.dags,
            self.book,
            self.reactor,
            self._submit,
        )
        self.creator = RunCreator(
            self.dags, self.book, collector, self.reactor, clock, self._submit, self.backfills, self._version_for
        )
        self.creator.skips_missed = options.skips_missed
        self.backfills.on_progress = self.creator.fill_backfill
        self.assets = AssetRuns(store, self.dags, collector, self.creator.has_room)
        self.callbacks = CallbackDesk(store, self.dags, collector, log_path, self._submit)
        self.deadlines = DeadlineDesk(
            store, self.dags, collector, self.reactor, clock, answer, checks_slas=options.checks_slas
        )
        self.callbacks.on_end = self.deadlines.take_end
        self.creator.on_line_up = self.deadlines.take
        self._reports = ReportTaker(self.book, collector, clock)
        self._orders: list[RunCallback | ComputeNextRun] = []
        self._had_outage = False
        self._lost_lease: LeaseLostError | None = None

    # ---- life ----------------------------------------------------------------------------------------------------------

    def run(self, epoch: int, on_ready: Callable[[], None] | None = None) -> None:
        """Schedule under the lease of `epoch` until `stop`; `on_ready` is called when everything stored is taken up.

        Raises `LeaseLostError` when another scheduler has taken over.
        """
        self._executor.start(self.reactor)
        try:
            self.start(epoch)
            if on_ready is not None:
                on_ready()
            while not self._stopping.is_set():
                self.step(wait=True)
        except LeaseLostError as error:
            self._lost_lease = error
            raise
        except DatabaseUnavailableError as error:
            if not self._stopping.is_set():
                raise
            _log.warning("stopping without the database: %s", error)
        finally:
            self.close()

    def start(self, epoch: int) -> None:
        """Take up everything that is stored, under the lease of `epoch`. The executor has been started."""
        self._epoch = self.backfills.epoch = self.book.epoch = epoch
        self.reactor.watch(self._listener.fileno(), self._hear)
        self._boot()
        self._every(self._options.heartbeat_interval_s, self._beat)
        self._every(self._options.sweep_interval_s, self._sweep)
        self.turn()

    def step(self, *, wait: bool = False) -> None:
        """Take in what has arrived and what is due, or wait for it, and do all that follows."""
        self.reactor.turn(wait=wait)
        self.turn()

    def stop(self) -> None:
        """Ask the loop to end. Safe from a signal handler and from other threads."""
        self._stopping.set()
        self.reactor.wake()

    def turn(self) -> None:
        """Handle everything that has arrived, write it, and hand out what became possible; until nothing follows."""
        while True:
            if self._lost_lease is not None:
                raise self._lost_lease
            self._absorb()
            self.book.admit()
            follows = self._commit()
            self._dispatch()
            if not follows:
                break

    def close(self) -> None:
        """End what is at work, write what it reported until then, and give everything back.

        Under a lost lease nothing is waited for and nothing written: the other scheduler runs the same tries again.
        """
        self._stopping.set()
        try:
            self._executor.stop(0.0 if self._lost_lease is not None else self._options.shutdown_grace_s)
            self._finish_up()
        finally:
            self.reactor.close()
            self._listener.close()

    # ---- arrivals ------------------------------------------------------------------------------------------------------

    def _absorb(self) -> None:
        rung: set[Ring] = set()
        for delivery in self.reactor.take_inbox():
            if isinstance(delivery, Ring):
                # What the first of them reads is newer than the last of them.
                if delivery in rung:
                    continue
                rung.add(delivery)
            self._take(delivery)

    def _take(self, delivery: Delivery) -> None:
        match delivery:
            case Finished():
                self._reports.take_finished(delivery)
            case Started():
                self._reports.take_started(delivery)
            case XComPush():
                self._reports.take_push(delivery)
            case Lost():
                self._reports.take_lost(delivery)
            case Ring():
                self._take_ring(delivery)
            case CallbackDone() | CallbackLost():
                self.callbacks.take_end(delivery)
            case NextRunComputed():
                if not self.backfills.layout.take_computed(delivery):
                    self.creator.take_computed(delivery)
            case _:
                pass

    # ---- bells ---------------------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        try:
            rings = self._listener.drain()
        except DatabaseUnavailableError as error:
            # Until it hears again nothing is readable; its first word then is to read everything anew.
            _log.warning("deaf to changes by others, trying again in %g s: %s", _LISTEN_AGAIN_S, error)
            self.reactor.call_after(_LISTEN_AGAIN_S, self._hear)
            return
        for ring in rings:
            self.reactor.deliver(ring)

    def _take_ring(self, ring: Ring) -> None:
        if ring.topic == "run":
            pk = int(ring.payload or 0)
            if pk:
                self._reload(DagRunPk(pk))
            else:
                self._look_for_queued_runs(is_complete=False)
        elif ring.topic == "dag":
            self._refresh_dag(ring.payload)
        elif ring.topic == "asset":
            self.assets.hear_all()
        elif ring.topic == "pool":
            self._refresh_pools()
        elif ring.topic == "backfill":
            self._refresh_backfill(int(ring.payload))
        elif ring.topic == "event":
            self.book.waits.take_fired()
        elif ring.topic == "plugins":
            self.book.listened = self._store.load_listened_hooks()
        elif ring.topic == "resync":
            self._resync()

    def _refresh_backfill(self, pk: int) -> None:
        dag_id = self.backfills.refresh(pk)
        if dag_id is not None:
            self.creator.start_queued(dag_id)
            self.backfills.look(dag_id)

    def _sweep(self) -> None:
        """Find what no bell announced."""
        self._look_for_queued_runs(is_complete=True)
        self.book.waits.take_fired()
        self.backfills.load()
        self.backfills.go_on()

    def _look_for_queued_runs(self, *, is_complete: bool) -> None:
        """Line queued runs up: all of them, or the new ones."""
        queue = self.creator.queue
        runs = self._store.load_queued_runs(0 if is_complete else max(0, queue.newest_pk - _OVERLAP))
        runs = [run for run in runs if run.run_pk not in self.book.runs]
        if is_complete:
            queue.keep_only(run.run_pk for run in runs)
        self.creator.line_up(runs)

    def _reload(self, pk: DagRunPk) -> None:
        """Somebody else has changed a run, or something of it: whatever is known of it is read again."""
        self._write_all()
        active = self.book.runs.get(pk)
        before = active.run if active is not None else self.creator.queue.drop(pk)
        run = self.book.reload(pk, self._dag_of)
        if run is not None and run.state is DagRunState.QUEUED:
            self.creator.line_up([run])
        found = run or before
        if found is not None:
            self.book.tell_past(found)
            if pk not in self.book.runs:
                self.deadlines.run_ended(found)
                self.creator.run_ended(found.dag_id)
                self.assets.run_ended(found.dag_id)

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
        self.limits.set_paused(row.dag_id, is_paused=dag.is_frozen)
        pks = list(self.book.by_dag.get(row.dag_id, ()))
        # Runs of a bundle without versions go on with the newest structure, as in Airflow; others keep theirs.
        following = [pk for pk in pks if self.book.runs[pk].run.bundle_version is None]
        if before is not None and before.row.version_hash == row.version_hash:
            for pk in following:
                self.book.runs[pk].dag = dag
        elif following:
            self._write_all()
            self._store.follow_version(following, row.version_pk, epoch=self._epoch)
            for pk in following:
                self._reload(pk)
        self.creator.plan(dag, is_awake=before is not None and not before.is_frozen)
        self.creator.start_queued(row.dag_id)
        self.backfills.look(row.dag_id)
        self.assets.dag_changed(row.dag_id)
        self.callbacks.dag_is_back(row.dag_id)

    def _refresh_pools(self) -> None:
        self.limits.set_pools((pool.name, pool.slots, pool.include_deferred) for pool in self._store.load_pools())

    # ---- boot and healing ----------------------------------------------------------------------------------------------

    def _boot(self) -> None:
        self._refresh_pools()
        self.book.listened = self._store.load_listened_hooks()
        for row in self._store.load_dags():
            self.dags[row.dag_id] = DagState(row)
            self.limits.set_paused(row.dag_id, is_paused=row.is_paused)
        self.backfills.load()
        runs = self._store.load_unfinished_runs()
        for run in runs:
            if run.state is DagRunState.RUNNING and (dag := self._dag_of(run)) is not None:
                self.book.resume(run, dag, self._store.load_task_instances(run.run_pk), rescues=True)
        self.creator.line_up(run for run in runs if run.state is DagRunState.QUEUED)
        for dag in list(self.dags.values()):
            self.creator.plan(dag)
        self.backfills.go_on()
        self.assets.hear_all()
        self.callbacks.find_again()
        self.deadlines.find_again()

    def _dag_of(self, run: RunRow) -> DagState | None:
        """Return the DAG of a run; one whose file is gone is frozen, in the version that the run had last."""
        dag = self.dags.get(run.dag_id)
        if dag is None:
            try:
                dag = absent_dag(run, self._store.load_document(run.dag_version_pk or 0))
            except NotFoundError as error:
                _log.error("run %s of DAG %s stands still: %s", run.run_id, run.dag_id, error)
                return None
            self.dags[run.dag_id] = dag
            self.limits.set_paused(run.dag_id, is_paused=True)
        return self._version_for(run)

    def _version_for(self, run: RunRow) -> DagState | None:
        """Return the version of its DAG that a run goes by; None, with a word about it, where that one is gone."""
        try:
            return self._versions.of(run, self.dags[run.dag_id])
        except NotFoundError as error:
            _log.error("run %s of DAG %s stands still: %s", run.run_id, run.dag_id, error)
            return None

    def _resync(self) -> None:
        """Read everything again: rings, or the answer to a commit, were lost."""
        self._write_all()
        self._refresh_pools()
        # Every run is known again before a schedule may create another one.
        self._look_for_queued_runs(is_complete=True)
        running = {run.run_pk for run in self._store.load_unfinished_runs() if run.state is DagRunState.RUNNING}
        for pk in sorted(running | self.book.runs.keys()):
            self._reload(pk)
        present = {row.dag_id: row for row in self._store.load_dags()}
        for dag_id in [dag_id for dag_id in self.dags if dag_id not in present]:
            self._refresh_dag(dag_id)
        for row in present.values():
            known = self.dags.get(row.dag_id)
            if known is None or known.row != row or not known.is_present:
                self._take_dag(row)
        self.assets.hear_all()
        self._write_all()
        self.backfills.load()
        self.backfills.go_on()
        self.callbacks.find_again()
        self.deadlines.find_again()

    def _note_outage(self) -> None:
        self._had_outage = True

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
        """Write what was collected; True when something follows from it that has to be written or admitted too."""
        has_changed = self._write()
        if self._had_outage:
            self._had_outage = False
            self._resync()
            has_changed = True
        has_changed |= self.book.check_past()
        ended, self.book.ended = self.book.ended, []
        for active in ended:
            self.book.leave(active)
            self._pause_if_failing(active)
        self.creator.plan_next()
        for active in ended:
            self.deadlines.run_ended(active.run)
            self.creator.run_ended(active.run.dag_id)
            self.assets.run_ended(active.run.dag_id)
        self.assets.settle()
        return has_changed or self._collector.has_work or bool(self.reactor.inbox)

    def _write(self) -> bool:
        """Write what was collected; True when some of it was stale, and its runs have been read again."""
        batch = self._collector.take()
        if not batch:
            return False
        result = self._store.commit(batch, epoch=self._epoch)
        self.creator.line_up(result.created_runs)
        self.callbacks.take(result.created_callbacks)
        self.deadlines.arm(result.created_deadlines)
        self.assets.hear(result.asset_dag_ids)
        stale = {run_pk_of(pk) for pk in result.stale_task_instances} | set(result.stale_runs)
        for pk in sorted(stale):
            _log.info("run %d was changed by somebody else: reading it again", pk)
            self._reload(pk)
        return bool(stale)

    def _write_all(self) -> None:
        """Write until nothing is left: what was read again because it was stale has moves of its own."""
        while self._collector.has_work:
            self._write()

    def _pause_if_failing(self, ended: ActiveRun) -> None:
        most = ended.dag.document.max_consecutive_failed_dag_runs
        dag = self.dags.get(ended.run.dag_id)
        if ended.run.state is not DagRunState.FAILED or most <= 0 or dag is None or dag.row.is_paused:
            return
        if should_pause(repeat(DagRunState.FAILED, self._store.count_consecutive_failures(dag.dag_id)), most):
            _log.warning("DAG %s is paused: its last %d runs failed", dag.dag_id, most)
            dag.row.is_paused = True
            self._collector.batch.pauses.append(dag.dag_id)
            self.limits.set_paused(dag.dag_id, is_paused=True)
            self.creator.plan(dag)

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

    def _answer(self, call: StoreCall) -> StoreReply:
        """Answer a worker: what it pushed before comes first, so that it reads its own writes.

        Called while the executor reads, so nothing is handed out here, and no error may reach the executor.
        """
        try:
            if self._lost_lease is None:
                self._absorb()
                self._commit()
                return self._answer_call(call)
        except LeaseLostError as error:
            self._lost_lease = error
        except DatabaseUnavailableError as error:
            _log.warning("no answer to a task while stopping: %s", error)
        return StoreReply(call_id=call.call_id, error="the scheduler is stopping", error_kind="unavailable")

    def _finish_up(self) -> None:
        """Write what the executor reported while it stopped.

        A try that the stop interrupted stays as it is: the next scheduler lets it begin again, as after a crash. So does
        what cannot be written, and a callback that was not carried out is found again.
        """
        if self._lost_lease is not None:
            return
        try:
            for delivery in self.reactor.take_inbox():
                if not isinstance(delivery, CallbackLost | Ring) and not _is_interrupted(delivery):
                    self._take(delivery)
            self._commit()
        except (DatabaseUnavailableError, LeaseLostError) as error:
            _log.warning("last reports not written: %s", error)


def _is_interrupted(delivery: Delivery) -> bool:
    """Return whether the executor's stop, and nothing of the task's own, was the end of a try."""
    if isinstance(delivery, Finished):
        return delivery.outcome == Outcome.KILLED.value
    return isinstance(delivery, Lost) and delivery.was_started
