"""Deadlines that are kept and missed, with callbacks of every kind, and Airflow 2's sla."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.system import until
from tests.system.families import DEADLINE_S

if TYPE_CHECKING:
    from tests.system.families import FamilyUnderTest

DAGS = """
    import time
    from datetime import datetime, timedelta, timezone

    from airflow.sdk import (
        DAG, AsyncCallback, BaseDeadlineReference, BaseNotifier, DeadlineAlert, DeadlineReference, SyncCallback,
        deadline_reference, task,
    )

    PAST = datetime(2024, 1, 1, tzinfo=timezone.utc)


    def late(text, context):
        print("sync", text, context["dag_run"].run_id, context["deadline"]["alert_name"])


    async def late_async(**kwargs):
        print("async", kwargs["context"]["deadline"]["deadline_time"].year)


    class Note(BaseNotifier):
        template_fields = ("message",)

        def __init__(self, message):
            super().__init__()
            self.message = message

        async def async_notify(self, context):
            print("note", self.message)


    @deadline_reference
    class House(BaseDeadlineReference):
        def _evaluate_with(self, *, session, **kwargs):
            return PAST + timedelta(days=366)


    def alert(reference, callback, seconds=0, name=None):
        return DeadlineAlert(reference=reference, interval=timedelta(seconds=seconds), callback=callback, name=name)


    with DAG("late_deadlines", schedule=None, deadline=[
        alert(DeadlineReference.FIXED_DATETIME(PAST), SyncCallback(late, {"text": "one"}), name="first"),
        alert(DeadlineReference.DAGRUN_QUEUED_AT, AsyncCallback(late_async), 1),
        alert(DeadlineReference.DAGRUN_LOGICAL_DATE, SyncCallback("os.getcwd"), 10),
        alert(DeadlineReference.AVERAGE_RUNTIME(5, 1), SyncCallback(late, {"text": "no run before"})),
        alert(House(), AsyncCallback(Note, {"message": "{{ run_id }}"})),
        alert(DeadlineReference.DAGRUN_QUEUED_AT, SyncCallback("not.there.at_all"), 0, "broken"),
    ]):

        @task
        def wait():
            time.sleep(3)

        wait()

    with DAG("kept_deadlines", schedule=None, deadline=alert(
        DeadlineReference.DAGRUN_QUEUED_AT, SyncCallback(late, {"text": "never"}), 600
    )):

        @task
        def work():
            pass

        work()
"""

SLA = """
    import time
    from datetime import datetime, timedelta

    from airflow import DAG
    from airflow.operators.python import PythonOperator


    def missed(dag, task_list, blocking_task_list, slas, blocking_tis):
        print("sla", dag.dag_id, task_list, [sla.task_id for sla in slas], [ti.task_id for ti in blocking_tis])


    with DAG("slas", schedule_interval="@daily", start_date=datetime(2024, 1, 1), end_date=datetime(2024, 1, 1),
             catchup=True, sla_miss_callback=missed):
        PythonOperator(task_id="slow", python_callable=lambda: time.sleep(4), sla=timedelta(hours=1))
        PythonOperator(task_id="no_sla", python_callable=lambda: None)
"""


def _log(family: FamilyUnderTest, dag_id: str, run_id: str) -> str:
    path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/callbackLogs"
    return family.http.get(path, headers={"Accept": "text/plain"}).text


def test_deadlines(family: FamilyUnderTest) -> None:
    family.write("deadlines.py", DAGS)
    run_id = family.run("late_deadlines", logical_date="2024-03-01T00:00:00Z")
    path = "/api/v2/dags/{}/dagRuns/{}/deadlines"

    def missed() -> list[dict[str, object]]:
        found = family.get(path.format("late_deadlines", run_id))["deadlines"]
        return found if all(one["missed"] and one["callback_called_at"] for one in found) else []

    found = until(lambda: len(missed()) == 5 and missed(), DEADLINE_S, "five missed deadlines")
    assert {one["alert_id"] for one in found} == {0, 1, 2, 4, 5}
    assert {one["deadline_time"] for one in found} >= {"2024-01-01T00:00:00Z", "2024-03-01T00:00:10Z"}
    (broken,) = [one for one in found if one["callback_error"]]
    assert (broken["alert_name"], "ModuleNotFoundError" in broken["callback_error"]) == ("broken", True)
    log = _log(family, "late_deadlines", run_id)
    for line in (f"sync one {run_id} first", "async 20", f"note {run_id}"):
        assert line in log
    assert "no run before" not in log
    kept = family.run("kept_deadlines")
    until(lambda: not family.get(path.format("kept_deadlines", kept))["deadlines"], DEADLINE_S, "the kept deadline")
    (alert,) = family.get("/api/v2/dags/kept_deadlines/deadlineAlerts")["deadline_alerts"]
    assert (alert["reference_type"], alert["interval"]) == ("DagRunQueuedAtDeadline", 600)
    assert "broken" in family.cli("dags", "list-deadlines", "late_deadlines", "--missed").stdout


def test_an_sla_of_airflow_2(family: FamilyUnderTest) -> None:
    family.write("slas.py", SLA)
    family.wait_for_dag("slas")
    (run,) = until(lambda: family.get("/api/v2/dags/slas/dagRuns")["dag_runs"], DEADLINE_S, "the run")
    run_id = run["dag_run_id"]
    until(
        lambda: "sla slas slow on 2024-01-01T00:00:00+00:00 ['slow']" in _log(family, "slas", run_id), DEADLINE_S, "sla"
    )
    (deadline,) = family.get(f"/api/v2/dags/slas/dagRuns/{run_id}/deadlines")["deadlines"]
    assert (deadline["alert_name"], deadline["deadline_time"]) == ("sla", "2024-01-02T01:00:00Z")
    family.wait_for_run("slas", run_id, "success")
