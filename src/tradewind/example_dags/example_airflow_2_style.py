"""Written for Airflow 2: old names and arguments work, and each is listed as a warning with its modern form."""

# ruff: noqa: AIR301, AIR302, AIR311 - the old spellings are what this file shows
from airflow import DAG
from airflow.operators.bash_operator import BashOperator
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import PythonOperator
from airflow.utils.dates import days_ago


def greet(**context):
    """Show what the context holds under its old names."""
    print(f"task {context['task_instance'].task_id} of run {context['run_id']}")
    return "greeted"


with DAG(
    dag_id="example_airflow_2_style",
    default_args={"owner": "airflow", "start_date": days_ago(2)},
    schedule_interval=None,
    concurrency=4,
    default_view="graph",
    tags=["example"],
) as dag:
    start = DummyOperator(task_id="start")
    hello = PythonOperator(task_id="hello", python_callable=greet, provide_context=True)
    answer = BashOperator(task_id="answer", bash_command="echo {{ ti.xcom_pull(task_ids='hello') }}")

    start >> hello >> answer
