"""Tasks that wait for each other across DAGs: sensors that leave the worker, runs that tasks start, and a teardown."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.system.families import FamilyUnderTest

DAGS = """
    from datetime import timedelta

    import pendulum
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
    from airflow.providers.standard.sensors.time_delta import WaitSensor
    from airflow.sdk import DAG, PokeReturnValue, setup, task, teardown

    DATE = pendulum.datetime(2024, 5, 5, tz="Europe/Paris")

    with DAG("awaited_NAME", schedule=None, params={"size": 1}):

        @task
        def work(params=None):
            return params["size"]

        work()

    with DAG("waiting_NAME", schedule=None):

        @setup
        def prepare():
            return 2

        @teardown
        def clean():
            raise ValueError("no matter")

        @task.sensor(mode="reschedule", poke_interval=0.2, timeout=30)
        def look(ti=None):
            first = ti.get_first_reschedule_date()
            waited = first is not None and pendulum.now() - first > timedelta(seconds=0.5)
            return PokeReturnValue(waited, xcom_value="seen")

        @task(trigger_rule="all_done")
        def pull(ti=None):
            return [ti.xcom_pull(task_ids="look"), ti.xcom_pull(task_ids="start", key="trigger_run_id")]

        with prepare() >> clean():
            start = TriggerDagRunOperator(
                task_id="start", trigger_dag_id="awaited_NAME", logical_date=DATE, conf={"size": 5},
                wait_for_completion=True, deferrable=True, poke_interval=1,
            )
            wait = ExternalTaskSensor(
                task_id="wait", external_dag_id="awaited_NAME", external_task_id="work", check_existence=True,
                execution_date_fn=lambda _: DATE, mode="reschedule", poke_interval=1,
            )
            pause = WaitSensor(task_id="pause", time_to_wait=timedelta(seconds=1), deferrable=True)
            look() >> start >> wait >> pull()
            pause >> wait
"""


def test_tasks_wait_across_dags(family: FamilyUnderTest) -> None:
    name = uuid.uuid4().hex[:6]
    waiting, awaited = f"waiting_{name}", f"awaited_{name}"
    family.write(f"waiting_{name}.py", DAGS.replace("NAME", name))
    family.wait_for_dag(awaited)
    run_id = family.trigger(waiting)
    family.wait_for_run(waiting, run_id, "success")
    states = family.states(waiting, run_id)
    assert {task_id for task_id, state in states.items() if state != "success"} == {"clean"}
    assert states["clean"] == "failed"
    started = "manual__2024-05-04T22:00:00+00:00"
    assert family.xcom(waiting, run_id, "pull") == ["seen", started]
    assert family.xcom(awaited, started, "work") == 5
    # The sensor went through several looks in one try.
    look = family.instance(waiting, run_id, "look")
    assert look["try_number"] == 1
    assert family.log(waiting, run_id, "look").count("Rescheduled to") >= 2
