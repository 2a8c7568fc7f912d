"""What a test's run is: the facts that its tasks may read."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tradewind.core.clock import SystemClock
from tradewind.core.runs import make_run_id
from tradewind.core.states import RunType
from tradewind.sdk.runtime.dates import as_pendulum
from tradewind.serialization.messages import DagRunFacts

if TYPE_CHECKING:
    from tradewind.core.timetables.protocol import DataInterval
    from tradewind.sdk.definitions.dag import DAG


def facts_of_test(
    dag: DAG, logical_date: datetime, run_after: datetime, conf: dict[str, Any], *, run_id: str | None = None
) -> DagRunFacts:
    """Return what tasks may read of the run of a test."""
    interval: DataInterval | None = dag.timetable.infer_manual_data_interval(run_after=as_pendulum(logical_date))
    return DagRunFacts(
        pk=1,
        dag_id=dag.dag_id,
        run_id=run_id or make_run_id(RunType.MANUAL, run_after=run_after, logical_date=logical_date),
        run_type=RunType.MANUAL.value,
        logical_date=logical_date,
        data_interval_start=None if interval is None else _plain(interval.start),
        data_interval_end=None if interval is None else _plain(interval.end),
        run_after=run_after,
        start_date=SystemClock().now(),
        conf=conf,
        triggered_by="test",
        triggering_user_name="dag_test",
    )


def _plain(date: datetime) -> datetime:
    """Return an author's date, which may be of pendulum's class, as a plain one in UTC."""
    return datetime.fromtimestamp(date.timestamp(), timezone.utc)
