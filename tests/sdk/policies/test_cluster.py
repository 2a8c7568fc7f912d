"""Cluster policies of `airflow_local_settings`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.airflow.finder import install
from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.document import to_document
from tradewind.sdk.exceptions import (
    AirflowClusterPolicyError,
    AirflowClusterPolicySkipDag,
    AirflowClusterPolicyViolation,
)
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.policies import cluster

Settings = Callable[[str], None]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Return a function that writes the installation's policies."""
    install()
    monkeypatch.syspath_prepend(str(tmp_path))
    cluster.forget_policies()

    def write(source: str) -> None:
        (tmp_path / "airflow_local_settings.py").write_text(source)

    yield write
    sys.modules.pop("airflow_local_settings", None)
    cluster.forget_policies()


def dag_with(**arguments: Any) -> DAG:
    dag = DAG("d", schedule=None)
    PythonOperator(task_id="t", dag=dag, python_callable=print, **arguments)
    return dag


def test_policies_change_dags_and_tasks(settings: Settings) -> None:
    settings(
        "def task_policy(task):\n    task.queue = 'policy'\n    task.retries = 7\n"
        "def dag_policy(dag):\n    dag.tags.add('seen')\n"
    )
    dag = dag_with()
    cluster.apply_cluster_policies(dag)
    document = to_document(dag, dag_folder="/")
    assert (document.tags, document.tasks[0].queue, document.tasks[0].retries) == (("seen",), "policy", 7)


def test_a_task_instance_is_changed_before_there_is_one(settings: Settings) -> None:
    settings(
        "def task_instance_mutation_hook(task_instance, dag_run=None):\n"
        "    if task_instance.task_id == 't':\n        task_instance.queue = 'moved'\n"
        "        task_instance.pool_slots += 1\n"
    )
    task = to_document(dag_with(), dag_folder="/").tasks[0]
    assert (task.queue, task.pool_slots) == ("moved", 2)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        ("AirflowClusterPolicyViolation('no owner')", AirflowClusterPolicyViolation, "no owner"),
        ("AirflowClusterPolicySkipDag('not here')", AirflowClusterPolicySkipDag, "not here"),
        ("KeyError('x')", AirflowClusterPolicyError, "a cluster policy failed on DAG 'd': KeyError: 'x'"),
    ],
)
def test_a_policy_refuses_a_dag(settings: Settings, error: str, kind: type[Exception], says: str) -> None:
    settings(f"from airflow.exceptions import *\ndef dag_policy(dag):\n    raise {error}\n")
    with pytest.raises(kind, match=says):
        cluster.apply_cluster_policies(dag_with())


def test_policies_that_cannot_be_imported_let_nothing_through(settings: Settings) -> None:
    settings("import nothing_of_this_name\n")
    for _ in range(2):
        with pytest.raises(AirflowClusterPolicyError, match=r"cannot be imported: ModuleNotFoundError.*until"):
            cluster.apply_cluster_policies(dag_with())


def test_marked_functions_of_airflows_own_kind_work(settings: Settings) -> None:
    settings("from airflow.policies import hookimpl\n@hookimpl\ndef task_policy(task):\n    task.pool = 'p'\n")
    dag = dag_with()
    cluster.apply_cluster_policies(dag)
    assert dag.get_task("t").pool == "p"


def test_environment_variables_and_time_limits(settings: Settings) -> None:
    settings(
        "def get_airflow_context_vars(context):\n    return {'team': 'a', 'AIRFLOW_CTX_B': 'b'}\n"
        "def get_dagbag_import_timeout(dag_file_path):\n    return -1 if 'slow' in dag_file_path else 5\n"
    )
    assert cluster.env_vars_of_policies({}) == {"AIRFLOW_CTX_TEAM": "a", "AIRFLOW_CTX_B": "b"}
    assert cluster.import_timeout_of("/dags/slow.py", 30) == 0
    assert cluster.import_timeout_of("/dags/a.py", 30) == 5


def test_answers_of_the_wrong_kind(settings: Settings) -> None:
    settings(
        "def get_airflow_context_vars(context):\n    return {'a': 5}\n"
        "def get_dagbag_import_timeout(dag_file_path):\n    return 'long'\n"
    )
    with pytest.raises(TypeError, match="'a': 5"):
        cluster.env_vars_of_policies({})
    with pytest.raises(TypeError, match="'long'"):
        cluster.import_timeout_of("/a.py", 30)


def test_without_policies_nothing_changes(settings: Settings) -> None:
    del settings
    cluster.apply_cluster_policies(dag_with())
    assert cluster.env_vars_of_policies({}) == {}
    assert cluster.import_timeout_of("/a.py", 30) == 30
