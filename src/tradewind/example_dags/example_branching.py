"""Choosing a way: a branch, the skipped other ways, and a join that runs whichever was taken."""

from datetime import datetime, timezone

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.sdk import DAG, Label


def choose(dag_run, **_context):
    """Go by the parity of the minute in which the run was due; `{"way": "even"}` as conf decides otherwise."""
    way = dag_run.conf.get("way")
    return way if way in {"even", "odd"} else ("odd" if dag_run.run_after.minute % 2 else "even")


with DAG(
    "example_branching",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    tags=["example"],
    doc_md=__doc__,
):
    branch = BranchPythonOperator(task_id="branch", python_callable=choose)
    even = PythonOperator(task_id="even", python_callable=lambda: print("an even minute"))
    odd = PythonOperator(task_id="odd", python_callable=lambda: print("an odd minute"))
    # With the usual rule, all_success, the skipped way would skip the join too.
    join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")

    branch >> Label("minute is even") >> even >> join
    branch >> Label("minute is odd") >> odd >> join
