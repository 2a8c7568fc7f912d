"""`DagBag` for authors' tests: DAGs by id, and the traceback of each file that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.airflow.dag_bag import DagBag
from tradewind.sdk.exceptions import AirflowDagDuplicatedIdException

GOOD = "from tradewind import DAG, EmptyOperator\nwith DAG('{0}'):\n    EmptyOperator(task_id='a')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath("one.py").write_text(GOOD.format("one"))
    tmp_path.joinpath("below").mkdir()
    tmp_path.joinpath("below", "two.py").write_text(GOOD.format("two"))
    tmp_path.joinpath("no_dag.py").write_text("raise RuntimeError('not to be imported')")
    return tmp_path


def test_a_folder(folder: Path) -> None:
    bag = DagBag(folder)
    assert (bag.dag_ids, bag.size(), bag.import_errors) == (["one", "two"], 2, {})
    dag = bag.get_dag("one")
    assert dag is not None
    assert dag.task_ids == ["a"]
    assert bag.get_dag("three") is None


def test_one_file(folder: Path) -> None:
    assert DagBag(str(folder / "one.py")).dag_ids == ["one"]


@pytest.mark.parametrize(
    "code", ["import airflow_dag_of_nowhere", "raise SystemExit('dag tradewind')", "tradewind dag ("]
)
def test_a_file_that_fails(folder: Path, code: str) -> None:
    broken = folder / "broken.py"
    broken.write_text(code)
    bag = DagBag(folder)
    assert bag.dag_ids == ["one", "two"]
    assert set(bag.import_errors) == {str(broken)}
    assert "Traceback" in bag.import_errors[str(broken)]


def test_two_files_with_one_id(folder: Path) -> None:
    folder.joinpath("three.py").write_text(GOOD.format("one"))
    bag = DagBag(folder)
    assert [AirflowDagDuplicatedIdException.__name__ in error for error in bag.import_errors.values()] == [True]


def test_the_folder_of_the_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(folder))
    assert DagBag(include_examples=False).size() == 2


def test_there_is_no_database() -> None:
    with pytest.raises(ValueError, match="needs a database"):
        DagBag(read_dags_from_db=True)
