"""Deferred tasks of a real family, on both databases: what fires them, who answers them, and a triggerer that is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.system import until
from tests.postgres import PostgresServer
from tests.system.conftest import STRICT
from tests.system.families import DEADLINE_S, FamilyUnderTest

CHILD = b"tradewind.triggerer.child.process"
COUNT = 20

WAYS = """
    import asyncio
    import os
    from datetime import timedelta

    import pendulum
    from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLEntryOperator
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
    from airflow.providers.standard.sensors.filesystem import FileSensor
    from airflow.sdk import DAG, BaseOperator, Connection, Param, Variable, task
    from airflow.triggers.base import BaseTrigger, TriggerEvent

    DATE = pendulum.datetime(2024, 5, 5, tz="UTC")


    class FileTrigger(BaseTrigger):
        def __init__(self, path):
            super().__init__()
            self.path = path

        def serialize(self):
            return f"{__name__}.FileTrigger", {"path": self.path}

        async def run(self):
            self.log.info("the trigger looks")
            while not os.path.exists(self.path):
                await asyncio.sleep(0.02)
            print("the trigger has found it")
            yield TriggerEvent({"path": self.path})


    class WaitOperator(BaseOperator):
        template_fields = ("path",)

        def __init__(self, path, **kwargs):
            super().__init__(**kwargs)
            self.path = path

        def execute(self, context):
            self.log.info("the task defers")
            self.defer(trigger=FileTrigger(self.path), method_name="finish", kwargs={"number": 7}, timeout=timedelta(hours=1))

        def finish(self, context, event, number):
            self.log.info("the task goes on")
            return [event["path"], number]


    with DAG("deferral_called", schedule=None):

        @task
        def work():
            return "done"

        work()

    with DAG("deferral_ways", schedule=None):
        WaitOperator(task_id="own", path="FOLDER/{{ dag.dag_id }}")
        FileSensor(task_id="file", filepath="FOLDER/file", deferrable=True, poke_interval=0.1)
        call = TriggerDagRunOperator(
            task_id="call", trigger_dag_id="deferral_called", logical_date=DATE, wait_for_completion=True,
            deferrable=True, poke_interval=1,
        )
        ExternalTaskSensor(
            task_id="external", external_dag_id="deferral_called", external_task_id="work", deferrable=True,
            execution_date_fn=lambda _: DATE, poll_interval=0.1,
        )
        ApprovalOperator(task_id="approve", subject="Go on?") >> task(task_id="approved")(lambda: "yes")()
        HITLEntryOperator(task_id="form", subject="How many?", params={"count": Param(1, type="integer")})

    with DAG("deferral_many", schedule=None, max_active_tasks=100):
        for number in range(COUNT):
            WaitOperator(task_id=f"wait_{number}", path="FOLDER/many")
"""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def waiting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FamilyUnderTest, Path]]:
    """Return a family with the DAGs, and the folder whose files they wait for."""
    settings: dict[str, object] = {**STRICT, "core__parallelism": 8}
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        settings["database__sql_alchemy_conn"] = server.url(server.create_database())
    folder = tmp_path_factory.mktemp("awaited")
    family = FamilyUnderTest(tmp_path_factory.mktemp(f"deferral_{request.param}"), **settings)
    try:
        family.write("ways.py", WAYS.replace("FOLDER", str(folder)).replace("COUNT", str(COUNT)))
        family.start()
        family.wait_for_dag("deferral_many")
        yield family, folder
        assert family.stop() == 0
    finally:
        family.close()


def test_every_way_to_wait_outside_the_workers(waiting: tuple[FamilyUnderTest, Path]) -> None:
    family, folder = waiting
    run_id = family.trigger("deferral_ways")
    for task_id in ("own", "file"):
        family.wait_for_instance("deferral_ways", run_id, task_id, "deferred")
    assert stored_arguments(family)
    assert all(one == b"{}" or one.startswith(b"gAAAA") for one in stored_arguments(family)), "in clear in the database"
    for task_id in ("approve", "form"):
        family.wait_for_instance("deferral_ways", run_id, task_id, "awaiting_input")
    (folder / "deferral_ways").touch()
    (folder / "file").touch()
    address = f"/api/v2/dags/deferral_ways/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    answer = family.http.patch(address, json={"chosen_options": ["Approve"], "params_input": {}})
    assert answer.status_code == 200, answer.text
    asked = family.cli("tasks", "questions", "--dag-id", "deferral_ways", "-o", "plain")
    assert "How many?" in asked.stdout, asked
    assert "Go on?" not in asked.stdout
    told = family.cli("tasks", "answer", "deferral_ways", run_id, "form", "OK", "--params", '{"count": 3}')
    assert told.returncode == 0, told.stderr
    family.wait_for_run("deferral_ways", run_id, "success")
    assert set(family.states("deferral_ways", run_id).values()) == {"success"}
    assert family.xcom("deferral_ways", run_id, "own") == [str(folder / "deferral_ways"), 7]
    assert family.xcom("deferral_ways", run_id, "approved") == "yes"
    form = family.xcom("deferral_ways", run_id, "form")
    assert (form["chosen_options"], form["params_input"]) == (["OK"], {"count": 3})

    written = family.cli("tasks", "logs", "deferral_ways", "own", run_id).stdout
    order = ["the task defers", "the trigger looks", "the trigger has found it", "the task goes on"]
    found = [written.find(words) for words in order]
    assert -1 not in found, written
    assert found == sorted(found), written


def test_all_go_on_when_the_triggerer_is_killed(waiting: tuple[FamilyUnderTest, Path]) -> None:
    family, folder = waiting
    run_id = family.trigger("deferral_many")

    def all_wait(times: int) -> bool:
        return family.http.get(f"/api/v2/dags/deferral_many/dagRuns/{run_id}").json()["state"] == "running" and all(
            log_of(family, run_id, number).count("the trigger looks") >= times for number in range(COUNT)
        )

    until(lambda: all_wait(1), DEADLINE_S, "all triggers")
    first = child_of(family)
    os.kill(first, signal.SIGKILL)
    until(lambda: all_wait(2), DEADLINE_S, "all triggers in a second child")
    second = child_of(family)
    parent = parent_of(second)
    assert second != first
    os.kill(parent, signal.SIGKILL)
    until(lambda: all_wait(3), DEADLINE_S, "all triggers in another triggerer")
    third = child_of(family)
    assert parent_of(third) != parent
    (folder / "many").touch()
    family.wait_for_run("deferral_many", run_id, "success")
    found = family.get(f"/api/v2/dags/deferral_many/dagRuns/{run_id}/taskInstances")["task_instances"]
    assert {(one["state"], one["try_number"]) for one in found} == {("success", 1)}
    assert len(found) == COUNT


def stored_arguments(family: FamilyUnderTest) -> list[bytes]:
    """Return what the database has of the arguments of triggers, and of the methods that tasks go on in."""
    url = family.environment.get("TRADEWIND__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{family.home / 'tradewind.db'}")
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT kwargs, next_kwargs FROM trigger")).all()
    engine.dispose()
    return [bytes(value) for row in rows for value in row]


def log_of(family: FamilyUnderTest, run_id: str, number: int) -> str:
    """Return what stands in the log file of a task's first try."""
    found = list(family.home.rglob(f"*run_id={run_id}/task_id=wait_{number}/attempt=1.log"))
    return found[0].read_text(errors="replace") if found else ""


def child_of(family: FamilyUnderTest) -> int:
    """Return the process that runs the family's triggers."""
    return next(pid for pid in family.living() if CHILD in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))


def parent_of(pid: int) -> int:
    """Return the process that started another one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
