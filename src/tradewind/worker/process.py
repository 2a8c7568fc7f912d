"""The worker process: takes one order after the other from the scheduler, and carries each out."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.sdk.importing import extend_sys_path
from tradewind.sdk.plugins.installed import install_plugins
from tradewind.sdk.plugins.listening import tell
from tradewind.sdk.ports import StoreUnavailableError, install_worker_store
from tradewind.serialization.messages import ComputeNextRun, Finished, Ready, RunCallback, RunTask, Started, Stop
from tradewind.worker.calls.order import run_callback_order
from tradewind.worker.dag_files import DagFiles
from tradewind.worker.host.environment import TaskEnvironment
from tradewind.worker.host.interrupts import Interrupts, LeaveWorkerError
from tradewind.worker.host.limits import ended_after
from tradewind.worker.host.log_file import TaskLog
from tradewind.worker.host.pipe_store import PipeStore, SchedulerPipe
from tradewind.worker.host.processes import accept_signals, end_like, fork_child
from tradewind.worker.next_run import compute_next_run
from tradewind.worker.tries.mapping import read_sources
from tradewind.worker.tries.runner import Surroundings, clock, run_try

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tradewind.executors.local_protocol import WorkerOptions
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.serialization.messages import Report


_LAST_WORD_S = 5.0
"""What listeners get when the process ends."""


def run_worker(sock: socket.socket, options: WorkerOptions) -> int:
    """Be a worker until the scheduler goes away or says stop; return the exit code.

    Called in a fresh fork of the forker, whose loaded modules are the worker's start.
    """
    interrupts = Interrupts()
    interrupts.install()
    worker = _Worker(SchedulerPipe(sock, interrupts), interrupts, options)
    accept_signals()
    with contextlib.suppress(LeaveWorkerError, StoreUnavailableError):
        worker.serve()
    with contextlib.suppress(LeaveWorkerError):
        worker.leave()
    return 0


class _Worker:
    """One worker process and all that it keeps from order to order."""

    def __init__(self, pipe: SchedulerPipe, interrupts: Interrupts, options: WorkerOptions) -> None:
        self._pipe = pipe
        self._interrupts = interrupts
        self._options = options
        self._files = DagFiles()
        self._store = PipeStore(pipe)
        self._log = TaskLog(options.log_level)
        self._environment = TaskEnvironment()
        self._hostname = socket.gethostname()
        self._folder = Path.cwd()
        self._tries = 0
        self._threads = 0
        self._around = Surroundings(
            send=self._send,
            was_killed=pipe.is_killed,
            interrupts=interrupts,
            callback_limit=self._callback_limit,
            environment=self._environment,
            options=options,
            hostname=self._hostname,
            note=lambda: self._log.note,
            retires=self._is_spent,
        )
        install_worker_store(self._store)
        extend_sys_path([options.config_folder, options.plugins_folder])
        install_plugins(
            options.plugins_folder,
            lambda what: interrupts.time_limit(options.import_timeout_s, f"the import of {what}"),
        )

    def serve(self) -> None:
        """Take orders until told to stop. Raises LeaveWorkerError or StoreUnavailableError for other ends."""
        tell("on_starting", self._callback_limit, component=self)
        self._pipe.send(self._ready())
        while not self._interrupts.is_leaving:
            self._interrupts.is_idle = True
            try:
                order = self._pipe.receive()
            finally:
                self._interrupts.is_idle = False
            match order:
                case RunTask():
                    if self._run_task(order):
                        return
                case RunCallback():
                    self._run_callback(order)
                case ComputeNextRun():
                    limit = self._interrupts.time_limit(self._options.import_timeout_s, "the timetable's answer")
                    self._pipe.send(compute_next_run(order, lambda order=order: self._find_dag(order), limit))
                case None | Stop():
                    return
                case _:
                    continue  # a Kill or an answer that came too late

    def leave(self) -> None:
        """Tell listeners that the process ends."""
        tell("before_stopping", lambda what: self._interrupts.time_limit(_LAST_WORD_S, what), component=self)

    # ---- one try -----------------------------------------------------------------------------------------------------

    def _run_task(self, order: RunTask) -> bool:
        """Run the try here or in a child; return whether this process leaves now."""
        self._tries += 1
        if self._options.isolation == "fork":
            return self._run_in_child(order)
        return self._run_here(order)

    def _run_here(self, order: RunTask, *, announce: bool = True) -> bool:
        self._begin(order.log_path, order.ti_pk)
        try:
            return run_try(order, lambda: self._find_dag(order), self._around, announce=announce).retire
        finally:
            self._end()

    def _run_in_child(self, order: RunTask) -> bool:
        announce = True
        if not self._files.has(order.dag_file):
            # Imported here, once for all children; where that fails, the child meets the same error and reports it.
            self._send(Started(ti_pk=order.ti_pk, try_number=order.try_number, pid=os.getpid(), started_at=clock.now()))
            announce = False
            self._ahead_of_child(order, lambda: self._find_dag(order))
        if order.map_index >= 0:
            # Read here, so that thousands of children find it instead of reading it each for itself.
            self._ahead_of_child(order, lambda: read_sources(self._find_dag(order), order))

        def run() -> int:
            self._interrupts.forward_to(None)
            self._interrupts.install()
            accept_signals()
            # Whoever was to hear the end is gone; so will be the parent in a moment.
            with contextlib.suppress(LeaveWorkerError, StoreUnavailableError):
                self._run_here(order, announce=announce)
            return 0

        spent = self._is_spent()
        pid = fork_child(run, self._interrupts.forward_to)
        _, status = os.waitpid(pid, 0)
        self._interrupts.forward_to(None)
        if status != 0:
            # Whether the child has reported is known to the executor only; it learns the reason from this process.
            end_like(status)
        return spent

    def _ahead_of_child(self, order: RunTask, work: Callable[[], object]) -> None:
        self._begin(order.log_path, order.ti_pk)
        try:
            with self._interrupts.during(lambda: None):
                work()
        except BaseException:  # noqa: BLE001 - the child meets the same error and reports it
            return
        finally:
            self._end()

    # ---- other orders ------------------------------------------------------------------------------------------------

    def _run_callback(self, order: RunCallback) -> None:
        self._begin(order.log_path, 0)
        try:
            done = run_callback_order(
                order, lambda: self._find_dag(order), self._options, self._hostname, self._callback_limit
            )
        finally:
            self._end()
        self._pipe.send(done)

    def _callback_limit(self, what: str) -> AbstractContextManager[None]:
        return ended_after(self._interrupts, self._options.callback_timeout_s, what)

    # ---- around every order ------------------------------------------------------------------------------------------

    def _find_dag(self, order: RunTask | RunCallback | ComputeNextRun) -> DAG:
        if self._files.has(order.dag_file):
            return self._files.dag(order.dag_file, order.dag_id)
        with self._interrupts.time_limit(self._options.import_timeout_s, f"the import of {order.dag_file.path}"):
            dag = self._files.dag(order.dag_file, order.dag_id)
        # What an import leaves behind stays: the collector need not look at it again and again.
        gc.freeze()
        self._threads = _lasting_threads()
        return dag

    def _begin(self, log_path: str, ti_pk: int) -> None:
        self._log.open(log_path)
        self._store.ti_pk = ti_pk
        self._pipe.open()

    def _end(self) -> None:
        """Undo what author code did to the process, as far as that can be undone."""
        self._pipe.close()
        self._environment.leave()
        self._log.close()
        self._interrupts.install()
        try:
            if Path.cwd() != self._folder:
                os.chdir(self._folder)
        except OSError:
            os.chdir(self._folder)

    def _send(self, report: Report) -> None:
        if isinstance(report, Finished):
            self._log.flush()
        self._pipe.send(report)

    def _ready(self) -> Ready:
        return Ready(pid=os.getpid(), hostname=self._hostname)

    def _is_spent(self) -> bool:
        """Return whether the process has done its share, or has something left in it that no next task should meet."""
        limit = self._options.max_tasks_per_child
        return (
            self._interrupts.is_leaving
            or (limit > 0 and self._tries >= limit)
            or _lasting_threads() > self._threads
            or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > self._options.max_rss_mib << 10
        )


def _lasting_threads() -> int:
    """Return how many threads there are that would keep a process of their own alive."""
    if threading.active_count() == 1:
        return 1
    return sum(not thread.daemon for thread in threading.enumerate())
