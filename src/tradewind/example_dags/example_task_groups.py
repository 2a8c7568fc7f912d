"""Task groups: parts of a DAG under a name of their own, nested, from a class or from a decorator."""

from datetime import datetime, timezone

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, chain, task, task_group

with DAG(
    "example_task_groups",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    tags=["example"],
    doc_md=__doc__,
):

    @task
    def add(number: int):
        return number + 1

    @task
    def double(number: int):
        return number * 2

    @task_group
    def arithmetic(number: int):
        """Add one, then double."""
        return double(add(number))

    @task
    def show(result: int):
        print(f"the result is {result}")

    with TaskGroup("prepare", tooltip="Everything before the arithmetic") as prepare:
        first = EmptyOperator(task_id="first")
        with TaskGroup("checks"):
            chain(first, [EmptyOperator(task_id="disk"), EmptyOperator(task_id="network")])

    result = arithmetic(20)
    prepare >> result
    show(result)
