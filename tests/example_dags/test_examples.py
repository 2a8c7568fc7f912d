"""Every example loads without an error, and only the old-style one with warnings."""

from __future__ import annotations

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
    assert {name: [dag.dag_id for dag in result.dags] for name, result in parsed.items()} == {
        name: [name] for name in files
    }


def test_only_the_old_style_is_warned_of(parsed: dict[str, FileResult]) -> None:
    assert {name for name, result in parsed.items() if result.warnings} == {"example_airflow_2_style"}
    assert len(parsed["example_airflow_2_style"].warnings) >= 5


def test_each_example_explains_itself(parsed: dict[str, FileResult]) -> None:
    for result in parsed.values():
        (dag,) = result.dags
        document = decode_document(dag.document)
        assert "example" in document.tags
        assert result.source is not None
        assert result.source.startswith('"""')
