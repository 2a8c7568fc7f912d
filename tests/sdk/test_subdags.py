"""SubDAGs of Airflow 2: DAGs of their own that a task runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.airflow.finder import install
from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.document import to_document
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.importing import import_dag_file
from tradewind.sdk.subdags.operator import SubDagOperator
from tradewind.standalone.dag_test import run_dag_test


@pytest.fixture(autouse=True)
def namespace() -> None:
    """Let files import `airflow`."""
    install()


FILE = """
from airflow.exceptions import AirflowFailException, AirflowSkipException
from airflow.models.dag import DAG
from airflow.operators.python import PythonOperator
from airflow.operators.subdag import SubDagOperator

SEEN = []


def part(name, function, inner=None):
    dag = DAG(f"{name}", schedule="@daily", start_date=None)
    first = PythonOperator(task_id="first", python_callable=lambda run_id: run_id, dag=dag)
    last = PythonOperator(task_id="last", python_callable=function, dag=dag)
    first >> last
    return dag


def pull(ti):
    SEEN.append((ti.dag_id, ti.xcom_pull(task_ids="first") == ti.run_id))


def skip():
    raise AirflowSkipException


def fail():
    raise AirflowFailException("no")


with DAG("whole", schedule=None) as dag:
    good = SubDagOperator(task_id="good", subdag=part("whole.good", pull))
    skipped = SubDagOperator(
        task_id="skipped", subdag=part("whole.skipped", skip), propagate_skipped_state="any_leaf"
    )
    bad = SubDagOperator(task_id="bad", subdag=part("whole.bad", fail))
    after = {
        task_id: PythonOperator(task_id=f"after_{task_id}", python_callable=lambda: None)
        for task_id in ("good", "skipped", "bad")
    }
    good >> after["good"]
    skipped >> after["skipped"]
    bad >> after["bad"]
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_subdags_run_between_the_neighbours_of_their_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path))
    (tmp_path / "whole.py").write_text(FILE)
    dags = {dag.dag_id: dag for dag in import_dag_file(str(tmp_path / "whole.py"), str(tmp_path))}
    assert sorted(dags) == ["whole", "whole.bad", "whole.good", "whole.skipped"]
    assert [dag.is_subdag for dag in dags.values()].count(True) == 3
    part = to_document(dags["whole.good"], dag_folder=tmp_path)
    assert (part.timetable["type"], part.relative_fileloc, part.is_paused_upon_creation) == ("null", "whole.py", False)
    run = run_dag_test(dags["whole"])
    assert run.state == "failed"
    assert {ti.task_id: ti.state for ti in run.get_task_instances()} == {
        "good": "success",
        "after_good": "success",
        "skipped": "success",
        "after_skipped": "skipped",
        "bad": "failed",
        "after_bad": "upstream_failed",
    }


def test_a_subdag_is_called_as_its_task() -> None:
    dag = DAG("whole", schedule=None)
    with pytest.raises(AirflowException, match=r"Expected 'whole\.part'; received 'other'"):
        SubDagOperator(task_id="part", subdag=DAG("other", schedule=None), dag=dag)
    with pytest.raises(AirflowException, match="needs a DAG"):
        SubDagOperator(task_id="part", subdag=DAG("whole.part", schedule=None))
