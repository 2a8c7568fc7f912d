"""A SubDAG of Airflow 2 in a family: its run lies between the neighbours of its task."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.system.families import FamilyUnderTest

DAGS = """
    from airflow import DAG
    from airflow.operators.empty import EmptyOperator
    from airflow.operators.python import PythonOperator
    from airflow.operators.subdag import SubDagOperator


    def part(parent, child):
        dag = DAG(f"{parent}.{child}", schedule_interval="@daily")
        first = PythonOperator(task_id="first", python_callable=lambda: 5, dag=dag)
        last = PythonOperator(task_id="last", python_callable=lambda ti: ti.xcom_pull(task_ids="first"), dag=dag)
        first >> last
        return dag


    with DAG("with_part", schedule_interval=None) as dag:
        before, after = EmptyOperator(task_id="before"), PythonOperator(task_id="after", python_callable=lambda: None)
        before >> SubDagOperator(task_id="part", subdag=part("with_part", "part")) >> after
"""


def test_a_subdag_runs_between_the_neighbours_of_its_task(family: FamilyUnderTest) -> None:
    family.write("subdags.py", DAGS)
    run_id = family.run("with_part")
    assert family.states("with_part", run_id) == {"before": "success", "part": "success", "after": "success"}
    assert family.states("with_part.part", run_id) == {"first": "success", "last": "success"}
    assert family.xcom("with_part.part", run_id, "last") == 5
    dates = {
        name: family.instance(dag_id, run_id, name)
        for dag_id, name in (("with_part", "after"), ("with_part.part", "last"))
    }
    assert dates["last"]["end_date"] <= dates["after"]["start_date"]
