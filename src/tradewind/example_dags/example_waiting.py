"""Waiting without a worker: for a moment, then for a person's answer, which decides how the run goes on."""

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.providers.standard.sensors.time_delta import WaitSensor
from airflow.sdk import DAG, task

with DAG(
    "example_waiting",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    tags=["example"],
    doc_md=__doc__,
):
    # Deferred: neither a worker nor a slot of a pool is taken meanwhile.
    pause = WaitSensor(task_id="pause", time_to_wait=timedelta(seconds=5), deferrable=True)

    # `tradewind tasks answer example_waiting RUN_ID ask Approve`; rejected, what comes after is skipped.
    ask = ApprovalOperator(
        task_id="ask",
        subject="Ship it?",
        body="Run {{ run_id }} has waited for 5 seconds.",
        defaults="Reject",
        response_timeout=timedelta(hours=1),
    )

    @task
    def ship():
        print("shipped")

    pause >> ask >> ship()
