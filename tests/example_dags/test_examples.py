"""Every example loads without an error, and only the old-style one with warnings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.dag_processor.once import find_dag_files, parse_files
from tradewind.dag_processor.processor import ProcessorSettings
from tradewind.metadata.dags.records import FileResult
from tradewind.serialization.document import decode_document

from tests.dag_processor.parsing import Reader
from tests.project.sources import REPOSITORY

FOLDER = REPOSITORY / "src/tradewind/example_dags"


@pytest.fixture(scope="module")
def parsed() -> dict[str, FileResult]:
    settings = ProcessorSettings(dag_folders=(str(FOLDER),))
    return {Path(result.path).stem: result for result in parse_files(find_dag_files(settings), settings, Reader())}


def test_each_file_gives_the_dag_of_its_name(parsed: dict[str, FileResult]) -> None:
    files = {path.stem for path in FOLDER.glob("example_*.py")}
    assert {name: result.errors for name, result in parsed.items()} == {name: [] for name in files}
    more = {"example_assets": ["example_assets_consumer"]}
    assert {name: [dag.dag_id for dag in result.dags] for name, result in parsed.items()} == {
        name: [name, *more.get(name, [])] for name in files
    }


def test_only_the_old_style_is_warned_of(parsed: dict[str, FileResult]) -> None:
    assert {name for name, result in parsed.items() if result.warnings} == {"example_airflow_2_style"}
    assert len(parsed["example_airflow_2_style"].warnings) >= 5


def test_each_example_explains_itself(parsed: dict[str, FileResult]) -> None:
    for result in parsed.values():
        assert all("example" in decode_document(dag.document).tags for dag in result.dags)
        assert result.source is not None
        assert result.source.startswith('"""')


@pytest.mark.parametrize(
    ("dag_id", "more", "expected"),
    [
        ("example_mapping", [], {"measure[0]": "success", "measure[2]": "success", "average": "success"}),
        ("example_assets", [], {"write_orders": "success"}),
        ("example_waiting", ["--answer", "ask=Approve"], {"pause": "success", "ask": "success", "ship": "success"}),
        ("example_waiting", ["--answer", "ask=Reject"], {"ask": "success", "ship": "skipped"}),
    ],
)
def test_examples_of_mapping_assets_and_waiting_run(
    home: Path, dag_id: str, more: list[str], expected: dict[str, str]
) -> None:
    text = (FOLDER / f"{dag_id}.py").read_text().replace("timedelta(seconds=5)", "timedelta(milliseconds=50)")
    file = home / f"{dag_id}.py"
    file.write_text(text)
    tradewind = str(Path(sys.executable).with_name("tradewind"))
    command = [tradewind, "dags", "test", "--file", str(file), dag_id, "--output", "json", *more]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    states = json.loads(ran.stdout.splitlines()[-1])
    shown = {
        f"{task}[{index}]" if isinstance(state, list) else task: one
        for task, state in states["tasks"].items()
        for index, one in enumerate(state if isinstance(state, list) else [state])
    }
    assert {task: shown.get(task) for task in expected} == expected
