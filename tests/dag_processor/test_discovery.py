"""Which files of a folder may define DAGs."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tradewind.dag_processor.discovery import read_content, stamp_of, walk_folder


def test_python_files_and_archives_are_found_in_every_folder(tmp_path: Path) -> None:
    for name in ("a.py", "note.txt", "pkg/b.py", "pkg/c.zip", "pkg/__pycache__/d.py", ".hidden/e.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    files = walk_folder(str(tmp_path), "glob").files
    assert [Path(path).relative_to(tmp_path).as_posix() for path in files] == [
        "a.py",
        ".hidden/e.py",
        "pkg/b.py",
        "pkg/c.zip",
    ]
    assert files[str(tmp_path / "a.py")] == stamp_of(str(tmp_path / "a.py"))


def test_a_missing_folder_is_an_empty_one(tmp_path: Path) -> None:
    walk = walk_folder(str(tmp_path / "gone"), "glob")
    assert (walk.files, walk.problems) == ({}, [])


def test_a_link_is_followed_once(tmp_path: Path) -> None:
    inside, outside = tmp_path / "dags", tmp_path / "elsewhere"
    inside.mkdir()
    outside.mkdir()
    (outside / "a.py").touch()
    (inside / "link").symlink_to(outside)
    (outside / "back").symlink_to(inside)
    walk = walk_folder(str(inside), "glob")
    assert list(walk.files) == [str(inside / "link/a.py")]
    assert len(walk.problems) == 1
    assert "it is not read twice" in walk.problems[0]


def test_a_dangling_link_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to(tmp_path / "gone.py")
    assert walk_folder(str(tmp_path), "glob").files == {}


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("from airflow import DAG", True),
        ("from tradewind import DAG", True),
        ("FROM AIRFLOW IMPORT Dag", True),
        ("from airflow.sdk import asset", True),
        ("import airflow", False),
        ("class DAG: ...", False),
        ("", False),
    ],
)
def test_safe_mode_asks_for_both_words(tmp_path: Path, text: str, *, may: bool) -> None:
    path = tmp_path / "a.py"
    path.write_text(text, encoding="utf-8")
    assert read_content(str(path), safe_mode=True).might_define_dags is may
    assert read_content(str(path), safe_mode=False).might_define_dags


def test_the_digest_follows_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("one", encoding="utf-8")
    before = read_content(str(path), safe_mode=True).digest
    path.write_text("two", encoding="utf-8")
    after = read_content(str(path), safe_mode=True).digest
    path.write_text("one", encoding="utf-8")
    assert (before == after, before == read_content(str(path), safe_mode=True).digest) == (False, True)


def test_an_archive_may_define_dags_when_it_is_one(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("dag.py", "")
    assert read_content(str(path), safe_mode=True).might_define_dags
    path.write_text("not an archive", encoding="utf-8")
    assert not read_content(str(path), safe_mode=True).might_define_dags
