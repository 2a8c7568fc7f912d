"""The store in memory, over another one that knows more."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tradewind import DAG, TriggerDagRunOperator
from tradewind.core.clock import SystemClock
from tradewind.sdk.exceptions import DagRunAlreadyExists
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


def test_a_run_that_a_task_starts_counts_as_successful(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore(SystemClock())
    record = store.trigger_dag_run(dag_id="other", run_id="r", logical_date=DAY, conf={"a": 1})
    assert (record.state, record.conf, store.get_dag_runs(dag_id="other")) == ("success", {"a": 1}, [record])
    assert "run r of DAG other counts as successful" in caplog.text
    with pytest.raises(DagRunAlreadyExists):
        store.trigger_dag_run(dag_id="other", run_id="r")
    assert store.trigger_dag_run(dag_id="other", run_id="r", reset=True, run_after=DAY).run_after == DAY


def test_a_test_does_not_wait_for_a_run_that_nobody_starts() -> None:
    with DAG("starts", schedule=None) as dag:
        TriggerDagRunOperator(task_id="t", trigger_dag_id="other", wait_for_completion=True, poke_interval=0)
    assert dag.test().state == "success"
