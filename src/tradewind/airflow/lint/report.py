"""What is told about several files: what their text shows and what loading them noted, in one list and three forms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.airflow.lint.finding import Finding

_LONGEST_CALL = 100
"""So many lines a call may have that loading notes at its first line, and the text at the argument."""


class Row(NamedTuple):
    """One line of a report. Without a `since` it says that the file cannot be read or loaded."""

    path: str
    line: int
    column: int
    message: str
    since: str = ""
    removed_in: str = ""
    modern: str = ""
    is_fixable: bool = False


def row_of(path: str, finding: Finding) -> Row:
    """Return the row of what was found in a file's text."""
    return Row(
        path,
        finding.line,
        finding.column,
        finding.message,
        finding.since,
        finding.removed_in,
        finding.modern,
        bool(finding.edits),
    )


def merged(found: Iterable[Row], noted: Iterable[Row]) -> list[Row]:
    """Return both lists in one, by file and line, without what loading noted of something that the text shows too."""
    rows = set(found)
    lines: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        lines.setdefault((row.path, row.message), []).append(row.line)
    for row in noted:
        near = lines.get((row.path, row.message), ())
        if not any(row.line <= line <= row.line + _LONGEST_CALL for line in near):
            rows.add(row)
    return sorted(rows)


def as_text(rows: Iterable[Row]) -> str:
    """Return a line for each row, as compilers write it."""
    return "\n".join(
        f"{row.path}:{row.line}:{row.column}: {row.message}{' [--fix]' if row.is_fixable else ''}" for row in rows
    )


def as_json(rows: Iterable[Row]) -> str:
    """Return a list of objects."""
    return json.dumps([row._asdict() for row in rows], ensure_ascii=False)


def as_github(rows: Iterable[Row]) -> str:
    """Return what makes annotations in a workflow of GitHub's."""
    return "\n".join(
        f"::{'warning' if row.since else 'error'} file={_escaped(row.path, is_property=True)},line={row.line},"
        f"col={row.column},title=tradewind dags lint::{_escaped(row.message)}"
        for row in rows
    )


def _escaped(text: str, *, is_property: bool = False) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace(":", "%3A").replace(",", "%2C") if is_property else escaped


FORMS = {"text": as_text, "json": as_json, "github": as_github}
