"""`.airflowignore`: which files of a DAG folder are left alone, by Airflow's rules.

An ignore file holds one pattern a line; a `#` and what stands before it as blanks begins a comment. It counts for its
folder and all below, after the patterns of the folders above. In glob syntax a pattern is one of a .gitignore: the last
that matches decides, `!` takes back, a folder that is ignored is not entered. In regexp syntax a path is ignored when
any pattern is found anywhere in it, taken relative to the DAG folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

IGNORE_FILE = ".airflowignore"
_COMMENT = re.compile(r"\s*#.*")


class Rule(Protocol):
    """One line of an ignore file."""

    def verdict(self, relative_path: str, *, is_folder: bool) -> bool | None:
        """Return True to ignore the path, False to take that back, None when the line does not speak of it."""
        ...


@dataclass(frozen=True)
class RegexpRule:
    """A regular expression, searched for in the path below the DAG folder."""

    pattern: re.Pattern[str]

    def verdict(self, relative_path: str, *, is_folder: bool) -> bool | None:  # noqa: ARG002 - a glob asks
        """Return True when the expression is found."""
        return True if self.pattern.search(relative_path) else None


@dataclass(frozen=True)
class GlobRule:
    """A .gitignore pattern. `anchor` is the folder of the ignore file, with a slash, where the pattern holds one."""

    matches: Callable[[str], bool]
    is_exclusion: bool
    anchor: str | None
    is_for_folders: bool

    def verdict(self, relative_path: str, *, is_folder: bool) -> bool | None:
        """Return what the pattern says: its name alone counts unless the pattern is anchored."""
        if self.is_for_folders and not is_folder:
            return None
        if self.anchor is None:
            subject = relative_path.rpartition("/")[2]
        elif relative_path.startswith(self.anchor):
            subject = relative_path[len(self.anchor) :]
        else:
            return None
        return self.is_exclusion if self.matches(f"{subject}/" if is_folder else subject) else None


def is_ignored(rules: tuple[Rule, ...], relative_path: str, *, is_folder: bool) -> bool:
    """Return whether the path, relative to the DAG folder and with forward slashes, is to be left alone."""
    ignored = False
    for rule in rules:
        verdict = rule.verdict(relative_path, is_folder=is_folder)
        if verdict is not None:
            ignored = verdict
    return ignored


def read_rules(text: str, relative_folder: str, syntax: str) -> tuple[tuple[Rule, ...], list[str]]:
    """Return the rules of an ignore file and a sentence for each line that is none.

    `relative_folder` is the folder of the ignore file below the DAG folder, empty for that itself; `syntax` is glob or
    regexp.
    """
    compile_line = _compile_regexp if syntax == "regexp" else _compile_glob
    rules: list[Rule] = []
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        pattern = _COMMENT.sub("", line.rstrip("\r"))
        if not pattern.strip():
            continue
        try:
            rule = compile_line(pattern, relative_folder)
        except ValueError as error:
            problems.append(f"line {number}: {pattern!r} is no {syntax} pattern ({error}); it ignores nothing")
        else:
            if rule is not None:
                rules.append(rule)
    return tuple(rules), problems


def _compile_regexp(pattern: str, _relative_folder: str) -> Rule:
    try:
        return RegexpRule(re.compile(pattern))
    except re.error as error:
        raise ValueError(str(error)) from None


def _compile_glob(pattern: str, relative_folder: str) -> Rule | None:
    # Most folders have no ignore file: the library is loaded for those that do.
    pattern_class = import_module("pathspec.patterns.gitignore.spec").GitIgnoreSpecPattern
    compiled = pattern_class(pattern)
    if compiled.include is None:
        return None
    body = pattern.strip().lstrip("!")
    is_anchored = "/" in body.rstrip("/") or body.startswith("/")
    anchor = f"{relative_folder}/" if relative_folder else ""
    return GlobRule(
        matches=lambda subject: compiled.match_file(subject) is not None,
        is_exclusion=compiled.include,
        anchor=anchor if is_anchored else None,
        is_for_folders=body.endswith("/"),
    )
