"""`ti`: what it knows of itself, of others, and what `xcom_pull` gives for each form of its arguments."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.ports import install_worker_store
from tradewind.serialization.records import DagRunRecord, TaskInstanceRecord, XComRecord
from tradewind.standalone.memory_store import MemoryStore
from tradewind.worker.tries.task_instance import RuntimeTaskInstance

from tests.worker.conftest import WHEN, facts, order_of


@pytest.fixture(autouse=True)
def _installed(store: MemoryStore) -> Any:
    before = install_worker_store(store)
    yield
    install_worker_store(before)


def instance(dag: DAG, **fields: Any) -> RuntimeTaskInstance:
    task = dag.task_dict.get("t") or PythonOperator(task_id="t", python_callable=lambda: None, dag=dag)
    return RuntimeTaskInstance(order_of("t", **fields), task, started_at=WHEN, base_url="http://here/")


@pytest.fixture
def ti(dag: DAG, store: MemoryStore) -> RuntimeTaskInstance:
    """Return an instance of task `t`, in a run where others have pushed."""

    def push(task_id: str, value: Any, key: str = "return_value", map_index: int = -1, run_id: str = "r") -> None:
        store.set_xcom(
            dag_id="d", run_id=run_id, task_id=task_id, map_index=map_index, key=key, value=json.dumps(value).encode()
        )

    push("one", 1)
    push("two", 2)
    push("two", "other", key="k")
    push("t", "own")
    for index in (0, 1, 2):
        push("mapped", index * 10, map_index=index)
    push("single", "only", map_index=0)
    return instance(dag)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "own"),
        ({"task_ids": "one"}, 1),
        ({"task_ids": "one", "key": "k"}, None),
        ({"task_ids": "two", "key": "k"}, "other"),
        ({"task_ids": "none"}, None),
        ({"task_ids": "none", "default": 5}, 5),
        ({"task_ids": "one", "dag_id": "e"}, None),
        ({"task_ids": "one", "run_id": "s", "default": 3}, 3),
        ({"task_ids": ["two", "one"]}, [2, 1]),
        ({"task_ids": ("two",)}, [2]),
        ({"task_ids": ["one", "none", "two"]}, [1, None, 2]),
        ({"task_ids": "mapped"}, [0, 10, 20]),
        ({"task_ids": "single"}, "only"),
        ({"task_ids": ["one", "mapped"]}, [1, 0, 10, 20]),
        ({"task_ids": "mapped", "map_indexes": 1}, 10),
        ({"task_ids": "mapped", "map_indexes": 7, "default": "d"}, "d"),
        ({"task_ids": "mapped", "map_indexes": [2, 0]}, [20, 0]),
        ({"task_ids": "mapped", "map_indexes": range(2)}, [0, 10]),
        ({"task_ids": "mapped", "map_indexes": [0, 7], "default": "d"}, [0, "d"]),
        ({"task_ids": ["single", "mapped"], "map_indexes": 0}, ["only", 0]),
        ({"task_ids": "one", "map_indexes": None}, 1),
    ],
)
def test_xcom_pull_as_in_airflow_3(ti: RuntimeTaskInstance, arguments: dict[str, Any], expected: Any) -> None:
    ti.task.dag.airflow_defaults = 3
    assert ti.xcom_pull(**arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"task_ids": ["one", "none", "two"]}, [1, 2]),
        ({"task_ids": "single"}, ["only"]),
        ({"task_ids": "one", "map_indexes": None}, 1),
        ({"key": "k"}, "other"),
        ({"key": "absent", "default": 4}, 4),
        ({"task_ids": "two", "key": None}, "other"),
    ],
)
def test_xcom_pull_as_in_airflow_2(ti: RuntimeTaskInstance, arguments: dict[str, Any], expected: Any) -> None:
    ti.task.dag.airflow_defaults = 2
    assert ti.xcom_pull(**arguments) == expected


def test_map_indexes_of_another_kind_are_refused(ti: RuntimeTaskInstance) -> None:
    with pytest.raises(TypeError, match="map_indexes has to be a number"):
        ti.xcom_pull("mapped", map_indexes=1.5)  # type: ignore[arg-type]


def test_prior_dates_give_the_newest(dag: DAG, monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
    def get_xcoms(**arguments: Any) -> list[XComRecord]:
        assert arguments["include_prior_dates"]
        return [
            XComRecord(
                dag_id="d",
                run_id=f"r{day}",
                task_id="one",
                key="return_value",
                value=str(day).encode(),
                logical_date=WHEN - timedelta(days=day),
            )
            for day in (3, 1, 2)
        ]

    monkeypatch.setattr(store, "get_xcoms", get_xcoms)
    assert instance(dag).xcom_pull("one", include_prior_dates=True) == 1


def test_what_is_pushed_can_be_pulled(dag: DAG) -> None:
    ti = instance(dag, map_index=2)
    ti.xcom_push("k", {"a": [1]})
    assert ti.xcom_pull("t", key="k", map_indexes=2) == {"a": [1]}
    ti.clear_xcom_data()
    assert ti.xcom_pull("t", key="k", map_indexes=2) is None


def test_it_knows_itself(dag: DAG) -> None:
    ti = instance(dag, map_index=3, try_number=2, max_tries=4, dag_run=facts(run_id="a b"), queued_at=WHEN)
    assert ti.key == ("d", "t", "a b", 2, 3)
    assert ti.log_url == "http://here/dags/d/runs/a%20b/tasks/t/mapped/3?try_number=2"
    assert ti.mark_success_url == ti.log_url
    assert (ti.state, ti.next_try_number, ti.prev_attempted_tries, ti.is_premature) == ("running", 3, 2, False)
    assert ti.logical_date == ti.execution_date == ti.start_date == ti.queued_dttm == WHEN
    assert ti.end_date is None
    assert (ti.operator, ti.is_mapped, ti.stats_tags) == ("PythonOperator", True, {"dag_id": "d", "task_id": "t"})
    ti.ended_at = WHEN + timedelta(seconds=5)
    assert ti.duration == 5
    ti.refresh_from_db()
    assert ti.get_template_context() is ti.get_template_context()
    assert ti.get_dagrun().run_id == "a b"


def test_it_renders_on_request(dag: DAG) -> None:
    PythonOperator(task_id="t", python_callable=lambda: None, op_args=["{{ ds }}"], dag=dag)
    ti = instance(dag)
    original: Any = ti.render_templates()
    rendered: Any = ti.task
    assert (list(original.op_args), list(rendered.op_args)) == (["{{ ds }}"], ["2026-11-22"])


@pytest.fixture
def history(store: MemoryStore) -> None:
    """Put three earlier runs into the store: success, failed, without this task."""
    records: list[TaskInstanceRecord] = []
    for day, state in ((3, "success"), (2, "failed"), (1, None)):
        date = WHEN - timedelta(days=day)
        run = DagRunRecord(
            dag_id="d", run_id=f"r{day}", run_type="scheduled", state="success", logical_date=date, run_after=date
        )
        store.runs["d", run.run_id] = run
        if state is not None:
            records.append(
                TaskInstanceRecord(
                    dag_id="d", run_id=run.run_id, task_id="t", state=state, start_date=date, logical_date=date
                )
            )
        records.append(TaskInstanceRecord(dag_id="d", run_id=run.run_id, task_id="g.u", state="success", map_index=0))
    store.task_instances = lambda: records


@pytest.mark.usefixtures("history")
def test_it_finds_its_predecessors(dag: DAG) -> None:
    ti = instance(dag)
    assert ti.previous_ti is not None
    assert ti.previous_ti.run_id == "r2"
    assert ti.previous_ti_success is not None
    assert ti.previous_ti_success.run_id == "r3"
    assert ti.previous_start_date_success == WHEN - timedelta(days=3)
    assert ti.get_previous_execution_date() == WHEN - timedelta(days=2)
    assert ti.get_previous_ti(state="skipped") is None
    assert ti.get_previous_ti(logical_date=WHEN - timedelta(days=3)) is None
    previous = ti.get_previous_dagrun()
    assert previous is not None
    assert previous.run_id == "r1"
    dateless = instance(dag, dag_run=facts(logical_date=None, data_interval_start=None, data_interval_end=None))
    assert dateless.previous_ti is None


@pytest.mark.usefixtures("history")
def test_it_counts_others(dag: DAG) -> None:
    ti = instance(dag)
    assert ti.get_ti_count("d") == 5
    assert ti.get_ti_count("d", states=["failed"]) == 1
    assert ti.get_ti_count("d", task_group_id="g", map_index=0) == 3
    assert ti.get_task_states("d", run_ids=["r3"]) == {"r3": {"t": "success", "g.u_0": "success"}}
    assert ti.get_dr_count("d", states=["success"]) == 3
    assert ti.get_dagrun_state("d", "r1") == "success"
    assert ti.get_dagrun_state("d", "none") is None


def test_it_knows_whether_what_follows_is_done(dag: DAG, store: MemoryStore) -> None:
    ti = instance(dag)
    below = PythonOperator(task_id="below", python_callable=lambda: None, dag=dag)
    ti.task.set_downstream(below)
    record = TaskInstanceRecord(dag_id="d", run_id="r", task_id="below", state="running")
    store.task_instances = lambda: [record]
    assert not ti.are_dependents_done()
    store.task_instances = lambda: [TaskInstanceRecord(dag_id="d", run_id="r", task_id="below", state="success")]
    assert ti.are_dependents_done()


def test_a_sensor_finds_its_first_begin(dag: DAG) -> None:
    assert instance(dag, first_started_at=WHEN).get_first_reschedule_date({}) == WHEN
    assert instance(dag).get_first_reschedule_date({}) is None
