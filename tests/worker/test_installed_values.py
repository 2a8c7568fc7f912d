"""What the installation says about values holds in worker processes: XCom backend, secrets backends, queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tradewind.executors.local_protocol import WorkerOptions
from tradewind.serialization.messages import DagFile, StoreCall

from tests.executors.local_harness import Harness

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
PLUGIN = """
from airflow.models.xcom import BaseXCom
from airflow.secrets import BaseSecretsBackend


class Marked(BaseXCom):
    @staticmethod
    def serialize_value(value, key=None, task_id=None, dag_id=None, run_id=None, map_index=None):
        if value == "poison":
            raise OSError("bucket is gone")
        return BaseXCom.serialize_value({"marked": value, "by": task_id})


class Vault(BaseSecretsBackend):
    def __init__(self, prefix):
        super().__init__()
        self.prefix = prefix

    def get_variable(self, key):
        return self.prefix + key
"""
DAG_FILE = """
from airflow import DAG
from airflow.models import DagRun, Variable
from airflow.operators.python import PythonOperator
from airflow.utils.session import provide_session
from sqlalchemy import and_


@provide_session
def ask(session=None):
    run = session.query(DagRun).filter(and_(DagRun.dag_id == "d", DagRun.state == "failed")).first()
    return [run.run_id, run.start_date.year]


with DAG("d"):
    PythonOperator(task_id="read", python_callable=lambda: Variable.get("key"))
    PythonOperator(task_id="fail", python_callable=lambda: "poison")
    PythonOperator(task_id="ask", python_callable=ask)
"""


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "installed_values_of_shop.py").write_text(PLUGIN)
    options = WorkerOptions(
        plugins_folder=str(plugins),
        author_values={
            "xcom_backend": "installed_values_of_shop.Marked",
            "secrets_backends": [["installed_values_of_shop.Vault", {"prefix": "vault-"}]],
        },
    )
    harness = Harness(tmp_path, options=options, parallelism=1)
    yield harness
    harness.close()


@pytest.fixture
def file(harness: Harness) -> DagFile:
    return harness.write("dags.py", DAG_FILE)


def test_values_go_through_the_backends(harness: Harness, file: DagFile) -> None:
    end = harness.run(file, "read")
    assert json.loads(end.xcoms[0].value) == {"marked": "vault-key", "by": "read"}


def test_a_backend_that_raises_fails_its_try_and_nothing_else(harness: Harness, file: DagFile) -> None:
    end = harness.run(file, "fail")
    assert end.outcome == "failed"
    assert end.error == (
        "XComBackendError: the XCom backend installed_values_of_shop.Marked cannot store XCom 'return_value' "
        "of task 'fail': OSError: bucket is gone"
    )
    assert harness.run(file, "read").outcome == "success"


def test_queries_cross_the_pipe(harness: Harness, file: DagFile) -> None:
    asked: list[StoreCall] = []

    def find_rows(call: StoreCall) -> object:
        asked.append(call)
        row = {"dag_id": "d", "run_id": "r1", "run_type": "manual", "state": "failed", "conf": {}}
        return [row | {"run_after": START, "start_date": START}]

    harness.loop.answers["find_rows"] = find_rows
    end = harness.run(file, "ask")
    assert json.loads(end.xcoms[0].value) == {"marked": ["r1", 2024], "by": "ask"}
    assert asked[0].arguments == {
        "table": "dag_run",
        "filters": [["dag_id", "eq", "d"], ["state", "eq", "failed"]],
        "order_by": [],
        "limit": 1,
        "offset": 0,
    }
