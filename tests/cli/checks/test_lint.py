"""`tradewind dags lint` on files of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine

OLD = """\
from datetime import datetime

from airflow import DAG
from airflow.operators.dummy import DummyOperator

with DAG("old", schedule_interval="@daily", start_date=datetime(2024, 1, 1)) as dag:
    DummyOperator(task_id="a")
"""
NEW = "from airflow.sdk import DAG\n\ndag = DAG('new', schedule=None)\n"


@pytest.fixture
def folder(home: Path) -> Path:
    """Return a folder with an old file, a new one, and what is no DAG file."""
    folder = home / "linted"
    (folder / ".hidden").mkdir(parents=True)
    (folder / "old.py").write_text(OLD)
    (folder / "new.py").write_text(NEW)
    (folder / ".hidden" / "old.py").write_text(OLD)
    return folder


def rows(tradewind: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    answer = tradewind("dags", "lint", *arguments, "--output", "json")
    found = json.loads(answer.out)
    assert answer.code == (1 if found else 0)
    return found


def test_findings_are_listed_with_their_place(tradewind: CommandLine, folder: Path) -> None:
    found = rows(tradewind, str(folder))
    assert [(Path(row["path"]).name, row["line"], row["is_fixable"]) for row in found] == [
        ("old.py", 4, True),
        ("old.py", 6, True),
    ]
    assert found[0]["modern"] == "airflow.providers.standard.operators.empty.EmptyOperator"
    assert rows(tradewind, str(folder), "--no-load") == found
    text = tradewind("dags", "lint", str(folder / "old.py"))
    assert text.out.splitlines()[1].endswith("use schedule= [--fix]")
    assert "2 of which --fix rewrites" in text.err
    github = tradewind("dags", "lint", str(folder), "--output", "github")
    assert github.out.startswith("::warning file=")


def test_a_modern_file_is_a_success(tradewind: CommandLine, folder: Path) -> None:
    assert rows(tradewind, str(folder / "new.py")) == []


def test_a_rewritten_file_keeps_the_defaults_of_airflow_2(tradewind: CommandLine, folder: Path) -> None:
    assert rows(tradewind, "--fix", str(folder)) == []
    fixed = (folder / "old.py").read_text()
    assert fixed.startswith("# airflow-defaults: 2\nfrom datetime import datetime\n")
    assert "EmptyOperator(task_id=" in fixed
    assert 'schedule="@daily"' in fixed
    assert (folder / "new.py").read_text() == NEW
    assert (folder / ".hidden" / "old.py").read_text() == OLD
    assert rows(tradewind, "--fix", str(folder)) == []
    assert (folder / "old.py").read_text() == fixed


def test_a_file_that_cannot_be_loaded_is_rewritten_all_the_same(tradewind: CommandLine, folder: Path) -> None:
    (folder / "old.py").write_text(OLD + "import nothing_of_that_name\n")
    [row] = rows(tradewind, "--fix", str(folder))
    assert "it cannot be loaded: old.py:9: ModuleNotFoundError" in row["message"]
    assert (folder / "old.py").read_text().startswith("# airflow-defaults: 2\n")


def test_what_only_loading_shows_is_listed_too(tradewind: CommandLine, folder: Path) -> None:
    (folder / "old.py").write_text(
        "from airflow import DAG\n\ngiven = {'schedule_interval': None}\ndag = DAG('old', **given)\n"
    )
    [row] = rows(tradewind, str(folder))
    assert (row["line"], row["since"], row["is_fixable"]) == (4, "2.4", False)
    assert rows(tradewind, str(folder), "--no-load") == []


def test_no_python_is_told(tradewind: CommandLine, folder: Path) -> None:
    (folder / "old.py").write_text("from airflow import (\n")
    found = rows(tradewind, "--no-load", str(folder))
    assert [row["message"].partition(":")[0] for row in found] == ["it cannot be read"]


def test_fixing_needs_loading(tradewind: CommandLine, folder: Path) -> None:
    assert "--fix has to load the files" in tradewind.refused("dags", "lint", "--fix", "--no-load", str(folder), code=2)
