"""Deadlines of runs, and the alerts that DAGs ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.metadata.policies.deadlines import list_deadlines
from tradewind.web.operations import Operation
from tradewind.web.queries import ALL, PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.metadata.policies.deadlines import DeadlineDetail
    from tradewind.web.operations import Call


class DeadlinesQuery(PageQuery, kw_only=True):
    """Which deadlines."""

    missed: bool | None = None


def list_run_deadlines(call: Call) -> dict[str, Any]:
    """List deadlines of a run, or of every run with ~ in its place; one that was kept is no longer there."""
    query: DeadlinesQuery = call.query
    dag_id, run_id = call.path["dag_id"], call.path["dag_run_id"]
    found = list_deadlines(
        call.backend.database,
        dag_id=None if dag_id == ALL else dag_id,
        run_id=None if run_id == ALL else run_id,
    )
    if query.missed is not None:
        found = [one for one in found if (one.missed_at is not None) is query.missed]
    page = page_of(call)
    shown = found[page.offset :][: page.limit]
    return {"deadlines": [_shape(one) for one in shown], "total_entries": len(found)}


def list_deadline_alerts(call: Call) -> dict[str, Any]:
    """List the deadline alerts of a DAG."""
    dag = call.backend.dags.get_dag(call.path["dag_id"])
    alerts = [
        {
            "id": alert,
            "name": deadline.name,
            "reference_type": deadline.reference_type,
            "interval": deadline.interval_s,
            "callback": deadline.callback,
            "task_ids": deadline.task_ids,
        }
        for alert, deadline in enumerate(call.backend.document(dag).deadlines)
    ]
    return {"deadline_alerts": alerts, "total_entries": len(alerts)}


def _shape(one: DeadlineDetail) -> dict[str, Any]:
    return {
        "id": one.pk,
        "deadline_time": one.due_at,
        "missed": one.missed_at is not None,
        "created_at": one.created_at,
        "dag_id": one.dag_id,
        "dag_run_id": one.run_id,
        "alert_id": one.alert,
        "alert_name": one.name,
        "missed_at": one.missed_at,
        "callback_called_at": one.called_at,
        "callback_error": one.callback_error,
    }


OPERATIONS = (
    Operation("GET", "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/deadlines", list_run_deadlines, query=DeadlinesQuery),
    Operation("GET", "/api/v2/dags/{dag_id}/deadlineAlerts", list_deadline_alerts),
)
