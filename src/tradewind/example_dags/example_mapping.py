"""As many tasks as there are items: a list that is known only in the run, worked on item by item, then put together."""

from datetime import datetime, timezone

from airflow.sdk import DAG, Param, get_current_context, task

with DAG(
    "example_mapping",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    params={"cities": Param(["Oslo", "Lima", "Hanoi"], type="array", items={"type": "string"}, minItems=1)},
    # At most so many at a time over all runs of the DAG.
    default_args={"max_active_tis_per_dag": 2},
    tags=["example"],
    doc_md=__doc__,
):

    @task
    def list_cities(params=None):
        """Return a list: a task that is mapped over it has one instance for each item."""
        return params["cities"]

    # Shown in place of the map index; it is filled in when the instance has run.
    @task(map_index_template="{{ city_name }}")
    def measure(city: str, unit: str):
        get_current_context()["city_name"] = city
        degrees = len(city) * 3
        print(f"{city}: {degrees} °{unit}")
        return degrees

    @task
    def average(measured):
        """Read the results of all instances: they come one by one, however many there are."""
        numbers = list(measured)
        print(f"on average {sum(numbers) / len(numbers):.1f} °")

    average(measure.partial(unit="C").expand(city=list_cities()))
