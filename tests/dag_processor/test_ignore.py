"""`.airflowignore` by table: what a pattern leaves out, in both syntaxes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.dag_processor.discovery import walk_folder


def tree(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")


def found(folder: Path, syntax: str = "glob") -> list[str]:
    return sorted(Path(path).relative_to(folder).as_posix() for path in walk_folder(str(folder), syntax).files)


FILES = ("a.py", "b.py", "sub/a.py", "sub/deep/a.py", "sub/deep/c.py", "test_x.py", "other/note.py")


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ("", FILES),
        ("# a.py", FILES),
        ("a.py", ("b.py", "sub/deep/c.py", "test_x.py", "other/note.py")),
        ("a.py  # the old one", ("b.py", "sub/deep/c.py", "test_x.py", "other/note.py")),
        ("/a.py", ("b.py", "sub/a.py", "sub/deep/a.py", "sub/deep/c.py", "test_x.py", "other/note.py")),
        ("sub", ("a.py", "b.py", "test_x.py", "other/note.py")),
        ("sub/", ("a.py", "b.py", "test_x.py", "other/note.py")),
        ("a.py/", FILES),
        ("sub/a.py", ("a.py", "b.py", "sub/deep/a.py", "sub/deep/c.py", "test_x.py", "other/note.py")),
        ("deep/a.py", FILES),
        ("**/deep/a.py", ("a.py", "b.py", "sub/a.py", "sub/deep/c.py", "test_x.py", "other/note.py")),
        ("*.py\n!b.py", ("b.py",)),
        ("!b.py\n*.py", ()),
        ("sub\n!sub/deep/c.py", ("a.py", "b.py", "test_x.py", "other/note.py")),
        ("test_*\nother/**", ("a.py", "b.py", "sub/a.py", "sub/deep/a.py", "sub/deep/c.py")),
        ("[ab].py", ("sub/deep/c.py", "test_x.py", "other/note.py")),
        ("?.py", ("test_x.py", "other/note.py")),
        ("/", FILES),
    ],
)
def test_glob(tmp_path: Path, lines: str, left: tuple[str, ...]) -> None:
    tree(tmp_path, *FILES)
    (tmp_path / ".airflowignore").write_text(lines, encoding="utf-8")
    assert found(tmp_path) == sorted(left)


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ("a\\.py", ("b.py", "sub/deep/c.py", "test_x.py", "other/note.py")),
        ("^a\\.py", ("b.py", "sub/a.py", "sub/deep/a.py", "sub/deep/c.py", "test_x.py", "other/note.py")),
        ("sub/deep", ("a.py", "b.py", "sub/a.py", "test_x.py", "other/note.py")),
        ("test_.*\n# b\nnote  # gone", ("a.py", "b.py", "sub/a.py", "sub/deep/a.py", "sub/deep/c.py")),
        ("(unfinished", FILES),
    ],
)
def test_regexp(tmp_path: Path, lines: str, left: tuple[str, ...]) -> None:
    tree(tmp_path, *FILES)
    (tmp_path / ".airflowignore").write_text(lines, encoding="utf-8")
    assert found(tmp_path, "regexp") == sorted(left)


def test_a_nested_file_counts_for_its_folder_after_those_above(tmp_path: Path) -> None:
    tree(tmp_path, *FILES)
    (tmp_path / ".airflowignore").write_text("a.py\ntest_*", encoding="utf-8")
    (tmp_path / "sub/.airflowignore").write_text("!a.py\n/deep/c.py", encoding="utf-8")
    assert found(tmp_path) == ["b.py", "other/note.py", "sub/a.py", "sub/deep/a.py"]


def test_a_nested_regexp_sees_the_path_below_the_dag_folder(tmp_path: Path) -> None:
    tree(tmp_path, *FILES)
    (tmp_path / "sub/.airflowignore").write_text("^deep/c\n^sub/a", encoding="utf-8")
    assert found(tmp_path, "regexp") == sorted(set(FILES) - {"sub/a.py"})


def test_a_line_that_is_no_pattern_is_reported(tmp_path: Path) -> None:
    (tmp_path / ".airflowignore").write_text("fine\n(unfinished", encoding="utf-8")
    (problem,) = walk_folder(str(tmp_path), "regexp").problems
    assert problem.startswith(f"{tmp_path}/.airflowignore: line 2: '(unfinished' is no regexp pattern")
