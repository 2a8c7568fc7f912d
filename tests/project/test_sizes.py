"""Files stay under 600 lines, functions under 70, folders at 12 files; what is over is listed and may only shrink."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.project.sources import REPOSITORY, name_of, python_files, text_of, tree_of

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70
MAX_FOLDER_FILES = 12
ALLOWED = Path(__file__).with_name("allowed_sizes.txt")


def allowed(kind: str) -> dict[str, int]:
    entries: dict[str, int] = {}
    for line in ALLOWED.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            found_kind, name, size = line.split()
            if found_kind == kind:
                entries[name] = int(size)
    return entries


def complaints(kind: str, sizes: dict[str, int], limit: int) -> list[str]:
    """Return one sentence for each thing over its limit, and for each entry of the list that is not needed."""
    listed = allowed(kind)
    found = [
        f"{name}: {size}, at most {listed.get(name, limit)}: split it by what its parts are about"
        for name, size in sorted(sizes.items())
        if size > listed.get(name, limit)
    ]
    found += [
        f"{name}: {sizes.get(name, 0)} is within the limit of {limit}: delete its entry in {ALLOWED.name}"
        for name in sorted(listed)
        if sizes.get(name, 0) <= limit
    ]
    return found


def functions(tree: ast.AST, prefix: str = "") -> dict[str, int]:
    """Return the lines of each function, from its `def` to its end, by qualified name."""
    sizes: dict[str, int] = {}
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = prefix + node.name
            sizes[name] = max(sizes.get(name, 0), (node.end_lineno or node.lineno) - node.lineno + 1)
            sizes |= functions(node, f"{name}.")
        elif isinstance(node, ast.ClassDef):
            sizes |= functions(node, f"{prefix}{node.name}.")
        else:
            sizes |= functions(node, prefix)
    return sizes


def test_no_file_is_too_long() -> None:
    sizes = {name_of(path): len(text_of(path).splitlines()) for path in python_files()}
    found = complaints("file", sizes, MAX_FILE_LINES)
    assert not found, "\n".join(["", *found])


def test_no_function_is_too_long() -> None:
    # A migration is one list of statements and is never edited again.
    paths = [path for path in python_files() if "migrations" not in path.parts]
    sizes = {f"{name_of(path)}::{name}": size for path in paths for name, size in functions(tree_of(path)).items()}
    found = complaints("function", sizes, MAX_FUNCTION_LINES)
    assert not found, "\n".join(["", *found])


def test_no_folder_is_too_full() -> None:
    counted = Counter(
        path.parent.relative_to(REPOSITORY).as_posix()
        for path in python_files()
        if path.name != "__init__.py" and path.parent.name not in {"dags", "example_dags", "versions"}
    )
    found = complaints("folder", dict(counted), MAX_FOLDER_FILES)
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"a": 5}, []),
        ({"a": 11}, ["a: 11, at most 10: split it by what its parts are about"]),
    ],
)
def test_a_size_over_the_limit_is_reported(sizes: dict[str, int], expected: list[str]) -> None:
    assert complaints("nothing is listed of this kind", sizes, 10) == expected


def test_an_entry_that_is_not_needed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = tmp_path / "allowed.txt"
    listing.write_text("file a 12\nfile b 12\nfile c 12\n", encoding="utf-8")
    monkeypatch.setattr(f"{__name__}.ALLOWED", listing)
    found = complaints("file", {"a": 12, "b": 10, "c": 13}, 10)
    assert [line.split(":")[0] for line in found] == ["c", "b"]


def test_functions_are_found_in_classes_and_functions() -> None:
    tree = ast.parse("class A:\n    def f(self):\n        def g():\n            pass\n        return g\n")
    assert functions(tree) == {"A.f": 4, "A.f.g": 2}
