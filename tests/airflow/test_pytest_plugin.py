"""The pytest plugin: authors' tests import `airflow`, and find a store in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
from airflow.models import Variable
from airflow.sdk import DAG
import tradewind

def test_names():
    assert DAG is tradewind.DAG

def test_store(tradewind_store):
    tradewind_store.variables["key"] = "value"
    assert Variable.get("key") == "value"
"""


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tradewind.pytest_plugin", "-W", "ignore", *options]
    environment = {"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath("test_author.py").write_text(TEST)
    tmp_path.joinpath("pytest.ini").write_text("[pytest]\n")
    return tmp_path


def test_authors_tests_run(folder: Path) -> None:
    ran = run_pytest(folder)
    assert ran.returncode == 0, ran.stdout
    assert "2 passed" in ran.stdout


def test_it_can_be_turned_off(folder: Path) -> None:
    folder.joinpath("pytest.ini").write_text("[pytest]\ntradewind_airflow = false\n")
    ran = run_pytest(folder)
    assert ran.returncode != 0
    assert "No module named 'airflow'" in ran.stdout
