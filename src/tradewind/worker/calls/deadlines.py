"""Missed deadlines: the alert's callback, Airflow 2's `sla_miss_callback` with its mail, and references of authors."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from tradewind.core.clock import SystemClock
from tradewind.sdk.deadlines.alerts import alerts_of
from tradewind.sdk.deadlines.callbacks import call
from tradewind.sdk.deadlines.references import evaluate
from tradewind.sdk.mail.message import get_email_address_list
from tradewind.sdk.mail.sending import send_email
from tradewind.sdk.ports import worker_store
from tradewind.sdk.runtime.dates import as_pendulum
from tradewind.sdk.runtime.task_instance import TaskInstance
from tradewind.worker.tries.callbacks import guarded

if TYPE_CHECKING:
    from tradewind.sdk.deadlines.alerts import DeadlineAlert
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.serialization.messages import RunCallback
    from tradewind.worker.tries.callbacks import Limit


class SlaMiss:
    """One task of one run that is late, as Airflow 2's callbacks see it."""

    def __init__(self, dag_id: str, task_id: str, execution_date: Any, timestamp: Any) -> None:
        self.dag_id = dag_id
        self.task_id = task_id
        self.execution_date = execution_date
        self.timestamp = timestamp
        self.email_sent = False
        self.notification_sent = False
        self.description: str | None = None

    def __repr__(self) -> str:
        return str((self.dag_id, self.task_id, self.execution_date.isoformat()))


def call_alert(order: RunCallback, dag: DAG, context: Any, limit: Limit) -> str | None:
    """Call the callback of a missed deadline; return one line about its failure, None if none."""
    alert = _alert_of(order, dag)
    context["deadline"] = {
        "id": order.payload["deadline"],
        "deadline_time": as_pendulum(datetime.fromisoformat(order.payload["due_at"])),
        "alert_name": alert.name,
    }
    return guarded(lambda: call(alert.callback, context), f"the deadline's callback {alert.callback.path}", limit)


def ask_reference(order: RunCallback, dag: DAG) -> datetime | None:
    """Return the moment that a reference class of the author's gives for the run."""
    return evaluate(_alert_of(order, dag).reference, order.dag_run)


def call_sla_miss(order: RunCallback, dag: DAG, limit: Limit) -> str | None:
    """Call `sla_miss_callback` with its five arguments and mail to the late tasks' addresses, as Airflow 2 does."""
    run, now = order.dag_run, SystemClock().now()
    date = as_pendulum(run.logical_date or run.run_after)
    late = [task_id for task_id in order.payload["late"] if task_id in dag.task_dict]
    slas = [SlaMiss(dag.dag_id, task_id, date, as_pendulum(now)) for task_id in late]
    records = worker_store().get_task_instances(dag_id=dag.dag_id, run_ids=[run.run_id])
    blocking = [TaskInstance(record) for record in records if record.state != "success"]
    stamp = date.isoformat() if date is not None else ""
    task_list = "\n".join(f"{sla.task_id} on {stamp}" for sla in slas)
    blocking_list = "\n".join(f"{ti.task_id} on {stamp}" for ti in blocking)
    failure = None
    given: Any = dag.sla_miss_callback or ()
    for callback in given if isinstance(given, (list, tuple)) else (given,):
        called = partial(callback, dag, task_list, blocking_list, slas, blocking)
        failure = guarded(called, "sla_miss_callback", limit) or failure
    addresses = sorted({one for sla in slas for one in get_email_address_list(dag.task_dict[sla.task_id].email or [])})
    if addresses:
        failure = (
            guarded(lambda: _mail(addresses, dag, task_list, blocking_list), "the mail about the sla", limit) or failure
        )
    return failure


def _mail(addresses: list[str], dag: DAG, task_list: str, blocking_list: str) -> None:
    content = f"Tasks that missed their SLA:<pre>{task_list}</pre>Tasks of the run that are not done:<pre>{blocking_list}</pre>"
    send_email(addresses, f"[airflow] SLA miss on DAG={dag.dag_id}", content)


def _alert_of(order: RunCallback, dag: DAG) -> DeadlineAlert:
    alerts = alerts_of(dag)
    place: int = order.payload["alert"]
    if place >= len(alerts):
        raise LookupError(f"DAG {dag.dag_id!r} has no such deadline any more")
    return alerts[place]
