"""Backfills by the real family: from the command line, of DAGs with cron and with an author's timetable."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from benchmarks.system import until

if TYPE_CHECKING:
    from tests.system.families import FamilyUnderTest

DAGS = """
    from datetime import datetime, timedelta, timezone

    from airflow.sdk import DAG, task
    from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

    ENDED = datetime(2020, 1, 1, tzinfo=timezone.utc)


    class EveryThirdDay(Timetable):
        def infer_manual_data_interval(self, *, run_after):
            return DataInterval.exact(run_after)

        def next_dagrun_info(self, *, last_automated_data_interval, restriction):
            if last_automated_data_interval is None:
                start = restriction.earliest
            else:
                start = last_automated_data_interval.start + timedelta(days=3)
            if restriction.latest is not None and start > restriction.latest:
                return None
            return DagRunInfo.interval(start, start + timedelta(days=1))


    def tasks():
        @task
        def first(logical_date=None):
            return logical_date.isoformat()

        @task
        def second(value, dag_run=None):
            assert dag_run.run_type == "backfill", dag_run.run_type
            return [value, dag_run.conf]

        second(first())


    with DAG("cron_NAME", schedule="@daily", start_date=ENDED, end_date=ENDED, max_active_runs=1):
        tasks()

    with DAG("own_NAME", schedule=EveryThirdDay(), start_date=ENDED, end_date=ENDED):
        tasks()
"""


def test_backfills_from_the_command_line(family: FamilyUnderTest) -> None:
    name = uuid.uuid4().hex[:8]
    family.write(f"{name}.py", DAGS.replace("NAME", name))
    family.wait_for_dag(f"cron_{name}")
    family.wait_for_dag(f"own_{name}")
    span = ("--from-date", "2024-01-01", "--to-date", "2024-01-10")

    create = ("backfill", "create", "--dag-id", f"cron_{name}", *span, "--dag-run-conf", '{"x": 1}')
    planned = family.cli(*create, "--dry-run", "--output", "json")
    assert len(json.loads(planned.stdout)) == 10, planned.stderr
    created = json.loads(family.cli(*create, "--output", "json").stdout)[0]["id"]
    own = json.loads(family.cli("backfill", "create", "--dag-id", f"own_{name}", *span, "--output", "json").stdout)[0][
        "id"
    ]
    for number in (created, own):
        until(lambda number=number: family.get(f"/api/v2/backfills/{number}")["completed_at"], 40, f"backfill {number}")
    runs = family.get(f"/api/v2/dags/cron_{name}/dagRuns?run_type=backfill")["dag_runs"]
    assert [(run["logical_date"][:10], run["state"]) for run in runs] == [
        (f"2024-01-{day:02d}", "success") for day in range(1, 11)
    ]
    runs = family.get(f"/api/v2/dags/own_{name}/dagRuns?run_type=backfill")["dag_runs"]
    assert [(run["logical_date"][:10], run["state"]) for run in runs] == [
        (f"2024-01-{day:02d}", "success") for day in (1, 4, 7, 10)
    ]
    again = family.cli(
        "dags", "backfill", f"cron_{name}", "-s", "2024-01-09", "-e", "2024-01-11", "--reset-dagruns", "-y"
    )
    assert again.returncode == 0, again.stderr
    runs = family.get(f"/api/v2/dags/cron_{name}/dagRuns?order_by=logical_date")["dag_runs"]
    tries = [
        family.get(f"/api/v2/dags/cron_{name}/dagRuns/{run['dag_run_id']}/taskInstances/second")["try_number"]
        for run in runs[-4:]
    ]
    assert tries == [1, 2, 2, 1]
