"""Mapped tasks by the real family: expanded, shown, cleared one by one, found again after a kill."""

from __future__ import annotations

import signal
import uuid
from typing import TYPE_CHECKING

from benchmarks.system import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.families import FamilyUnderTest

DAG = """
    import time
    from pathlib import Path

    from airflow.sdk import DAG, task, task_group

    HOME = Path(__file__).parent

    with DAG("NAME", schedule=None):
        @task
        def numbers():
            return list(range(6))

        @task(map_index_template="number {{ task.op_kwargs['number'] }}")
        def double(number):
            while number == 5 and not (HOME / "go").exists():
                time.sleep(0.02)
            return 2 * number

        @task_group
        def both(number):
            @task
            def plus(number):
                return number + 1

            @task
            def times(number):
                return number * 10

            return times(plus(number))

        @task
        def total(values):
            return sum(values)

        total(both.expand(number=double.expand(number=numbers())))
"""


def instances(family: FamilyUnderTest, name: str, task_id: str) -> dict[int, str]:
    found = family.get(f"/api/v2/dags/{name}/dagRuns/one/taskInstances/{task_id}/listMapped")["task_instances"]
    return {one["map_index"]: one["state"] for one in found}


def test_a_map_goes_through_a_group_survives_a_kill_and_is_cleared_by_index(
    own_family: Callable[..., FamilyUnderTest],
) -> None:
    family, name = own_family(), f"m{uuid.uuid4().hex[:8]}"
    family.start()
    family.write(f"{name}.py", DAG.replace("NAME", name))
    family.trigger(name, dag_run_id="one")
    ready = dict.fromkeys(range(5), "success")
    until(lambda: instances(family, name, "double").items() >= ready.items(), 40, "five instances")
    assert family.states(name, "one")["both.plus"] is None
    family.stop(signal.SIGKILL)
    family.start()
    (family.dags / "go").touch()
    assert family.wait_for_run(name, "one")["state"] == "success"
    assert family.xcom(name, "one", "total") == sum(10 * (2 * number + 1) for number in range(6))
    shown = family.get(f"/api/v2/dags/{name}/dagRuns/one/taskInstances/double/3")
    assert (shown["map_index"], shown["rendered_map_index"]) == (3, "number 3")

    cleared = family.cli("tasks", "clear", name, "-t", "both.times", "--run", "one", "--map-index", "2", "--yes")
    assert cleared.returncode == 0, cleared.stderr
    assert family.wait_for_run(name, "one")["state"] == "success"
    tries = [
        family.get(f"/api/v2/dags/{name}/dagRuns/one/taskInstances/both.times/{index}/tries")["total_entries"]
        for index in range(6)
    ]
    assert tries == [1, 1, 2, 1, 1, 1]
    explained = family.cli("tasks", "explain", name, "both.times", "one", "--map-index", "2")
    assert "both.times is success" in explained.stdout, explained.stderr
