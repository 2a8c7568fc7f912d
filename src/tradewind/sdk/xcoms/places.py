"""Whose XComs are meant where author code leaves something out, or says it as Airflow 2 did: by date."""

from __future__ import annotations

from tradewind.sdk.deprecations import note_deprecated
from tradewind.sdk.ports import worker_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


def of_current_task(dag_id: str | None, run_id: str | None) -> tuple[str, str]:
    """Return dag_id and run_id, those of the task at work where one is missing.

    Raises ValueError where no task is at work in that DAG.
    """
    if dag_id is not None and run_id is not None:
        return dag_id, run_id
    from tradewind.sdk.runtime.current import get_current_context  # noqa: PLC0415 - few calls leave something out

    try:
        ti = get_current_context()["ti"]
    except RuntimeError:
        raise ValueError("XComs are found by dag_id and run_id: outside a task, give both") from None
    if run_id is None and dag_id not in {None, ti.dag_id}:
        raise ValueError(f"XComs of another DAG ({dag_id}) are found by run_id: give it too")
    return dag_id or ti.dag_id, run_id or ti.run_id


def run_of_date(dag_id: str | None, logical_date: datetime | None, caller: str) -> str | None:
    """Return the run_id of the run with this logical date, None for no date. Raises ValueError without such a run."""
    if logical_date is None:
        return None
    if caller:
        note_deprecated(f"{caller}(execution_date=...)", f"{caller}(run_id=...)", since="2.2")
    if dag_id is None:
        dag_id, _ = of_current_task(dag_id, None)
    runs = worker_store().get_dag_runs(dag_id=dag_id, logical_dates=[logical_date])
    if not runs:
        raise ValueError(f"DAG {dag_id} has no run with the logical date {logical_date.isoformat()}")
    return runs[0].run_id
