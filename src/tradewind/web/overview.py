"""What the page shows first, in one answer: DAGs with their last runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.metadata.listing import Page
from tradewind.metadata.runs import RunFilter, list_runs
from tradewind.web.answers.shapes import dag_shape, seconds_between
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.web.operations import Call


class OverviewQuery(PageQuery, kw_only=True):
    """Which DAGs, and how many runs of each."""

    dag_id_pattern: str | None = None
    paused: bool | None = None
    dag_runs_limit: int = 10


def list_dags_with_runs(call: Call) -> dict[str, Any]:
    """List DAGs, each with its last runs, the newest first."""
    query: OverviewQuery = call.query
    backend = call.backend
    dags, total = backend.dags.list_dags(
        pattern=query.dag_id_pattern, is_paused=query.paused, page=page_of(call, default_order=("dag_id",))
    )
    last = Page(min(max(query.dag_runs_limit, 0), 30), 0, ("-run_after",))
    shown: list[dict[str, Any]] = []
    for dag in dags:
        runs, _ = list_runs(backend.database, RunFilter(dag_ids=(dag.dag_id,)), last)
        shape = dag_shape(dag)
        shape["latest_dag_runs"] = [
            {
                "dag_run_id": run.run_id,
                "state": run.state.value,
                "run_after": run.run_after,
                "start_date": run.started_at,
                "duration": seconds_between(run.started_at, run.ended_at),
            }
            for run in runs
        ]
        shown.append(shape)
    return {"dags": shown, "total_entries": total}


OPERATIONS = (Operation("GET", "/ui/dags", list_dags_with_runs, query=OverviewQuery),)
