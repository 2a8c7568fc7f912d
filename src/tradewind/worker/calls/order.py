"""Carrying out one `RunCallback`: the callback of a DAG, or of a task whose own process was lost."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tradewind.core.clock import SystemClock
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.mail.alerts import wants_mail
from tradewind.sdk.plugins.listening import tell
from tradewind.sdk.ports import worker_store
from tradewind.sdk.runtime.current import set_current_context
from tradewind.serialization.messages import CallbackDone, RunTask
from tradewind.worker.calls.deadlines import ask_reference, call_alert, call_sla_miss
from tradewind.worker.tries.aftermath import HOOK_OF, tell_of_end
from tradewind.worker.tries.callbacks import mail_about, run_callbacks
from tradewind.worker.tries.mapping import operator_of_index
from tradewind.worker.tries.outcome import one_line
from tradewind.worker.tries.task_instance import RuntimeTaskInstance

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.executors.local_protocol import WorkerOptions
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.runtime.context import Context
    from tradewind.serialization.messages import RunCallback
    from tradewind.serialization.records import TaskInstanceRecord
    from tradewind.worker.tries.callbacks import Limit

_log = logging.getLogger("tradewind.task")


def run_callback_order(
    order: RunCallback, find_dag: Callable[[], DAG], options: WorkerOptions, hostname: str, limit: Limit
) -> CallbackDone:
    """Carry out the order; what goes wrong is in its log, and in one line in the report."""
    try:
        dag = find_dag()
        if order.kind == "deadline_reference":
            with limit(order.name):
                moment = ask_reference(order, dag)
            return CallbackDone(callback_pk=order.callback_pk, moment=moment)
        task = dag.task_dict.get(order.task_id) if order.task_id is not None else _last_task(dag)
        if task is None:
            return CallbackDone(callback_pk=order.callback_pk, error=_no_task(dag, order.task_id))
        context = _context(order, task, options, hostname)
        _log.info("%s of %s, run %s", order.name, f"DAG {dag.dag_id}", order.dag_run.run_id)
        with set_current_context(context):
            error = _call(order, dag, task, context, limit)
    except BaseException as caught:  # noqa: BLE001 - author code, its import included, ends the callback only
        _log.error("%s failed", order.name, exc_info=caught)
        error = one_line(caught)
    return CallbackDone(callback_pk=order.callback_pk, error=error)


def _call(order: RunCallback, dag: DAG, task: BaseOperator, context: Context, limit: Limit) -> str | None:
    if order.kind == "deadline":
        return call_alert(order, dag, context, limit)
    if order.kind == "sla":
        return call_sla_miss(order, dag, limit)
    if order.kind == "dag_listener":
        return tell(order.name, limit, dag_run=context["dag_run"], msg=order.reason)
    if order.kind == "dag":
        return run_callbacks(dag, order.name, context, limit)
    error = run_callbacks(task, order.name, context, limit)
    if order.name in HOOK_OF:
        tell_of_end(order.name, context["ti"], order.reason, limit)
    if wants_mail(task, order.name):
        error = mail_about(task, context, order.reason, limit) or error
    return error


def _no_task(dag: DAG, task_id: str | None) -> str:
    return f"DAG {dag.dag_id!r} has no task" if task_id is None else f"DAG {dag.dag_id!r} has no task {task_id!r}"


def _last_task(dag: DAG) -> BaseOperator | None:
    tasks: list[BaseOperator] = list(dag.topological_sort())
    return tasks[-1] if tasks else None


def _context(order: RunCallback, task: BaseOperator, options: WorkerOptions, hostname: str) -> Context:
    """Return the context of the task instance that the callback is about, with the reason why it is called."""
    ti = _past_instance(order, task, options, hostname)
    context = ti.get_template_context()
    if order.map_index >= 0:
        _resolve(task, context)
    context["reason"] = order.reason
    if order.reason and "success" not in order.name:
        context["exception"] = order.reason
    return context


def _resolve(task: BaseOperator, context: Context) -> None:
    """Put the operator of the map index into the context, as its callbacks know it from where the task runs."""
    try:
        operator_of_index(task, context)
    except Exception as error:  # noqa: BLE001 - the callback is worth more than its arguments
        _log.warning("the arguments of map index %d cannot be resolved any more: %s", context["ti"].map_index, error)


def _past_instance(
    order: RunCallback, task: BaseOperator, options: WorkerOptions, hostname: str
) -> RuntimeTaskInstance:
    """Return the task instance that the callback sees: over, in the state that the callback is for."""
    run = order.dag_run
    record = _record_of(order, task)
    past = RunTask(
        ti_pk=0,
        try_number=order.try_number or (record.try_number if record is not None else 0),
        max_tries=record.max_tries if record is not None else task.retries,
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
        started_at=(record and record.start_date) or run.start_date or run.run_after,
        hostname=hostname,
        base_url=options.base_url,
        xcom_max_bytes=options.xcom_max_bytes,
    )
    ti.ended_at = (record and record.end_date) or run.end_date or SystemClock().now()
    ti.set_state("success" if "success" in order.name else _STATES.get(order.name, "failed"))
    return ti


_STATES = {"on_retry_callback": "up_for_retry"}


def _record_of(order: RunCallback, task: BaseOperator) -> TaskInstanceRecord | None:
    try:
        found: list[Any] = worker_store().get_task_instances(
            dag_id=order.dag_id, run_ids=[order.dag_run.run_id], task_ids=[task.task_id]
        )
    except AirflowException as error:
        # The callback is worth more than the dates of its context.
        _log.warning("the task instance cannot be looked up: %s", error)
        return None
    return next((record for record in found if record.map_index == order.map_index), None)
