"""The functions that authors want called when a task or a run has ended: an error in one is logged, nothing more."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tradewind.core.clock import SystemClock
from tradewind.sdk.exceptions import AirflowTaskTimeout
from tradewind.sdk.mail.alerts import send_alert, wants_mail
from tradewind.sdk.runtime.current import set_current_context
from tradewind.serialization.messages import CallbackDone, RunTask
from tradewind.worker.tries.outcome import one_line
from tradewind.worker.tries.task_instance import RuntimeTaskInstance

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tradewind.executors.local_protocol import WorkerOptions
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.runtime.context import Context
    from tradewind.serialization.messages import RunCallback

    Limit = Callable[[str], AbstractContextManager[None]]
    """Ends a callback that takes too long with `AirflowTaskTimeout`; the argument names it."""

_log = logging.getLogger("tradewind.task")


def has_callbacks(owner: Any, name: str) -> bool:
    """Return whether a task or a DAG has a callback of this name."""
    return bool(getattr(owner, name, None))


def run_callbacks(owner: Any, name: str, context: Context, limit: Limit) -> str | None:
    """Call each callback of this name of a task or a DAG; return one line about the last that failed, None if none."""
    callbacks = getattr(owner, name, None) or ()
    failure = None
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else (callbacks,):
        failure = guarded(lambda callback=callback: callback(context), f"{name} {_name_of(callback)}", limit) or failure
    return failure


def mail_about(task: BaseOperator, context: Context, error: BaseException | str | None, limit: Limit) -> str | None:
    """Send the mail that a task asked for; return one line about what went wrong, None if nothing."""
    return guarded(lambda: send_alert(task, context, error), "the mail about the try", limit)


def guarded(call: Callable[[], object], what: str, limit: Limit) -> str | None:
    """Call author code that must harm nothing else; return one line about its failure, which is in the log too."""
    try:
        with limit(what):
            call()
    except AirflowTaskTimeout as error:
        _log.error("Ended: %s", error)
        return f"{what} was ended: {error}"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - author code
        _log.exception("%s failed", what)
        return f"{what}: {one_line(error)}"
    return None


def run_callback_order(
    order: RunCallback, find_dag: Callable[[], DAG], options: WorkerOptions, hostname: str, limit: Limit
) -> CallbackDone:
    """Carry out the order: the callback of a task whose own process could not call it, or of a DAG.

    A DAG's callback sees the context of the run's last task, as in Airflow.
    """
    try:
        dag = find_dag()
        task = dag.get_task(order.task_id) if order.task_id is not None else _last_task(dag)
        if task is None:
            return CallbackDone(callback_pk=order.callback_pk, error=f"DAG {dag.dag_id!r} has no task")
        ti = _past_instance(order, task, options, hostname)
        context = ti.get_template_context()
        context["reason"] = order.reason
        if order.reason and "success" not in order.name:
            context["exception"] = order.reason
        with set_current_context(context):
            if order.task_id is None:
                error = run_callbacks(dag, order.name, context, limit)
            else:
                error = run_callbacks(task, order.name, context, limit)
                if wants_mail(task, order.name):
                    error = mail_about(task, context, order.reason, limit) or error
    except BaseException as caught:  # noqa: BLE001 - author code, its import included, ends the callback only
        _log.error("%s failed", order.name, exc_info=caught)
        error = one_line(caught)
    return CallbackDone(callback_pk=order.callback_pk, error=error)


def _last_task(dag: DAG) -> BaseOperator | None:
    tasks: list[BaseOperator] = list(dag.topological_sort())
    return tasks[-1] if tasks else None


def _past_instance(
    order: RunCallback, task: BaseOperator, options: WorkerOptions, hostname: str
) -> RuntimeTaskInstance:
    """Return the task instance that the callback sees: over, in the state that the callback is for."""
    run = order.dag_run
    past = RunTask(
        ti_pk=0,
        try_number=order.try_number,
        max_tries=task.retries,
        dag_file=order.dag_file,
        dag_id=order.dag_id,
        task_id=task.task_id,
        map_index=order.map_index,
        dag_run=run,
        log_path=order.log_path,
    )
    ti = RuntimeTaskInstance(
        past,
        task,
        started_at=run.start_date or run.run_after,
        hostname=hostname,
        base_url=options.base_url,
        xcom_max_bytes=options.xcom_max_bytes,
    )
    ti.ended_at = run.end_date or SystemClock().now()
    ti.set_state("success" if "success" in order.name else "failed")
    return ti


def _name_of(callback: Any) -> str:
    """Return a callback's name for a log line; that of its class for a notifier."""
    return str(getattr(callback, "__name__", None) or type(callback).__name__)
