"""Variables and connections: from the API into files and tasks, encrypted on the way."""

from __future__ import annotations

import sqlite3

from benchmarks.system import until
from tests.system.families import DEADLINE_S, FamilyUnderTest

READER = """
    from airflow.hooks.base import BaseHook
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG, Connection, Variable, task

    with DAG({dag_id!r}, schedule=None, description=Variable.get({key!r}, default="unset")):
        @task
        def read():
            hook = BaseHook.get_connection({conn_id!r})
            return [Variable.get({key!r}), hook.host, hook.password, hook.extra_dejson["token"]]

        @task
        def write():
            Variable.set({written!r}, "by a task")

        write()
        BashOperator(task_id="rendered", bash_command="echo {{{{ var.value.{key} }}}} {{{{ conn.{conn_id}.host }}}}")
        read()
"""


def put_in(family: FamilyUnderTest, key: str, conn_id: str) -> None:
    answer = family.http.post("/api/v2/variables", json={"key": key, "value": "treasure-in-the-clear"})
    assert answer.status_code == 201, answer.text
    connection = {
        "connection_id": conn_id,
        "conn_type": "postgres",
        "host": "db.example.com",
        "login": "me",
        "password": "password-in-the-clear",
        "extra": '{"token": "token-in-the-clear", "timeout": 3}',
    }
    answer = family.http.post("/api/v2/connections", json=connection)
    assert answer.status_code == 201, answer.text


def read_back(family: FamilyUnderTest, prefix: str) -> str:
    """Run a DAG that reads both in every way; return its run_id."""
    dag_id, key, conn_id = f"{prefix}_reader", f"{prefix}_key", f"{prefix}_db"
    put_in(family, key, conn_id)
    family.write(f"{dag_id}.py", READER.format(dag_id=dag_id, key=key, conn_id=conn_id, written=f"{prefix}_written"))
    run_id = family.run(dag_id)
    assert set(family.states(dag_id, run_id).values()) == {"success"}
    assert family.xcom(dag_id, run_id, "rendered") == "treasure-in-the-clear db.example.com"
    assert family.get(f"/api/v2/variables/{prefix}_written")["value"] == "by a task"
    return run_id


def test_variables_and_connections_reach_tasks_and_are_encrypted(family: FamilyUnderTest) -> None:
    run_id = read_back(family, "stored")
    assert family.xcom("stored_reader", run_id, "read") == [
        "treasure-in-the-clear",
        "db.example.com",
        "password-in-the-clear",
        "token-in-the-clear",
    ]
    shown = family.get("/api/v2/connections/stored_db")
    assert shown["password"] != "password-in-the-clear"
    assert "token-in-the-clear" not in shown["extra"]
    assert family.cli("variables", "get", "stored_key").stdout.strip() == "treasure-in-the-clear"

    database = sqlite3.connect(family.home / "tradewind.db")
    variables = database.execute("SELECT * FROM variable WHERE key = 'stored_key'").fetchall()
    connections = database.execute("SELECT * FROM connection WHERE conn_id = 'stored_db'").fetchall()
    database.close()
    assert len(variables) == len(connections) == 1
    assert "in-the-clear" not in repr(variables + connections)


def test_a_file_that_reads_a_variable_follows_its_change(family: FamilyUnderTest) -> None:
    family.write(
        "follows.py",
        """
        from airflow.sdk import DAG, Variable

        with DAG("follows", schedule=None, description=Variable.get("followed", default="unset")):
            pass
        """,
    )
    until(lambda: family.wait_for_dag("follows")["description"] == "unset", DEADLINE_S, "the default")
    family.http.post("/api/v2/variables", json={"key": "followed", "value": "set"})
    until(lambda: family.wait_for_dag("follows")["description"] == "set", DEADLINE_S, "the variable")
    family.http.patch("/api/v2/variables/followed", json={"key": "followed", "value": "changed"})
    until(lambda: family.wait_for_dag("follows")["description"] == "changed", DEADLINE_S, "the change")
