"""Finding the files of a DAG folder that may define DAGs."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from dataclasses import dataclass, field

from tradewind.dag_processor.ignore import IGNORE_FILE, Rule, is_ignored, read_rules

_SKIPPED_FOLDERS = frozenset({"__pycache__", ".git"})
_DAG_WORDS = (b"dag", b"asset")
_PACKAGE_WORDS = (b"airflow", b"tradewind")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells cheaply that a file has not been written since."""

    modified_ns: int
    size: int
    inode: int


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file, as far as discovery cares."""

    digest: str
    """SHA-256 of its bytes."""
    might_define_dags: bool


@dataclass(slots=True)
class Walk:
    """What one walk over a folder found: Python files and zip archives by absolute path."""

    files: dict[str, Stamp] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """A sentence for each thing that could not be read or makes no sense."""


def walk_folder(folder: str, ignore_syntax: str) -> Walk:
    """Return every Python file and zip archive below `folder` that no `.airflowignore` leaves out.

    Symbolic links are followed; a folder reached a second time is not entered again. A folder that does not exist is
    an empty one.
    """
    walk = Walk()
    seen: set[str] = set()
    pending: list[tuple[str, str, tuple[Rule, ...]]] = [(folder, "", ())]
    while pending:
        path, relative, rules = pending.pop()
        real = os.path.realpath(path)
        if real in seen:
            walk.problems.append(f"{path}: leads to {real}, which is in the folder already; it is not read twice")
            continue
        seen.add(real)
        pending += _walk_one(walk, path, relative, rules, ignore_syntax)
    return walk


def read_content(path: str, *, safe_mode: bool) -> Content:
    """Return the file's digest and whether it may define DAGs; raises `OSError` when it cannot be read.

    With `safe_mode` a Python file must mention both a DAG (or an asset) and the package, in any case; an archive always
    may. Without it every file may.
    """
    with open(path, "rb") as file:  # noqa: PTH123 - one call per file of large folders
        data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    if is_archive(path):
        return Content(digest, zipfile.is_zipfile(path))
    return Content(digest, not safe_mode or mentions_dag(data))


def mentions_dag(data: bytes) -> bool:
    """Return whether the source text mentions a DAG or an asset, and the package it would come from."""
    text = data.lower()
    return any(word in text for word in _PACKAGE_WORDS) and any(word in text for word in _DAG_WORDS)


def is_archive(path: str) -> bool:
    """Return whether the path is named like a zip archive."""
    return path.lower().endswith(".zip")


def stamp_of(path: str) -> Stamp | None:
    """Return the stamp of a regular file, None when there is none."""
    try:
        info = os.stat(path)  # noqa: PTH116 - one call per file of large folders
    except OSError:
        return None
    return _stamp(info) if stat.S_ISREG(info.st_mode) else None


def _stamp(info: os.stat_result) -> Stamp:
    return Stamp(info.st_mtime_ns, info.st_size, info.st_ino)


def _walk_one(
    walk: Walk, path: str, relative: str, rules: tuple[Rule, ...], ignore_syntax: str
) -> list[tuple[str, str, tuple[Rule, ...]]]:
    """Add the files of one folder to `walk`; return the folders to enter."""
    try:
        with os.scandir(path) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        walk.problems.append(f"{path}: cannot be read: {error.strerror}")
        return []
    rules += _own_rules(walk, path, relative, ignore_syntax, {entry.name for entry in entries})
    folders: list[tuple[str, str, tuple[Rule, ...]]] = []
    for entry in entries:
        below = f"{relative}/{entry.name}" if relative else entry.name
        if entry.is_dir():
            if entry.name not in _SKIPPED_FOLDERS and not is_ignored(rules, below, is_folder=True):
                folders.append((entry.path, below, rules))
        elif entry.name.endswith((".py", ".PY")) or is_archive(entry.name):
            found = None if is_ignored(rules, below, is_folder=False) else stamp_of(entry.path)
            if found is not None:
                walk.files[entry.path] = found
    # The last one in is the next one out: reversed, so that folders come in the order of their names.
    return folders[::-1]


def _own_rules(walk: Walk, path: str, relative: str, ignore_syntax: str, names: set[str]) -> tuple[Rule, ...]:
    if IGNORE_FILE not in names:
        return ()
    ignore_path = f"{path}/{IGNORE_FILE}"
    try:
        with open(ignore_path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - as above
            rules, problems = read_rules(file.read(), relative, ignore_syntax)
    except OSError as error:
        walk.problems.append(f"{ignore_path}: cannot be read: {error.strerror}")
        return ()
    walk.problems += [f"{ignore_path}: {problem}" for problem in problems]
    return rules
