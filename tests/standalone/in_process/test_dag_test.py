"""`dag.test()`: one run in one process, by the rules of the scheduler."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tradewind import DAG
from tradewind.config.settings import load_settings
from tradewind.core.states import DagRunState
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.definitions.param import Param
from tradewind.sdk.document import DagDocumentError
from tradewind.sdk.exceptions import AirflowRescheduleException, AirflowSkipException
from tradewind.sdk.operators.python import BranchPythonOperator, PythonOperator
from tradewind.sdk.ports import StoreUnavailableError, install_worker_store, worker_store
from tradewind.sdk.variable import Variable
from tradewind.serialization.run_conf import RunConfError
from tradewind.standalone.dag_test import run_dag_test
from tradewind.standalone.in_process.author_process import memory_store

from tests.standalone.in_process.conftest import Pauses

DATE = datetime(2024, 5, 1, 6, tzinfo=timezone.utc)


def run_of(dag: DAG, **options: Any) -> Any:
    """Return the finished run, untyped as it is for an author."""
    return run_dag_test(dag, **options)


def states(run: Any) -> dict[str, str | None]:
    return {ti.task_id: ti.state and ti.state.value for ti in run.get_task_instances()}


def task(task_id: str, function: Any, **options: Any) -> PythonOperator:
    return PythonOperator(task_id=task_id, python_callable=function, **options)


def fail() -> None:
    raise ValueError("no")


def test_a_run_has_airflows_attributes() -> None:
    with DAG("d", schedule="@daily", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc)) as dag:
        task("a", lambda: 1)
    run = run_of(dag, logical_date=DATE, run_conf={"x": 1})
    assert (run.dag_id, run.state, run.run_type, run.conf) == ("d", "success", "manual", {"x": 1})
    assert (run.logical_date, run.dag) == (DATE, dag)
    assert run.run_id.startswith("manual__")
    assert run.start_date <= run.end_date
    [ti] = run.task_instances
    assert (ti.task_id, ti.state, ti.try_number, ti.xcom_pull()) == ("a", "success", 1, 1)
    assert ti.start_date <= ti.end_date
    assert run.get_task_instance("nothing") is None
    assert run.get_task_instances(state="failed") == []


def test_the_data_interval_is_that_of_the_schedule() -> None:
    seen: list[Any] = []
    with DAG("d", schedule="@daily", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc)) as dag:
        task("a", lambda data_interval_start, ts: seen.append((data_interval_start, ts)))
    run = run_of(dag, logical_date=DATE)
    assert seen == [(run.data_interval_start, "2024-05-01T06:00:00+00:00")]


def test_the_method_of_a_dag_comes_here() -> None:
    with DAG("d") as dag:
        task("a", lambda: None)
    assert dag.test(logical_date=DATE).state is not None
    assert dag.test().logical_date is not None


def test_trigger_rules_and_branches_are_the_schedulers() -> None:
    with DAG("d") as dag:
        broken = task("broken", fail)
        branch = BranchPythonOperator(task_id="branch", python_callable=lambda: "left")
        branch >> [task("left", lambda: None), task("right", lambda: None)]
        broken >> [task("after", lambda: None), task("always", lambda: None, trigger_rule="all_done")]
    run = run_of(dag)
    assert states(run) == {
        "broken": "failed",
        "branch": "success",
        "left": "success",
        "right": "skipped",
        "after": "upstream_failed",
        "always": "success",
    }
    assert run.state == DagRunState.FAILED


def test_tasks_of_higher_priority_go_first() -> None:
    order: list[str] = []
    with DAG("d") as dag:
        for name, weight in (("low", 1), ("high", 9), ("middle", 5)):
            task(name, lambda name=name: order.append(name), priority_weight=weight)
    run_of(dag)
    assert order == ["high", "middle", "low"]


def test_retries_begin_at_once_with_a_notice(pauses: Pauses, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    def third_time(ti: Any) -> str:
        seen.append(ti.try_number)
        ti.xcom_push("seen", ti.try_number)
        if len(seen) < 3:
            fail()
        return "done"

    with DAG("d") as dag:
        task("a", third_time, retries=2, retry_delay=timedelta(hours=1))
    with caplog.at_level(logging.WARNING):
        run = run_of(dag)
    assert seen == [1, 2, 3]
    assert run.get_task_instance("a").try_number == 3
    assert run.get_task_instance("a").xcom_pull(key="seen") == 3
    assert pauses.seconds == []
    assert sum("tried again at once" in record.message for record in caplog.records) == 2


def test_a_sensor_is_waited_for(pauses: Pauses) -> None:
    class Patient(BaseOperator):
        looks = 0

        def execute(self, context: Any) -> int:
            Patient.looks += 1
            if Patient.looks < 3:
                raise AirflowRescheduleException(datetime.now(timezone.utc) + timedelta(seconds=50))
            return context["ti"].try_number

    with DAG("d") as dag:
        Patient(task_id="wait")
    run = run_of(dag)
    assert [round(seconds) for seconds in pauses.seconds] == [50, 50]
    assert run.get_task_instance("wait").xcom_pull() == 1


def test_tasks_that_match_are_marked_and_not_run() -> None:
    ran: list[str] = []
    with DAG("d") as dag:
        for name in ("wait_for_x", "work"):
            task(name, lambda name=name: ran.append(name))
    run = run_of(dag, mark_success_pattern="wait.*")
    assert ran == ["work"]
    assert set(states(run).values()) == {"success"}


@pytest.mark.parametrize(("function", "called"), [(lambda: None, "good success"), (fail, "bad failed")])
def test_the_dags_callback_is_called(function: Any, called: str) -> None:
    seen: list[str] = []
    with DAG(
        "d",
        on_success_callback=lambda context: seen.append(f"good {context['dag_run'].state}"),
        on_failure_callback=lambda context: seen.append(f"bad {context['dag_run'].state}"),
    ) as dag:
        task("a", function)
    run_of(dag)
    assert seen == [called]


def test_skips_are_no_failures() -> None:
    def skip() -> None:
        raise AirflowSkipException("not today")

    with DAG("d") as dag:
        task("a", skip) >> task("b", lambda: None)
    run = run_of(dag)
    assert states(run) == {"a": "skipped", "b": "skipped"}
    assert run.state == "success"


def test_tasks_see_each_other_in_the_store() -> None:
    seen: list[Any] = []
    with DAG("d") as dag:
        task("a", lambda: None) >> task(
            "b", lambda dag_run: seen.append({ti.task_id: ti.state for ti in dag_run.get_task_instances()})
        )
    run_of(dag)
    assert seen == [{"a": "success", "b": "running"}]


def test_conf_is_checked_before_anything_runs() -> None:
    ran: list[int] = []
    with DAG("d", params={"n": Param(1, type="integer")}) as dag:
        task("a", lambda params: ran.append(params["n"]))
    with pytest.raises(RunConfError, match="'n': 'x'"):
        run_of(dag, run_conf={"n": "x"})
    run_of(dag, run_conf={"n": 4})
    assert ran == [4]


def test_a_dag_that_makes_no_sense_is_told() -> None:
    with DAG("d") as dag:
        first, second = task("a", lambda: None), task("b", lambda: None)
        first >> second >> first
    with pytest.raises(DagDocumentError, match="DAG 'd'"):
        run_of(dag)


def test_files_of_variables_and_connections(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text("a: {x: 1}\nb: text\n")
    (tmp_path / "c.json").write_text('{"c": {"conn_type": "http", "host": "h"}}')
    seen: list[Any] = []

    def look() -> None:
        seen.append((Variable.get("a", deserialize_json=True), Variable.get("b")))
        found = worker_store().get_connection("c")
        seen.append(found and found.host)

    with DAG("d") as dag:
        task("a", look)
    run_of(dag, variable_file_path=str(tmp_path / "v.yaml"), conn_file_path=str(tmp_path / "c.json"))
    assert seen == [({"x": 1}, "text"), "h"]


def test_what_the_script_around_sets_is_seen_and_shared() -> None:
    install_worker_store(memory_store(load_settings()))
    Variable.set("from_script", "1")

    def work() -> None:
        Variable.set("from_task", Variable.get("from_script") + "2")

    with DAG("d") as dag:
        task("a", work)
    assert run_of(dag).state == "success"
    assert Variable.get("from_task") == "12"


def test_the_store_before_is_put_back() -> None:
    with DAG("d") as dag:
        task("a", lambda: None)
    run_of(dag)
    with pytest.raises(StoreUnavailableError):
        worker_store()


def test_an_executor_that_is_asked_for_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    with DAG("d") as dag:
        task("a", lambda: None)
    assert run_of(dag, use_executor=True).state == "success"
    assert "not with the executor" in caplog.text


def test_a_dag_without_tasks_succeeds() -> None:
    with DAG("d") as dag:
        pass
    assert run_of(dag).state == "success"
