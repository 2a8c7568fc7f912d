"""A schedule with data intervals: each run works on the hour before it, and only the latest one publishes."""

from datetime import datetime, timezone

from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, task

with DAG(
    "example_schedule",
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    # Runs for all the hours since the start date would be created with True.
    catchup=False,
    max_active_runs=1,
    tags=["example"],
    doc_md=__doc__,
):

    @task
    def collect(dag_run=None, data_interval_start=None, data_interval_end=None):
        print(f"collecting from {data_interval_start} to {data_interval_end}")
        # A run that was triggered without a logical date has no interval.
        return (data_interval_start or dag_run.run_after).hour

    @task.short_circuit
    def is_daytime(hour: int):
        """Return whether to go on: a false value skips everything after it."""
        return 6 <= hour < 22

    @task
    def publish():
        print("published")

    latest_only = LatestOnlyOperator(task_id="latest_only")
    is_daytime(collect()) >> latest_only >> publish()
