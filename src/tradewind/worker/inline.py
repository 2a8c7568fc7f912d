"""A try in this very process: what `dags test`, `tasks test` and `dag.test()` run tasks with."""

from __future__ import annotations

import signal
import socket
import threading
from typing import TYPE_CHECKING

from tradewind.executors.local_protocol import WorkerOptions
from tradewind.sdk.ports import install_worker_store
from tradewind.worker.host.environment import TaskEnvironment
from tradewind.worker.host.interrupts import Interrupts
from tradewind.worker.tries.runner import Surroundings, run_try

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.ports import WorkerStore
    from tradewind.serialization.messages import Finished, Report, RunTask
    from tradewind.worker.tries.callbacks import Limit


def run_inline(
    order: RunTask,
    dag: DAG,
    *,
    store: WorkerStore,
    options: WorkerOptions | None = None,
    on_report: Callable[[Report], None] | None = None,
) -> Finished:
    """Run the try of `order`, a task of `dag`, to its end; return its report.

    As in a worker: templates, timeout, callbacks (done when this returns), XComs as JSON. Unlike in one, records and
    prints go where this process sends them, and `order.log_path` and `order.dag_file` are not used. `store` is what the
    task asks; what it pushes while it runs goes there too, what it returned is in the report's `xcoms`. `on_report`
    hears of the begin and of the end when they happen. Only KeyboardInterrupt comes through as an exception.
    """
    interrupts = Interrupts()
    environment = TaskEnvironment()
    told = options or WorkerOptions()
    around = Surroundings(
        send=on_report or _ignore,
        was_killed=lambda _ti_pk, _try_number: False,
        interrupts=interrupts,
        callback_limit=callback_limit(told, interrupts),
        environment=environment,
        options=told,
        hostname=socket.gethostname(),
        note=lambda: None,
        retires=lambda: False,
    )
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    before = install_worker_store(store)
    try:
        if is_main:
            interrupts.install()
        return run_try(order, lambda: dag, around)
    finally:
        install_worker_store(before)
        environment.leave()
        environment.forget()
        if is_main:
            signal.signal(signal.SIGTERM, handler)


def callback_limit(options: WorkerOptions, interrupts: Interrupts | None = None) -> Limit:
    """Return what ends a callback in this process; where it does not end by the exception, nothing does."""
    found = interrupts or Interrupts()
    return lambda what: found.time_limit(options.callback_timeout_s, what)


def _ignore(_report: Report) -> None:
    """Take a report that nobody waits for."""
