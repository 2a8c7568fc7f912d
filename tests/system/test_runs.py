"""Runs of a running family: triggered, scheduled, watched, paused."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta

from benchmarks.system import until
from tests.system.families import DEADLINE_S, FamilyUnderTest


def test_a_triggered_run_goes_through_its_tasks(family: FamilyUnderTest) -> None:
    family.write(
        "etl.py",
        """
        from airflow.providers.standard.operators.bash import BashOperator
        from airflow.sdk import DAG, task

        with DAG("etl", schedule=None, tags=["system"]):
            @task
            def extract(dag_run=None):
                return {"rows": [1, 2, 3], "conf": dag_run.conf}

            @task.branch
            def choose(data):
                return "load" if data["rows"] else "nothing"

            @task
            def load(data, ti=None):
                ti.xcom_push("count", len(data["rows"]))

            @task
            def nothing():
                return None

            data = extract()
            done = BashOperator(
                task_id="done",
                bash_command="echo got {{ ti.xcom_pull(task_ids='load', key='count') }}",
                trigger_rule="none_failed_min_one_success",
            )
            choose(data) >> [load(data), nothing()] >> done
        """,
    )
    run_id = family.trigger("etl", dag_run_id="mine", conf={"a": 1}, note="by hand")
    assert run_id == "mine"
    run = family.wait_for_run("etl", run_id)
    assert (run["state"], run["conf"], run["note"], run["run_type"]) == ("success", {"a": 1}, "by hand", "manual")
    assert family.states("etl", run_id) == {
        "extract": "success",
        "choose": "success",
        "load": "success",
        "nothing": "skipped",
        "done": "success",
    }
    assert family.xcom("etl", run_id, "extract") == {"rows": [1, 2, 3], "conf": {"a": 1}}
    assert family.xcom("etl", run_id, "load", "count") == 3
    assert family.xcom("etl", run_id, "done") == "got 3"
    assert "got 3" in family.log("etl", run_id, "done")
    again = family.http.post("/api/v2/dags/etl/dagRuns", json={"logical_date": None, "dag_run_id": "mine"})
    assert again.status_code == 409


def test_the_command_line_drives_the_same_family(family: FamilyUnderTest) -> None:
    family.write(
        "by_hand.py",
        """
        from airflow.sdk import DAG, task

        with DAG("by_hand", schedule=None):
            @task
            def greet(params=None):
                print("hello from the task")

            greet()
        """,
    )
    family.wait_for_dag("by_hand")
    triggered = family.cli("dags", "trigger", "by_hand", "--run-id", "from_cli", "--output", "json")
    assert triggered.returncode == 0, triggered.stderr
    family.wait_for_run("by_hand", "from_cli")
    states = family.cli("tasks", "states-for-dag-run", "by_hand", "from_cli", "--output", "json")
    assert [(row["task_id"], row["state"]) for row in json.loads(states.stdout)] == [("greet", "success")]
    assert "hello from the task" in family.cli("tasks", "logs", "by_hand", "greet", "from_cli").stdout
    listed = family.cli("dags", "list", "--output", "json")
    assert "by_hand" in {row["dag_id"] for row in json.loads(listed.stdout)}


def test_the_log_grows_while_the_task_runs(family: FamilyUnderTest) -> None:
    go_on = family.home / "go_on"
    family.write(
        "talks.py",
        f"""
        import os, time
        from airflow.sdk import DAG, task

        with DAG("talks", schedule=None):
            @task
            def talk():
                print("first words")
                while not os.path.exists({str(go_on)!r}):
                    time.sleep(0.01)
                print("last words")

            talk()
        """,
    )
    run_id = family.trigger("talks")
    family.wait_for_instance("talks", run_id, "talk", "running")
    until(lambda: "first words" in family.log("talks", run_id, "talk"), DEADLINE_S, "the first words")
    path = f"/api/v2/dags/talks/dagRuns/{run_id}/taskInstances/talk/logs/1"
    first = family.get(path)
    assert first["continuation_token"]
    assert not any("last words" in record["event"] for record in first["content"])
    go_on.touch()
    family.wait_for_run("talks", run_id)
    rest = family.get(f"{path}?token={first['continuation_token']}")
    events = [record["event"] for record in rest["content"]]
    assert any("last words" in event for event in events)
    assert not any("first words" in event for event in events)
    assert rest["continuation_token"] is None


def test_a_paused_dag_waits(family: FamilyUnderTest) -> None:
    family.write(
        "waits.py",
        """
        from airflow.sdk import DAG, task

        with DAG("waits", schedule=None, is_paused_upon_creation=True):
            @task
            def work():
                return 1

            work()
        """,
    )
    run_id = family.trigger("waits")
    # Its own DAG has begun after this one was triggered: were it not for the pause, this one had run.
    family.write(
        "passes.py",
        """
        from airflow.sdk import DAG, task

        with DAG("passes", schedule=None):
            @task
            def work():
                return 1

            work()
        """,
    )
    family.run("passes")
    assert family.get(f"/api/v2/dags/waits/dagRuns/{run_id}")["state"] == "queued"
    assert family.get("/api/v2/dags/waits")["is_paused"]
    answer = family.http.patch("/api/v2/dags/waits", json={"is_paused": False})
    assert answer.json()["is_paused"] is False
    assert family.wait_for_run("waits", run_id)["state"] == "success"
    family.http.patch("/api/v2/dags/waits", json={"is_paused": True})
    assert family.get("/api/v2/dags/waits")["is_paused"]


def test_clearing_and_marking_runs(family: FamilyUnderTest) -> None:
    flag = family.home / "may_work"
    family.write(
        "mends.py",
        f"""
        import os
        from airflow.sdk import DAG, task

        with DAG("mends", schedule=None):
            @task
            def first():
                return 1

            @task
            def second():
                assert os.path.exists({str(flag)!r}), "not yet"

            @task
            def third():
                return 3

            first() >> second() >> third()
        """,
    )
    run_id = family.run("mends")
    assert family.states("mends", run_id) == {"first": "success", "second": "failed", "third": "upstream_failed"}
    flag.touch()
    path = f"/api/v2/dags/mends/dagRuns/{run_id}"
    cleared = family.http.post(f"{path}/clear", json={"dry_run": False, "only_failed": True})
    assert cleared.status_code == 200, cleared.text
    assert family.wait_for_run("mends", run_id, "success")
    assert family.instance("mends", run_id, "first")["try_number"] == 1
    assert family.instance("mends", run_id, "second")["try_number"] == 2

    family.http.patch(path, json={"state": "failed"})
    assert family.get(path)["state"] == "failed"
    assert family.http.delete(path).status_code == 204
    assert family.http.get(path).status_code == 404


SCHEDULED = """
    from datetime import datetime, timedelta, timezone
    from airflow.sdk import DAG, task
    {extra}

    with DAG({dag_id!r}, {arguments}):
        @task
        def work():
            return 1

        work()
"""


def scheduled(family: FamilyUnderTest, dag_id: str, arguments: str, extra: str = "") -> None:
    family.write(f"{dag_id}.py", SCHEDULED.format(dag_id=dag_id, arguments=arguments, extra=extra))
    family.wait_for_dag(dag_id)


def runs_of(family: FamilyUnderTest, dag_id: str, state: str = "success") -> list[dict[str, str]]:
    path = f"/api/v2/dags/{dag_id}/dagRuns?state={state}&order_by=run_after&limit=100"
    return family.get(path)["dag_runs"]


def test_once_runs_once(family: FamilyUnderTest) -> None:
    scheduled(family, "once", "schedule='@once', start_date=datetime(2024, 1, 1)")
    until(lambda: runs_of(family, "once"), DEADLINE_S, "the run")
    # After a run of another DAG that was made later there is still no second one.
    scheduled(family, "after_once", "schedule='@once', start_date=datetime(2024, 1, 1)")
    until(lambda: runs_of(family, "after_once"), DEADLINE_S, "the run of the other DAG")
    (run,) = family.get("/api/v2/dags/once/dagRuns")["dag_runs"]
    assert run["run_type"] == "scheduled"


def test_continuous_runs_one_after_the_other(family: FamilyUnderTest) -> None:
    scheduled(family, "continuous", "schedule='@continuous', start_date=datetime(2024, 1, 1), max_active_runs=1")
    until(lambda: len(runs_of(family, "continuous")) >= 3, DEADLINE_S, "three runs")
    family.http.patch("/api/v2/dags/continuous", json={"is_paused": True})
    ended = [(run["start_date"], run["end_date"]) for run in runs_of(family, "continuous")]
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(ended))


def test_a_timedelta_of_a_second_runs_each_second(family: FamilyUnderTest) -> None:
    scheduled(
        family,
        "each_second",
        "schedule=timedelta(seconds=1), start_date=datetime.now(timezone.utc) - timedelta(hours=1), catchup=False",
    )
    until(lambda: len(runs_of(family, "each_second")) >= 3, DEADLINE_S, "three runs")
    family.http.patch("/api/v2/dags/each_second", json={"is_paused": True})
    times = [datetime.fromisoformat(run["run_after"].replace("Z", "+00:00")) for run in runs_of(family, "each_second")]
    steps = {later - earlier for earlier, later in itertools.pairwise(times)}
    assert all(step >= timedelta(seconds=1) and step.microseconds == 0 for step in steps), steps


def test_catchup_makes_up_for_missed_intervals(family: FamilyUnderTest) -> None:
    scheduled(
        family,
        "catches_up",
        "schedule='@daily', start_date=TODAY - timedelta(days=3), end_date=TODAY - timedelta(days=1), catchup=True",
        "TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)",
    )
    until(lambda: len(runs_of(family, "catches_up")) >= 3, DEADLINE_S, "three runs")
    dates = [run["logical_date"] for run in runs_of(family, "catches_up")]
    assert len(dates) == 3
    assert len(set(dates)) == 3
    assert all("T00:00:00" in date for date in dates)
