"""What the tests of the task context run against: a run, a task, a store in memory."""
# ruff: noqa: D102, ARG002 - methods of a port, described there

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from tradewind.core.timetables.interval import CronDataIntervalTimetable
from tradewind.sdk.runtime.context import Context, task_context
from tradewind.serialization.messages import DagRunFacts
from tradewind.serialization.records import ConnectionRecord, DagRunRecord, TaskInstanceRecord, XComRecord

DAY = datetime(2024, 3, 5, tzinfo=timezone.utc)


class MemoryStore:
    """The worker store, as far as author code reads it; counts its calls."""

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self.connections: dict[str, ConnectionRecord] = {}
        self.runs: list[DagRunRecord] = []
        self.task_instances: list[TaskInstanceRecord] = []
        self.xcoms: dict[tuple[str, str, str, int, str], bytes] = {}
        self.calls: list[str] = []

    def get_variable(self, key: str) -> str | None:
        self.calls.append("get_variable")
        return self.variables.get(key)

    def set_variable(self, key: str, value: str, description: str | None = None) -> None:
        self.variables[key] = value

    def delete_variable(self, key: str) -> bool:
        return self.variables.pop(key, None) is not None

    def get_variable_keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key in self.variables if key.startswith(prefix))

    def get_connection(self, conn_id: str) -> ConnectionRecord | None:
        return self.connections.get(conn_id)

    def get_dag_runs(self, *, dag_id: str, **filters: Any) -> list[DagRunRecord]:
        self.calls.append("get_dag_runs")
        before = filters.get("before_logical_date")
        found = [
            run
            for run in self.runs
            if run.dag_id == dag_id
            and filters.get("state") in {None, run.state}
            and (before is None or (run.logical_date is not None and run.logical_date < before))
        ]
        return sorted(found, key=lambda run: run.run_after, reverse=True)[: filters.get("limit")]

    def get_triggering_asset_events(self, *, dag_id: str, run_id: str) -> list[Any]:
        self.calls.append("get_triggering_asset_events")
        del dag_id, run_id
        return []

    def get_task_instances(self, *, dag_id: str, **filters: Any) -> list[TaskInstanceRecord]:
        return [
            ti
            for ti in self.task_instances
            if ti.dag_id == dag_id
            and (filters.get("task_ids") is None or ti.task_id in filters["task_ids"])
            and (filters.get("states") is None or ti.state in filters["states"])
        ]

    def get_xcom(
        self, *, dag_id: str, run_id: str, task_id: str, map_index: int = -1, **more: Any
    ) -> XComRecord | None:
        value = self.xcoms.get((dag_id, run_id, task_id, map_index, more["key"]))
        if value is None:
            return None
        return XComRecord(
            dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index, key=more["key"], value=value
        )

    def get_xcoms(self, *, dag_id: str, run_id: str, task_ids: list[str], **_more: Any) -> list[XComRecord]:
        return [
            XComRecord(dag_id=name[0], run_id=name[1], task_id=name[2], map_index=name[3], key=name[4], value=value)
            for name, value in self.xcoms.items()
            if name[:2] == (dag_id, run_id) and name[2] in task_ids
        ]

    def set_xcom(self, *, dag_id: str, run_id: str, task_id: str, map_index: int = -1, key: str, value: bytes) -> None:
        self.xcoms[dag_id, run_id, task_id, map_index, key] = value

    def delete_xcoms(
        self, *, dag_id: str, run_id: str, task_id: str, map_index: int = -1, key: str | None = None
    ) -> None:
        for address in list(self.xcoms):
            if address[:4] == (dag_id, run_id, task_id, map_index) and key in {None, address[4]}:
                del self.xcoms[address]


def dag_run_facts(**changes: Any) -> DagRunFacts:
    facts: dict[str, Any] = {
        "pk": 1,
        "dag_id": "a_dag",
        "run_id": "scheduled__2024-03-05T00:00:00+00:00",
        "run_type": "scheduled",
        "logical_date": DAY,
        "data_interval_start": DAY,
        "data_interval_end": DAY + timedelta(days=1),
        "run_after": DAY + timedelta(days=1),
    }
    return DagRunFacts(**{**facts, **changes})


def a_context(*, timetable: Any = None, dag: dict[str, Any] | None = None, **run: Any) -> Context:
    timetable = CronDataIntervalTimetable("0 0 * * *", "UTC") if timetable is None else timetable
    a_dag = SimpleNamespace(dag_id="a_dag", params={}, timetable=timetable, **(dag or {}))
    task = SimpleNamespace(task_id="a_task", dag_id="a_dag", inlets=[], outlets=[], params={}, template_fields=())
    ti = SimpleNamespace(dag_id="a_dag", task_id="a_task", try_number=2)
    return task_context(ti=ti, task=task, dag=a_dag, dag_run=dag_run_facts(**run))  # type: ignore[arg-type]
