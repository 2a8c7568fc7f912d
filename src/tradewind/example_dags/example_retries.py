"""When things go wrong: retries with backoff, callbacks, and a task that cleans up in any case."""

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG, task


def tell(context):
    """Called by the task's own process when its last try has failed; see the end of the task's log."""
    print(f"{context['ti'].task_id} has failed for good")


with DAG(
    "example_retries",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    default_args={"retries": 2, "retry_delay": timedelta(seconds=1), "retry_exponential_backoff": True},
    tags=["example"],
    doc_md=__doc__,
):

    @task(on_failure_callback=tell)
    def unsteady(ti=None):
        """Work at the second try."""
        if ti.try_number < 2:
            raise RuntimeError("the sea is rough")
        return f"arrived at try {ti.try_number}"

    @task(trigger_rule="all_done", retries=0)
    def clean_up():
        print("everything is put away, whatever happened before")

    unsteady() >> clean_up()
