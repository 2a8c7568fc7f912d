"""LocalExecutor: runs task instances in worker processes of this machine that are used again and again.

The scheduler's process forks nothing and imports no author code: a small process, the forker, forks the workers. Each
worker has one socket to the executor and gets an order only when it is idle, so that its death costs one try at most.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
from itertools import count
from typing import TYPE_CHECKING

from tradewind.executors.local_forker import ForkerLink
from tradewind.executors.local_growth import GrowthPolicy, choose_worker, plan_growth
from tradewind.executors.local_orphans import kill_orphans
from tradewind.executors.local_protocol import FORK_FAILED, WorkerOptions, describe_exit
from tradewind.executors.local_worker import WorkerLink, loss_of
from tradewind.serialization.messages import (
    CallbackDone,
    Finished,
    Kill,
    NextRunComputed,
    Ready,
    RunCallback,
    RunTask,
    Started,
    Stop,
    StoreCall,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.core.clock import Clock
    from tradewind.core.ids import TaskInstancePk
    from tradewind.executors.port import CallbackLost, Lost, Reactor
    from tradewind.serialization.messages import ComputeNextRun, Report

    LocalOrder = RunTask | RunCallback | ComputeNextRun

_log = logging.getLogger(__name__)

_FORK_PAUSE_S = 1.0
"""At least this lies between two attempts when processes cannot be started at all."""

_ON_KILL_S = 2.0
"""What a try gets for its `on_kill` when the executor stops."""


class LocalExecutor:
    """The executor port over processes of this machine."""

    name = "LocalExecutor"

    def __init__(
        self,
        *,
        clock: Clock,
        options: WorkerOptions | None = None,
        parallelism: int = 32,
        kill_grace_s: float = 60.0,
        idle_workers: int = 2,
        idle_timeout_s: float = 60.0,
    ) -> None:
        """Run at most `parallelism` orders at once.

        `kill_grace_s` lies between SIGTERM and SIGKILL. Of idle workers, `idle_workers` are kept; the others leave
        after `idle_timeout_s`.
        """
        self.parallelism = parallelism
        self._clock = clock
        self._options = options or WorkerOptions()
        self._kill_grace_s = kill_grace_s
        self._idle_workers = idle_workers
        self._idle_timeout_s = idle_timeout_s
        self._workers: dict[int, WorkerLink] = {}
        self._idle: list[WorkerLink] = []
        self._pending: list[tuple[float, LocalOrder]] = []
        self._numbers = count(1)
        self._cancel_growth: Callable[[], None] | None = None
        self._cancel_retirement: Callable[[], None] | None = None
        self._fork_after = 0.0
        self._growth = GrowthPolicy.of_isolation(self._options.isolation, os.cpu_count() or 1)
        self._is_stopping = False
        self._reactor: Reactor
        self._forker: ForkerLink

    # ---- the port ----------------------------------------------------------------------------------------------------

    def start(self, reactor: Reactor) -> None:
        """Start the forker; end what a killed executor left behind."""
        self._reactor = reactor
        killed = kill_orphans()
        if killed:
            _log.warning("ended %d processes of an executor that is gone", killed)
        self._start_forker()

    @property
    def free_slots(self) -> int:
        """How many more orders it takes now."""
        busy = sum(worker.order is not None for worker in self._workers.values())
        return self.parallelism - len(self._pending) - busy

    def submit(self, order: LocalOrder) -> None:
        """Take an order; it goes to a worker at the next `flush`."""
        self._pending.append((self._clock.monotonic(), order))

    def flush(self) -> None:
        """Give out what was submitted."""
        if self._pending:
            self._dispatch()

    def kill(self, ti_pk: TaskInstancePk, try_number: int) -> None:
        """Stop a try: SIGTERM, and SIGKILL to all its processes after the grace time.

        The worker gets no other order, so that a late signal hits nothing else. A try that no worker has yet is
        reported as lost before it started; one that is not here at all is none of this executor's business.
        """
        for index, (_, order) in enumerate(self._pending):
            if isinstance(order, RunTask) and (order.ti_pk, order.try_number) == (ti_pk, try_number):
                del self._pending[index]
                self._reactor.deliver(loss_of(order, "killed before it was given to a worker", was_started=False))
                return
        for worker in self._workers.values():
            order = worker.order
            if isinstance(order, RunTask) and (order.ti_pk, order.try_number) == (ti_pk, try_number):
                self._terminate(worker)
                return

    def stop(self, grace_s: float) -> None:
        """End all processes; blocks until they are gone.

        Tries at work get `grace_s` to end by themselves, then SIGTERM and two seconds for `on_kill`. Whatever is still
        here then, and orders that no worker had, are reported as lost.
        """
        self._is_stopping = True
        self._cancel_timers()
        for worker in list(self._idle):
            self._retire(worker)
        self._wait_for_busy(grace_s)
        for worker in self._workers.values():
            if worker.order is not None:
                self._terminate(worker)
        self._wait_for_busy(_ON_KILL_S)
        self._forker.close()
        for worker in list(self._workers.values()):
            worker.drain()
            self._bury(worker, "the executor stopped")
        pending, self._pending = self._pending, []
        for _, order in pending:
            self._reactor.deliver(loss_of(order, "the executor stopped", was_started=False))

    # ---- orders to workers -------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        if self._is_stopping:
            return
        now = self._clock.monotonic()
        waiting: list[tuple[float, LocalOrder]] = []
        for index, (since, order) in enumerate(self._pending):
            if not self._idle:
                waiting += self._pending[index:]
                break
            worker = choose_worker(order.dag_file, self._idle)
            if worker is None:
                waiting.append((since, order))
            else:
                self._idle.remove(worker)
                worker.assign(order, now)
        self._pending = waiting
        if waiting:
            self._retire_stale()
            self._grow(now)

    def _retire_stale(self) -> None:
        """Idle workers that could take none of the orders have imported older versions: make room for new ones."""
        paths = {order.dag_file.path: order.dag_file.fingerprint for _, order in self._pending}
        for worker in list(self._idle):
            if any(worker.files.get(path, fingerprint) != fingerprint for path, fingerprint in paths.items()):
                self._retire(worker)

    def _grow(self, now: float) -> None:
        waited_s = now - self._pending[0][0]
        plan = plan_growth(len(self._pending), waited_s, self._workers.values(), self.parallelism, now, self._growth)
        look_again_in_s = plan.look_again_in_s
        if plan.forks and now < self._fork_after:
            look_again_in_s = self._fork_after - now
        else:
            for _ in range(plan.forks):
                self._fork()
        if look_again_in_s is not None and self._cancel_growth is None:
            self._cancel_growth = self._reactor.call_after(look_again_in_s, self._look_again)

    def _look_again(self) -> None:
        self._cancel_growth = None
        self.flush()

    def _fork(self) -> None:
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        self._workers[number] = WorkerLink(number, ours, self._reactor, self._on_report)
        self._forker.fork(number, theirs)

    def _start_forker(self) -> None:
        if self._is_stopping:
            return
        self._fork_after = self._clock.monotonic()
        self._forker = ForkerLink(self._reactor, self._options, self._on_exit, self._on_forker_lost)
        self.flush()

    # ---- reports from workers ----------------------------------------------------------------------------------------

    def _on_report(self, worker: WorkerLink, report: Report | None) -> None:
        match report:
            case None:
                # Its wait status comes from the forker. One that closed its socket in the middle of a try is ended.
                self._take_out(worker)
                if worker.order is not None:
                    self._forker.signal(worker.number, signal.SIGKILL)
            case StoreCall():
                worker.send(self._reactor.answer(report))
            case Ready():
                worker.is_ready = True
                worker.finishing = None
                self._free(worker)
            case Started():
                worker.was_started = True
                self._reactor.deliver(report)
            case Finished():
                self._reactor.deliver(report)
                worker.is_leaving |= report.retire
                worker.finishing = worker.order if report.ready_follows and isinstance(worker.order, RunTask) else None
                self._free(worker)
            case CallbackDone() | NextRunComputed():
                self._reactor.deliver(report)
                self._free(worker)
            case _:
                self._reactor.deliver(report)

    def _free(self, worker: WorkerLink) -> None:
        worker.order = None
        if not worker.is_idle:
            return
        if self._is_stopping:
            self._retire(worker)
            return
        worker.busy_since = self._clock.monotonic()
        self._idle.append(worker)
        self.flush()
        if len(self._idle) > self._idle_workers and self._cancel_retirement is None:
            self._cancel_retirement = self._reactor.call_after(self._idle_timeout_s, self._retire_idle)

    def _on_exit(self, number: int, status: int) -> None:
        worker = self._workers.get(number)
        if worker is None:
            return
        worker.drain()
        if status == FORK_FAILED:
            self._fork_after = self._clock.monotonic() + _FORK_PAUSE_S
        self._bury(worker, describe_exit(status))
        self.flush()

    def _on_forker_lost(self, reason: str) -> None:
        _log.error("%s; starting another", reason)
        for worker in list(self._workers.values()):
            worker.drain()
            self._bury(worker, reason)
        if not self._is_stopping:
            now = self._clock.monotonic()
            self._fork_after = max(now, self._fork_after + _FORK_PAUSE_S)
            self._reactor.call_after(self._fork_after - now, self._start_forker)

    def _bury(self, worker: WorkerLink, reason: str) -> None:
        """Forget a worker whose process is gone; its order, if it had one, is lost."""
        del self._workers[worker.number]
        self._take_out(worker)
        worker.close()
        if worker.order is not None:
            self._reactor.deliver(self._loss_of(worker, worker.order, worker.end_note or reason))
        elif worker.finishing is not None:
            order = worker.finishing
            name = f"{order.task_id!r}{f'[{order.map_index}]' if order.map_index >= 0 else ''}"
            place = (name, order.dag_id, order.dag_run.run_id, order.try_number)
            _log.error("callbacks of task %s of DAG %r, run %r, try %d did not come to their end: %s", *place, reason)

    def _loss_of(self, worker: WorkerLink, order: LocalOrder, reason: str) -> Lost | CallbackLost | Report:
        limit_s = self._options.callback_timeout_s
        if isinstance(order, RunCallback) and self._clock.monotonic() - worker.busy_since >= limit_s:
            # Called again it would hang again.
            return CallbackDone(callback_pk=order.callback_pk, error=f"it took longer than {limit_s:g} s: {reason}")
        return loss_of(order, reason, was_started=worker.was_started)

    # ---- workers that leave ------------------------------------------------------------------------------------------

    def _take_out(self, worker: WorkerLink) -> None:
        worker.is_leaving = True
        if worker in self._idle:
            self._idle.remove(worker)

    def _retire(self, worker: WorkerLink) -> None:
        self._take_out(worker)
        worker.send(Stop())

    def _retire_idle(self) -> None:
        self._cancel_retirement = None
        now = self._clock.monotonic()
        while len(self._idle) > self._idle_workers:
            left_s = self._idle[0].busy_since + self._idle_timeout_s - now
            if left_s > 0:
                self._cancel_retirement = self._reactor.call_after(left_s, self._retire_idle)
                return
            self._retire(self._idle[0])

    def _terminate(self, worker: WorkerLink) -> None:
        order = worker.order
        if worker.end_note is not None or order is None:
            return
        worker.is_leaving = True
        worker.end_note = "killed on request"
        if isinstance(order, RunTask):
            worker.send(Kill(ti_pk=order.ti_pk, try_number=order.try_number))
        # A worker that is told to leave does so when the try has ended.
        worker.send(Stop())
        self._forker.signal(worker.number, signal.SIGTERM)
        self._reactor.call_after(self._kill_grace_s, lambda: self._kill_hard(worker))

    def _kill_hard(self, worker: WorkerLink) -> None:
        if self._workers.get(worker.number) is worker:
            worker.end_note = f"killed: it did not end within {self._kill_grace_s:g} s of SIGTERM"
            self._forker.signal(worker.number, signal.SIGKILL)

    def _wait_for_busy(self, limit_s: float) -> None:
        """Go on reading, outside the reactor's loop, until no worker has an order or the time is over."""
        deadline = self._clock.monotonic() + limit_s
        while busy := [worker for worker in self._workers.values() if worker.order is not None]:
            left_s = deadline - self._clock.monotonic()
            if left_s <= 0:
                return
            with selectors.DefaultSelector() as selector:
                for worker in busy:
                    worker.register(selector)
                self._forker.register(selector)
                for key, _ in selector.select(left_s):
                    key.data()

    def _cancel_timers(self) -> None:
        for cancel in (self._cancel_growth, self._cancel_retirement):
            if cancel is not None:
                cancel()
        self._cancel_growth = self._cancel_retirement = None
