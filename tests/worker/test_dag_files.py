"""DAG files of several folders in one worker: each finds the modules beside it, whatever another folder has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.airflow import finder
from tradewind.serialization.messages import DagFile
from tradewind.worker.dag_files import DagFiles

DAG = """
from airflow.sdk import DAG
from beside_of_bundle import VERSION

dag = DAG(f"v{VERSION}", schedule=None)


def late():
    from late_of_bundle import LATE

    return LATE


dag.user_defined_macros = {"late": late}
"""


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Leave modules and the import path as they were."""
    finder.install()
    modules, path = dict(sys.modules), list(sys.path)
    yield
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]
    sys.path[:] = path


def version(tmp_path: Path, number: int) -> DagFile:
    folder = tmp_path / "bundles" / "code" / "versions" / f"c{number}"
    folder.mkdir(parents=True)
    (folder / "beside_of_bundle.py").write_text(f"VERSION = {number}\n")
    (folder / "late_of_bundle.py").write_text(f"LATE = {number}\n")
    (folder / "d.py").write_text(DAG)
    return DagFile(path=str(folder / "d.py"), folder=str(folder), fingerprint=f"c{number}")


def test_each_version_finds_its_own_modules(tmp_path: Path) -> None:
    files = DagFiles()
    versions = {number: version(tmp_path, number) for number in (1, 2)}
    for number in (1, 2, 1, 1):
        dag = files.dag(versions[number], f"v{number}")
        assert (dag.user_defined_macros or {})["late"]() == number


def test_folders_without_modules_of_their_own_stay_imported(tmp_path: Path) -> None:
    files = DagFiles()
    made = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "d.py").write_text(f"from airflow.sdk import DAG\ndag = DAG('{name}', schedule=None)\n")
        made.append(DagFile(path=str(folder / "d.py"), folder=str(folder), fingerprint="f"))
    first = files.dag(made[0], "one")
    files.dag(made[1], "other")
    assert files.dag(made[0], "one") is first
