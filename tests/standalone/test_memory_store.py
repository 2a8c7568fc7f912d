"""The store in memory, over another one that knows more."""

from __future__ import annotations

from datetime import datetime, timezone

from tradewind.core.clock import SystemClock
from tradewind.serialization.records import DagRecord, DagRunRecord, TaskInstanceRecord
from tradewind.standalone.memory_store import MemoryStore

DAY = datetime(2024, 3, 5, tzinfo=timezone.utc)


def run_of(dag_id: str, run_id: str) -> DagRunRecord:
    return DagRunRecord(
        dag_id=dag_id, run_id=run_id, run_type="manual", state="success", logical_date=DAY, run_after=DAY
    )


def test_what_it_does_not_have_of_other_dags_comes_from_behind() -> None:
    behind = MemoryStore(SystemClock())
    store = MemoryStore(SystemClock(), behind)
    other = TaskInstanceRecord(dag_id="other", run_id="r", task_id="t", state="success", logical_date=DAY)
    own = TaskInstanceRecord(dag_id="own", run_id="r", task_id="t", state="running", logical_date=DAY)
    behind.task_instances = lambda: [other]
    store.task_instances = lambda: [own]
    behind.dags["other"] = DagRecord(dag_id="other", is_paused=True)
    behind.dags["own"] = DagRecord(dag_id="own", is_paused=True)
    store.dags["own"] = DagRecord(dag_id="own")
    behind.runs["other", "r"] = run_of("other", "r")
    behind.runs["own", "earlier"] = run_of("own", "earlier")
    store.runs["own", "r"] = run_of("own", "r")

    assert (store.get_dag("other"), store.get_dag("own")) == (behind.dags["other"], store.dags["own"])
    assert store.get_dag("none") is None
    assert store.get_dag_runs(dag_id="other", logical_dates=[DAY]) == [run_of("other", "r")]
    assert store.get_dag_runs(dag_id="own") == [run_of("own", "r")]
    assert store.get_task_instances(dag_id="other", task_ids=["t"], states=["success"]) == [other]
    assert store.get_task_instances(dag_id="own") == [own]
    assert store.get_dag_runs(dag_id="none") == store.get_task_instances(dag_id="none") == []


def test_alone_it_knows_itself_only() -> None:
    store = MemoryStore(SystemClock())
    assert (store.get_dag("d"), store.get_dag_runs(dag_id="d"), store.get_task_instances(dag_id="d")) == (None, [], [])
