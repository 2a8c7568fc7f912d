"""Commands that import DAG files: `dags test`, `tasks test`, `tasks render`, and those that parse the folder."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tradewind.metadata.batch import Batch, XComWrite

from tests.cli.conftest import CommandLine
from tests.metadata.conftest import World

DAG_FILE = """
from datetime import datetime
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Param, dag, task

@dag(schedule="@daily", start_date=datetime(2024, 1, 1), params={"n": Param(1, type="integer")})
def numbers():
    @task
    def first(params=None):
        print("n is", params["n"])
        return params["n"]

    @task
    def second(value, run_id=None):
        if value > 5:
            raise ValueError("too much")
        return value * 10

    second(first()) >> BashOperator(task_id="command", bash_command="echo {{ ds }}")

numbers()
"""
RUN = "scheduled__2026-03-01T00:00:00+00:00"


@pytest.fixture
def dag_file(migrated_home: Path) -> Path:
    """Return a file with one DAG in the DAG folder."""
    file = migrated_home / "dags" / "numbers.py"
    file.write_text(DAG_FILE)
    return file


def last_line(text: str) -> dict[str, Any]:
    return json.loads(text.splitlines()[-1])


# ---- dags test -------------------------------------------------------------------------------------------------------


def test_a_dag_is_run_to_its_end(tradewind: CommandLine, dag_file: Path) -> None:
    answer = tradewind("dags", "test", "numbers", "2024-05-01", "--output", "json")
    assert answer.code == 0
    assert last_line(answer.out) == {
        "run": "success",
        "tasks": {"command": "success", "first": "success", "second": "success"},
    }
    assert "n is 1" in answer.out


def test_no_database_is_needed(tradewind: CommandLine, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.py"
    file.write_text(DAG_FILE)
    answer = tradewind("dags", "test", "-f", str(file), "numbers")
    assert (answer.code, answer.out) == (0, "n is 1\n")
    assert "of DAG numbers: success" in answer.err
    assert list(home.iterdir()) == []


def test_assets_of_the_other_dags_of_the_file_are_known(tradewind: CommandLine, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "makers.py"
    file.write_text(
        "from airflow.sdk import asset\n\n\n@asset(schedule=None)\ndef first():\n    return 1\n\n\n"
        "@asset(schedule=first)\ndef second(self, context, first):\n    print(self.name, 'of', first.uri)\n"
    )
    assert "second of first" in tradewind.ok("dags", "test", "--file", str(file), "second")
    assert not (home / "tradewind.db").exists()


def test_a_run_that_fails_has_exit_code_1(tradewind: CommandLine, dag_file: Path) -> None:
    answer = tradewind("dags", "test", "numbers", "-c", '{"n": 6}', "-o", "json")
    assert answer.code == 1
    assert last_line(answer.out) == {
        "run": "failed",
        "tasks": {"command": "upstream_failed", "first": "success", "second": "failed"},
    }


def test_states_are_printed_in_other_forms(tradewind: CommandLine, dag_file: Path) -> None:
    answer = tradewind("dags", "test", "numbers", "--mark-success-pattern", ".*", "-o", "plain")
    assert answer.out.splitlines() == [
        "task_id  state",
        "command  success",
        "first    success",
        "second   success",
    ]


def test_the_graph_shows_the_states(tradewind: CommandLine, dag_file: Path) -> None:
    text = tradewind.ok("dags", "test", "numbers", "--mark-success-pattern", ".*", "--show-dagrun")
    assert '"first" [label="first" shape=rectangle fillcolor=green style="filled,rounded"]' in text


def test_variables_come_from_the_database_and_files_come_first(
    tradewind: CommandLine, migrated_home: Path, tmp_path: Path
) -> None:
    (migrated_home / "dags" / "v.py").write_text(
        "from airflow.sdk import DAG, Variable, task, Connection\n"
        "with DAG('v') as dag:\n"
        "    @task\n"
        "    def show():\n"
        "        Variable.set('written', 'here')\n"
        "        print(Variable.get('a'), Variable.get('b'), Variable.get('written'), Connection.get('c').host)\n"
        "    show()\n",
    )
    for key in ("a", "b"):
        tradewind.ok("variables", "set", key, "database")
    (tmp_path / "v.json").write_text('{"a": "file"}')
    (tmp_path / "c.env").write_text("c=http://in-file")
    files = ["--variable-file", str(tmp_path / "v.json"), "--conn-file", str(tmp_path / "c.env")]
    answer = tradewind("dags", "test", "v", *files)
    assert (answer.code, answer.out) == (0, "file database here in-file\n")
    assert "no variable 'written'" in tradewind.refused("variables", "get", "written")


def test_a_conf_that_breaks_the_schema_runs_nothing(tradewind: CommandLine, dag_file: Path) -> None:
    assert "'x' is not of type 'integer'" in tradewind.refused("dags", "test", "numbers", "-c", '{"n": "x"}')


def test_a_dag_that_is_not_there_is_named(tradewind: CommandLine, dag_file: Path, tmp_path: Path) -> None:
    assert f"no DAG 'other' in {dag_file.parent}" in tradewind.refused("dags", "test", "other")
    line = tradewind.refused("dags", "test", "other", "--file", str(dag_file))
    assert "has no DAG 'other'; its DAGs are numbers" in line
    empty = tmp_path / "empty"
    empty.mkdir()
    assert f"no DAG 'numbers' in {empty}" in tradewind.refused("dags", "test", "numbers", "-S", str(empty))
    tradewind.refused("dags", "test", "numbers", "-f", str(tmp_path / "no.py"), code=2)


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("1 / 0", "line 3, cannot be imported: ZeroDivisionError: division by zero"),
        ("def (", "line 3, cannot be imported: SyntaxError"),
        ("import sys; sys.exit(4)", "line 3, cannot be imported: it calls sys.exit(4)"),
    ],
)
def test_a_file_that_cannot_be_imported_is_named_with_the_line(
    tradewind: CommandLine, migrated_home: Path, code: str, part: str
) -> None:
    file = migrated_home / "dags" / "broken.py"
    file.write_text(f"from airflow.sdk import DAG\ndag = DAG('broken')\n{code}\n")
    line = tradewind.refused("dags", "test", "broken")
    assert f"{file}, {part}" in line
    assert part in tradewind.refused("dags", "test", "named-by-code", "--file", str(file))
    (migrated_home / "dags" / "good.py").write_text("from airflow.sdk import DAG\ndag = DAG('good')\n")
    assert last_line(tradewind.ok("dags", "test", "good", "-o", "json")) == {"run": "success", "tasks": {}}


def test_a_cycle_is_told(tradewind: CommandLine, migrated_home: Path) -> None:
    (migrated_home / "dags" / "c.py").write_text(
        "from airflow.sdk import DAG\nfrom airflow.providers.standard.operators.empty import EmptyOperator\n"
        "with DAG('circle') as dag:\n    a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n"
        "    a >> b >> a\n",
    )
    line = tradewind.refused("dags", "test", "circle")
    assert "circle" in line
    assert "ycle" in line


# ---- tasks test, tasks render ----------------------------------------------------------------------------------------


def test_one_task_is_run_whatever_is_before_it(tradewind: CommandLine, dag_file: Path) -> None:
    answer = tradewind("tasks", "test", "numbers", "first", "2024-05-01", "-t", '{"n": 3}')
    assert (answer.code, answer.out) == (0, "n is 3\n")


def test_no_database_is_needed_for_a_task_either(tradewind: CommandLine, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.py"
    file.write_text(DAG_FILE)
    assert tradewind.ok("tasks", "test", "numbers", "first", "-S", str(file)) == "n is 1\n"
    assert tradewind.ok("tasks", "list", "numbers", "-f", str(file)).split() == ["command", "first", "second"]
    assert "echo 2024-05-01" in tradewind.ok("tasks", "render", "numbers", "command", "2024-05-01", "-f", str(file))
    assert list(home.iterdir()) == []


def test_a_task_that_fails_has_exit_code_1(tradewind: CommandLine, dag_file: Path) -> None:
    answer = tradewind("tasks", "test", "numbers", "second")
    assert answer.code == 1
    assert answer.err.splitlines()[-1].startswith("Error: task 'second' failed: TypeError")


def test_an_unknown_task_is_told(tradewind: CommandLine, dag_file: Path) -> None:
    line = tradewind.refused("tasks", "test", "numbers", "third")
    assert line == "Error: DAG 'numbers' has no task 'third'; it has command, first, second"
    assert "'x' is not of type" in tradewind.refused("tasks", "test", "numbers", "first", "-t", '{"n": "x"}')


def test_a_task_sees_the_environment_it_is_given(tradewind: CommandLine, migrated_home: Path) -> None:
    (migrated_home / "dags" / "e.py").write_text(
        "import os\nfrom airflow.sdk import DAG, task\n"
        "with DAG('e') as dag:\n    @task\n    def show():\n        print(os.environ['MINE'], os.environ['AIRFLOW_TEST_MODE'])\n"
        "    show()\n",
    )
    assert tradewind.ok("tasks", "test", "e", "show", "--env-vars", '{"MINE": 5}') == "5 True\n"
    assert tradewind("tasks", "test", "e", "show").code == 1


def test_a_stored_run_gives_dates_conf_and_xcoms(tradewind: CommandLine, dag_file: Path, world: World) -> None:
    tradewind.ok("dags", "reserialize")
    run = world.new_run("numbers")
    first, *_ = world.start(run, ("first", "second", "command"))
    world.commit(Batch(xcoms=[XComWrite(first, "return_value", b"4")]))
    answer = tradewind("tasks", "test", "numbers", "second", RUN)
    assert answer.code == 0
    assert "echo 2026-03-01" in tradewind.ok("tasks", "render", "numbers", "command", RUN)
    assert "(4,)" in tradewind.ok("tasks", "render", "numbers", "second", RUN)


def test_a_template_that_breaks_is_told(tradewind: CommandLine, migrated_home: Path) -> None:
    (migrated_home / "dags" / "t.py").write_text(
        "from airflow.sdk import DAG\nfrom airflow.providers.standard.operators.bash import BashOperator\n"
        "with DAG('t') as dag:\n    BashOperator(task_id='a', bash_command='{{ ds')\n",
    )
    assert "task 'a' cannot be rendered: TemplateSyntaxError" in tradewind.refused("tasks", "render", "t", "a", "x")


# ---- the folder ------------------------------------------------------------------------------------------------------


def test_the_folder_is_parsed_now(tradewind: CommandLine, dag_file: Path) -> None:
    (dag_file.parent / "broken.py").write_text("from airflow.sdk import DAG\n1 / 0\n")
    answer = tradewind("dags", "list", "--local", "-o", "json")
    assert answer.code == 0
    assert [row["dag_id"] for row in json.loads(answer.out)] == ["numbers"]
    assert "1 DAG file(s) cannot be imported" in answer.err
    answer = tradewind("dags", "list-import-errors", "--local", "-o", "json")
    assert answer.code == 1
    [row] = json.loads(answer.out)
    assert row["filepath"] == str(dag_file.parent / "broken.py")
    assert "ZeroDivisionError" in row["error"]


def test_the_report_counts(tradewind: CommandLine, dag_file: Path) -> None:
    [row] = json.loads(tradewind.ok("dags", "report", "-o", "json"))
    assert {name: row[name] for name in ("file", "dag_num", "task_num", "dags")} == {
        "file": "numbers.py",
        "dag_num": "1",
        "task_num": "3",
        "dags": ["numbers"],
    }
    assert float(row["duration"]) > 0


def test_what_is_parsed_can_be_stored(tradewind: CommandLine, dag_file: Path) -> None:
    assert "1 files imported, 1 DAGs changed, 0 files with errors" in tradewind("dags", "reserialize").err
    assert "0 DAGs changed" in tradewind("dags", "reserialize").err
    assert tradewind.ok("tasks", "list", "numbers").split() == ["command", "first", "second"]
    (dag_file.parent / "twice.py").write_text(DAG_FILE)
    assert tradewind("dags", "reserialize").code == 1


def test_log_records_go_to_standard_error(
    tradewind: CommandLine, dag_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    answer = tradewind("tasks", "test", "numbers", "first")
    assert answer.out == "n is 1\n"
    assert "INFO - Running <Task" in answer.err
    assert root.handlers == []
