"""What the import of a good file gives: documents, warnings, what it depends on, answers to its questions."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.dag_processor.parsing.messages import FileToParse
from tradewind.dag_processor.pool import Parsed
from tradewind.serialization.document import DEFAULTS_WARNING, decode_document

from tests.dag_processor.parsing import DAG, Parsing, Reader, parsing, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dags")


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plugins")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader({"where": "here"})


@pytest.fixture(scope="module")
def pool(folder: Path, plugins: Path, reader: Reader) -> Iterator[Parsing]:
    with parsing(folder, reader, import_paths=(str(folder), str(plugins))) as opened:
        yield opened


def parse(pool: Parsing, path: Path, folder: Path) -> Parsed:
    pool.pool.submit(FileToParse(path=str(path), folder=str(folder)))
    pool.until(lambda: bool(pool.done))
    return pool.done.pop()


def test_a_file_gives_its_documents_the_same_each_time(folder: Path, pool: Parsing) -> None:
    path = write(folder / "sub/two.py", DAG.format(dag_id="b") + DAG.format(dag_id="a"))
    (first,) = pool.parse(path, folder=folder)
    (second,) = pool.parse(path, folder=folder)
    assert [dag.dag_id for dag in first.dags] == ["a", "b"]
    assert (first.errors, first.relative_path, first.folder) == ([], "sub/two.py", str(folder))
    assert first.source == path.read_text()
    assert [(dag.hash, dag.document) for dag in first.dags] == [(dag.hash, dag.document) for dag in second.dags]
    assert first.fingerprint == second.fingerprint
    document = decode_document(first.dags[0].document)
    assert (document.relative_fileloc, [task.task_id for task in document.tasks]) == ("sub/two.py", ["only"])


def test_the_fingerprint_follows_modules_of_the_folders_only(folder: Path, plugins: Path, pool: Parsing) -> None:
    write(folder / "lib/__init__.py", "")
    write(folder / "lib/names.py", "from shared_names import SUFFIX\nNAME = 'x' + SUFFIX\n")
    write(plugins / "shared_names.py", "SUFFIX = 'y'\n")
    path = write(folder / "imports.py", "import json, csv\nfrom lib.names import NAME\n" + DAG.format(dag_id="n"))
    parsed = parse(pool, path, folder)
    assert parsed.outcome is not None
    assert {read.path for read in parsed.outcome.files} == {
        str(path),
        str(folder / "lib/__init__.py"),
        str(folder / "lib/names.py"),
        str(plugins / "shared_names.py"),
    }
    (before,) = pool.parse(path, folder=folder)
    write(plugins / "shared_names.py", "SUFFIX = 'z'\n")
    (after,) = pool.parse(path, folder=folder)
    assert before.fingerprint != after.fingerprint
    assert before.dags[0].hash == after.dags[0].hash


def test_data_files_and_listings_are_dependencies_too(folder: Path, pool: Parsing) -> None:
    write(folder / "config/one.yaml", "a: 1")
    text = """
import os, pathlib
here = pathlib.Path(__file__).parent / "config"
texts = [path.read_text() for path in sorted(here.glob("*.yaml"))]
(here / "made.txt").write_text("made")
(here / "made.txt").read_text()
"""
    path = write(folder / "factory.py", text + DAG.format(dag_id="f"))
    parsed = parse(pool, path, folder)
    assert parsed.outcome is not None
    assert {read.path for read in parsed.outcome.files} == {str(path), str(folder / "config/one.yaml")}
    assert [read.path for read in parsed.outcome.folders] == [str(folder / "config")]


def test_an_archive_gives_the_dags_of_its_members(folder: Path, pool: Parsing) -> None:
    path = folder / "packed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("in_zip.py", "from zlib_names import NAME\n" + DAG.format(dag_id="zipped"))
        archive.writestr("zlib_names.py", "NAME = 1\n")
        archive.writestr("deep/other.py", DAG.format(dag_id="not_at_the_root"))
    (result,) = pool.parse(path)
    assert result.errors == []
    assert [dag.dag_id for dag in result.dags] == ["zipped"]
    assert decode_document(result.dags[0].document).relative_fileloc == "packed.zip/in_zip.py"
    assert result.source is not None
    assert result.source.startswith("# in_zip.py\n")


def test_deprecated_spellings_become_warnings(folder: Path, pool: Parsing) -> None:
    text = """
from airflow import DAG
DAG("old", schedule_interval=None, default_view="graph")
"""
    (result,) = pool.parse(write(folder / "old.py", text + "dag = DAG('old', schedule_interval=None)\n"))
    assert result.errors == []
    deprecated = [warning.message for warning in result.warnings if warning.kind == "deprecated"]
    assert any(message.startswith("old.py:3: ") for message in deprecated)


def test_a_dag_with_the_defaults_of_airflow_2_names_the_line_that_decided(folder: Path, pool: Parsing) -> None:
    text = "from airflow import DAG\n\ndag = DAG('old', schedule_interval=None)\nDAG('second', schedule=None, tags=['x'])\n"
    (result,) = pool.parse(write(folder / "old.py", text))
    decided = {w.dag_id: w.message for w in result.warnings if w.kind == DEFAULTS_WARNING}
    assert decided == {"old": "old.py:3: DAG(schedule_interval=...)"}
    assert decode_document(result.dags[0].document).airflow_defaults == 2
    (modern,) = pool.parse(write(folder / "new.py", "from airflow import DAG\ndag = DAG('new', schedule=None)\n"))
    assert [w for w in modern.warnings if w.kind == DEFAULTS_WARNING] == []


def test_variables_and_connections_are_read_through_the_processor(folder: Path, pool: Parsing, reader: Reader) -> None:
    text = """
from airflow.models import Variable
from airflow.hooks.base import BaseHook
where = Variable.get("where") + Variable.get("absent", default_var="-")
where += BaseHook.get_connection("known").host
"""
    path = write(folder / "asks.py", text + DAG.replace("{dag_id!r}", "where"))
    (first,) = pool.parse(path)
    (second,) = pool.parse(path)
    assert (first.errors, second.errors) == ([], [])
    assert [dag.dag_id for dag in first.dags] == ["here-host"]
    assert reader.asked.count("where") == 1
    assert pool.answers.refresh() == []
    reader.variables["where"] = "there"
    assert pool.answers.refresh() == [str(path)]
    (third,) = pool.parse(path)
    assert [dag.dag_id for dag in third.dags] == ["there-host"]


def test_what_needs_a_running_task_is_refused(folder: Path, pool: Parsing) -> None:
    text = "from airflow.models import Variable\nVariable.set('a', 'b')\n"
    (result,) = pool.parse(write(folder / "sets.py", "# dag\n" + text))
    assert "set_variable is not available while a DAG file is imported" in result.errors[0].message


def test_one_bad_dag_leaves_the_others_of_its_file(folder: Path, pool: Parsing) -> None:
    text = """
with DAG("round", schedule=None):
    a, b = EmptyOperator(task_id="a"), EmptyOperator(task_id="b")
    a >> b >> a
"""
    (result,) = pool.parse(write(folder / "mixed.py", DAG.format(dag_id="fine") + text))
    assert [dag.dag_id for dag in result.dags] == ["fine"]
    (error,) = result.errors
    assert "round" in error.message.splitlines()[0]


def test_two_dags_of_one_id_in_a_file_are_an_error(folder: Path, pool: Parsing) -> None:
    text = DAG.format(dag_id="same") + "one = DAG('same', schedule=None)\n"
    (result,) = pool.parse(write(folder / "same.py", text))
    assert [dag.dag_id for dag in result.dags] == ["same"]
    assert [error.message for error in result.errors] == ["same.py: defines DAG 'same' twice"]


def test_an_edit_of_the_same_size_in_the_same_second_is_seen(folder: Path, pool: Parsing) -> None:
    module = write(folder / "quick.py", "NAME = 'one'\n")
    path = write(folder / "uses_quick.py", "from quick import NAME\n" + DAG.replace("{dag_id!r}", "NAME"))
    (first,) = pool.parse(path)
    write(module, "NAME = 'two'\n")
    (second,) = pool.parse(path)
    assert ([dag.dag_id for dag in first.dags], [dag.dag_id for dag in second.dags]) == (["one"], ["two"])
