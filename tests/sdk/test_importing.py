"""DAG files are imported as Airflow imports them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tradewind.sdk.definitions.contexts import DagContext
from tradewind.sdk.importing import extend_sys_path, import_dag_file, might_contain_dag, module_name_of

DAGS = """
from tradewind.sdk.definitions.dag import DAG
b = DAG("b")
a = DAG("a")
again = a
with DAG("in_block"):
    pass
with DAG("not_registered", auto_register=False):
    pass
"""


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if "tradewind" not in name:
            del sys.modules[name]


def write(folder: Path, name: str, source: str) -> str:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return str(path)


def test_the_dags_of_a_file_are_found_once_each(tmp_path: Path) -> None:
    path = write(tmp_path, "sub/my.dags-file.py", DAGS)
    dags = import_dag_file(path, str(tmp_path))
    assert [dag.dag_id for dag in dags] == ["a", "b", "in_block"]
    assert {(dag.fileloc, dag.relative_fileloc) for dag in dags} == {(path, "sub/my.dags-file.py")}
    assert DagContext.autoregistered_dags == set()
    assert DagContext.current_autoregister_module_name is None


def test_the_module_has_airflows_name() -> None:
    # sha1 of the path, and dots and dashes made into underscores.
    assert (
        module_name_of("/dags/my.dags-file.py")
        == "unusual_prefix_1d93cf1fdf1d4d94857c47ebfc02f18f59538177_my_dags_file"
    )
    assert module_name_of("/dags/a.py") != module_name_of("/other/a.py")


def test_modules_beside_the_file_and_in_the_folder_can_be_imported(tmp_path: Path) -> None:
    write(tmp_path, "module_in_folder.py", "VALUE = 5")
    write(tmp_path, "package_in_folder/__init__.py", "VALUE = 6")
    source = (
        DAGS + "\nfrom module_in_folder import VALUE\nfrom package_in_folder import VALUE as OTHER\nassert OTHER == 6\n"
    )
    assert len(import_dag_file(write(tmp_path, "a.py", source), str(tmp_path))) == 3
    assert sys.path[-1] == str(tmp_path)


def test_a_quick_edit_is_seen(tmp_path: Path) -> None:
    first = import_dag_file(write(tmp_path, "a.py", DAGS), str(tmp_path))
    second = import_dag_file(write(tmp_path, "a.py", DAGS.replace('DAG("b")', 'DAG("c")')), str(tmp_path))
    assert [dag.dag_id for dag in first] != [dag.dag_id for dag in second]
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("source", "error"),
    [("no Python", SyntaxError), ("1 / 0", ZeroDivisionError), ("raise SystemExit(3)", SystemExit)],
)
def test_what_the_author_raises_comes_through_and_leaves_nothing(
    tmp_path: Path, source: str, error: type[BaseException]
) -> None:
    path = write(tmp_path, "a.py", DAGS + source)
    with pytest.raises(error):
        import_dag_file(path, str(tmp_path))
    assert module_name_of(path) not in sys.modules
    assert DagContext.autoregistered_dags == set()
    assert DagContext.current_autoregister_module_name is None


def test_an_archive_is_searched_at_its_top(tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("first_in_zip.py", DAGS)
        archive.writestr("helper_in_zip.py", "VALUE = 1")
        archive.writestr("second_in_zip.py", "import helper_in_zip\n" + DAGS.replace('DAG("', 'DAG("z_'))
        archive.writestr("deep/dag_file.py", "# a tradewind dag\nraise RuntimeError")
        archive.writestr("notes.txt", "a tradewind dag")
    dags = import_dag_file(str(path), str(tmp_path))
    assert [dag.dag_id for dag in dags] == ["a", "b", "in_block", "z_a", "z_b", "z_in_block"]
    assert dags[0].relative_fileloc == "archive.zip/first_in_zip.py"
    assert str(path) not in sys.path


def test_a_broken_member_leaves_the_path_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("broken_in_zip.py", "# a tradewind dag\n1 / 0")
    with pytest.raises(ZeroDivisionError):
        import_dag_file(str(path), str(tmp_path))
    assert str(path) not in sys.path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"from airflow import DAG", True),
        (b"from AIRFLOW.sdk import Asset", True),
        (b"from tradewind import dag", True),
        (b"import airflow", False),
        (b"dag = 1", False),
        (b"", False),
    ],
)
def test_safe_mode_looks_for_two_words(source: bytes, expected: bool) -> None:
    assert might_contain_dag(source) is expected


def test_folders_come_last_and_once(tmp_path: Path) -> None:
    extend_sys_path([str(tmp_path), None, "", str(tmp_path)])
    assert sys.path[-1] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1
