"""The same family on PostgreSQL: files, runs, changes and an outage of the server."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from benchmarks.system import until
from tests.postgres import PostgresServer, find_binaries
from tests.system.conftest import STRICT
from tests.system.families import DEADLINE_S, FamilyUnderTest
from tests.system.test_dag_files import one_task

RECORD = re.compile(r"\d{4}-\d\d-\d\d |Tradewind \S+ is ready|  sign in as ")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server that may be restarted: no other test is on it."""
    made = PostgresServer(find_binaries(), keeps_commits=True)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def on_postgres(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FamilyUnderTest]:
    """Return a family on that server."""
    address = server.url(server.create_database())
    family = FamilyUnderTest(tmp_path_factory.mktemp("postgres"), **STRICT, database__sql_alchemy_conn=address)
    try:
        family.start()
        yield family
        assert family.stop() == 0
        assert [line for line in family.written().splitlines() if not RECORD.match(line)] == []
    finally:
        family.close()


def test_runs_files_and_variables_work(on_postgres: FamilyUnderTest) -> None:
    family = on_postgres
    family.http.post("/api/v2/variables", json={"key": "word", "value": "stored"})
    family.write(
        "reads_word.py",
        """
        from airflow.sdk import DAG, Variable, task

        with DAG("reads_word", schedule=None):
            @task
            def word():
                return Variable.get("word")

            @task
            def twice(word):
                return word * 2

            twice(word())
        """,
    )
    run_id = family.run("reads_word")
    assert family.states("reads_word", run_id) == {"word": "success", "twice": "success"}
    assert family.xcom("reads_word", run_id, "twice") == "storedstored"

    family.write("pg_edit.py", one_task("pg_edit", "old"))
    assert family.xcom("pg_edit", family.run("pg_edit"), "answer") == "old"
    family.write("pg_edit.py", one_task("pg_edit", "new"))
    until(lambda: family.xcom("pg_edit", family.run("pg_edit"), "answer") == "new", DEADLINE_S, "the edit")


@pytest.mark.parametrize("immediately", [False, True])
def test_an_outage_of_the_server_is_waited_for(
    on_postgres: FamilyUnderTest, server: PostgresServer, tmp_path_factory: pytest.TempPathFactory, immediately: bool
) -> None:
    family = on_postgres
    go_on = tmp_path_factory.mktemp("outage") / "go_on"
    dag_id = f"outlives_{immediately}".lower()
    family.write(
        f"{dag_id}.py",
        f"""
        import os, time
        from airflow.sdk import DAG, task

        with DAG({dag_id!r}, schedule=None):
            @task
            def before():
                while not os.path.exists({str(go_on)!r}):
                    time.sleep(0.01)

            @task
            def after():
                return "all well"

            before() >> after()
        """,
    )
    run_id = family.trigger(dag_id)
    family.wait_for_instance(dag_id, run_id, "before", "running")
    server.stop(immediately=immediately)
    try:
        answer = family.http.get("/api/v2/dags")
        assert answer.status_code == 503, answer.text
        assert family.http.get("/api/v2/monitor/health").json()["metadatabase"]["status"] == "unhealthy"
        go_on.touch()
    finally:
        server.start()

    def has_ended() -> bool:
        answer = family.http.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")
        return answer.status_code == 200 and answer.json()["state"] == "success"

    until(has_ended, DEADLINE_S, "the end of the run")
    assert family.instance(dag_id, run_id, "before")["try_number"] == 1
    assert family.xcom(dag_id, run_id, "after") == "all well"
