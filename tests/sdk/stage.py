"""One task run as a worker runs it, in the test's own process, at the time the test says."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from tradewind import DAG, BaseOperator
from tradewind.core.clock import SystemClock
from tradewind.serialization.messages import DagFile, DagRunFacts, Finished, RunTask
from tradewind.standalone.memory_store import MemoryStore
from tradewind.worker.inline import run_inline

DAY = datetime(2024, 3, 5, tzinfo=timezone.utc)
"""A Tuesday."""


class Stage:
    """A DAG, what its tasks may ask, and what became of them."""

    def __init__(self) -> None:
        self.dag = DAG("d", start_date=DAY, schedule=None)
        self.store = MemoryStore(SystemClock())

    def run(self, task: BaseOperator, **fields: Any) -> Finished:
        """Run one try of a task of the DAG; `fields` are those of the order, `run` of the DAG run."""
        run: dict[str, Any] = {
            "pk": 1,
            "dag_id": "d",
            "run_id": "r",
            "run_type": "manual",
            "logical_date": DAY,
            "data_interval_start": DAY,
            "data_interval_end": DAY,
            "run_after": DAY,
            **fields.pop("run", {}),
        }
        values: dict[str, Any] = {
            "ti_pk": 7,
            "try_number": 1,
            "max_tries": 0,
            "dag_file": DagFile(path="/dags/a.py", folder="/dags", fingerprint="1"),
            "dag_id": "d",
            "task_id": task.task_id,
            "dag_run": DagRunFacts(**run),
            "log_path": "/logs/1.log",
        }
        return run_inline(RunTask(**(values | fields)), self.dag, store=self.store)

    def keep(self, task: BaseOperator, **fields: Any) -> bytes | None:
        """Run one try and store its XComs for those that come after it; return its result as JSON."""
        end = self.run(task, **fields)
        assert end.outcome == "success", end.error
        for xcom in end.xcoms:
            self.store.set_xcom(
                dag_id="d",
                run_id="r",
                task_id=task.task_id,
                map_index=fields.get("map_index", -1),
                key=xcom.key,
                value=xcom.value,
            )
        return next((xcom.value for xcom in end.xcoms if xcom.key == "return_value"), None)
