"""Params: values that a run may bring, checked against JSON schemas before the run is created."""

from datetime import datetime, timezone

from airflow.sdk import Param, dag, task


@dag(
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    params={
        "ships": Param(3, type="integer", minimum=1, maximum=10, description="How many ships sail"),
        "cargo": Param("grain", enum=["grain", "salt", "timber"]),
        "captain": Param(None, type=["null", "string"]),
    },
    tags=["example"],
)
def example_params():
    """Sail with as many ships as the run says.

    Trigger it with a conf such as `{"ships": 5, "cargo": "salt"}`. A conf like `{"ships": 50}` is refused.
    """

    @task
    def load(params=None):
        return [f"ship {number} carries {params['cargo']}" for number in range(1, params["ships"] + 1)]

    @task
    def sail(manifest: list, params=None):
        for line in manifest:
            print(line)
        print(f"captain: {params['captain'] or 'nobody'}")

    sail(load())


example_params()
