"""The conformance runner's own parts: what a file is loaded as, and what stands in for what is not installed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from conformance.corpora import examples_of, search_paths
from conformance.execution import _last_object
from conformance.structure import digests
from conformance.surroundings import named_values
from tests.project.sources import REPOSITORY

DAG_FILE = """
import os
import numpy as np
from airflow import DAG
from airflow.models import Variable
from airflow.operators.bash_operator import BashOperator
from airflow.providers.acme.operators.rocket import RocketOperator
from airflow.utils.task_group import TaskGroup

with DAG("a_dag", schedule_interval="@daily", start_date=None) as dag:
    first = BashOperator(task_id="first", bash_command=Variable.get("command"))
    with TaskGroup("group"):
        second = RocketOperator(task_id="second", fuel=first.output, trigger_rule="all_done", size=np.int64(3))
os.environ["WANTED"]
"""


def load(file: Path, **job: Any) -> dict[str, Any]:
    base = {"key": "k", "file": str(file), "roots": [str(file.parent)], "search_paths": [str(file.parent)]}
    line = json.dumps({**base, "grafts": [], "environment": {}, "timeout_s": 30, **job}) + "\n"
    ran = subprocess.run(
        [sys.executable, "-m", "conformance.extraction"],
        input=line,
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    return json.loads(ran.stdout)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "author.py"
    path.write_text(DAG_FILE)
    return path


def test_a_file_is_loaded_with_stand_ins_and_named_values(file: Path) -> None:
    environment = named_values(file, [file.parent])
    assert environment == {"AIRFLOW_VAR_COMMAND": "1", "WANTED": "1"}
    answer = load(file, environment=environment)
    assert answer["ok"], answer
    dag = answer["dags"]["a_dag"]
    assert dag["schedule"] == "cron:0 0 * * *"
    assert dag["tasks"]["first"]["downstream"] == ["group.second"]
    assert dag["tasks"]["group.second"] == {
        "downstream": [],
        "trigger_rule": "all_done",
        "mapped": False,
        "group": "group",
        "setup": False,
        "teardown": False,
    }
    assert set(digests(answer["dags"])) >= {"dag_ids", "edges", "schedule"}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("from airflow.models import NoSuchThing", "no name airflow.models:NoSuchThing"),
        ("import airflow.no_such_module", "no module airflow.no_such_module"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", "the process ended without an answer"),
        ("import time; time.sleep(99)", "it did not finish in time"),
    ],
)
def test_a_file_that_fails_says_why(tmp_path: Path, code: str, why: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(code)
    answer = load(path, timeout_s=0.2 if "sleep" in code else 30)
    assert (answer["ok"], answer["why"]) == (False, why)


def test_where_modules_of_a_file_are_looked_for(tmp_path: Path) -> None:
    file = tmp_path / "repo" / "dags" / "team" / "a.py"
    for folder in (file.parent, tmp_path / "repo" / "plugins"):
        folder.mkdir(parents=True)
    repo = tmp_path / "repo"
    assert search_paths(file, repo) == [repo / "dags", repo / "plugins", repo, file.parent]


def test_examples_are_the_files_that_define_a_dag(tmp_path: Path) -> None:
    folder = tmp_path / "pypi" / "some-package-1" / "airflow" / "example_dags"
    folder.mkdir(parents=True)
    folder.joinpath("a.py").write_text("from airflow import DAG\nDAG('a')")
    folder.joinpath("library.py").write_text("import airflow")
    assert [file.key for file in examples_of("some-package==1", tmp_path)] == [
        "some-package==1:airflow/example_dags/a.py"
    ]


def test_files_of_a_source_distribution_have_keys_of_their_own(tmp_path: Path) -> None:
    archives = tmp_path / "pypi" / "archives"
    archives.mkdir(parents=True)
    code = b"from airflow import DAG\nDAG('a')"
    with tarfile.open(archives / "some_package-1.tar.gz", "w:gz") as archive:
        for name in ("some_package-1/tests/system/example_a.py", "some_package-1/src/b.py"):
            member = tarfile.TarInfo(name)
            member.size = len(code)
            archive.addfile(member, io.BytesIO(code))
    found = examples_of("some-package==1", tmp_path, is_source=True)
    assert [file.key for file in found] == ["some-package==1/sdist:tests/system/example_a.py"]


def test_the_answer_is_the_last_object_that_was_printed() -> None:
    assert _last_object('noise\n{"run": "success",\n "tasks": {}}\n') == {"run": "success", "tasks": {}}
    assert _last_object("{broken") is None
