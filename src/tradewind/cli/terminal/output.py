"""Printing: lists in the four forms of `--output` on standard output, everything else on standard error.

Keys are Airflow's, and so are the values of JSON and YAML: text, null, and lists and objects of those.
"""

from __future__ import annotations

import json
import unicodedata
from enum import Enum
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    Row = Mapping[str, Any]


def say(text: str) -> None:
    """Tell the user something that is no data."""
    click.echo(text, err=True)


def print_rows(rows: Sequence[Row], output: str) -> None:
    """Print a list in the form asked for: table, json, yaml or plain."""
    shown = [{name: _plain(value, is_flat=output in {"table", "plain"}) for name, value in row.items()} for row in rows]
    if output == "json":
        click.echo(json.dumps(shown, ensure_ascii=False))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), nl=False)
    elif not shown:
        say("No data found")
    else:
        click.echo("\n".join(_table(shown) if output == "table" else _columns(shown)))


def date_text(moment: datetime | None) -> str:
    """Return a date as lists show it, "" for none."""
    return "" if moment is None else moment.isoformat()


def _plain(value: Any, *, is_flat: bool) -> Any:
    if isinstance(value, (list, tuple)):
        parts = [_plain(part, is_flat=is_flat) for part in value]
        return ",".join(str(part) for part in parts) if is_flat else parts
    if isinstance(value, dict):
        return json.dumps(value) if is_flat else {str(key): _plain(part, is_flat=False) for key, part in value.items()}
    if isinstance(value, Enum):
        return str(value.value)
    if value is None:
        return None
    return str(value)


def _table(rows: Sequence[Row]) -> list[str]:
    names = list(rows[0])
    lines = [names, *(line for row in rows for line in _physical_lines(row))]
    widths = _widths(lines)
    rule = "=+=".join("=" * width for width in widths)
    head, *body = [" | ".join(_padded(line, widths)).rstrip() for line in lines]
    return [head, rule, *body]


def _columns(rows: Sequence[Row]) -> list[str]:
    lines = [list(rows[0]), *(line for row in rows for line in _physical_lines(row))]
    widths = _widths(lines)
    return ["  ".join(_padded(line, widths)).rstrip() for line in lines]


def _physical_lines(row: Row) -> list[list[str]]:
    """Return the cells of a row, line by line: a text of several lines takes several."""
    cells = [str(value).splitlines() or [""] for value in row.values()]
    height = max(map(len, cells), default=1)
    return [[cell[index] if index < len(cell) else "" for cell in cells] for index in range(height)]


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(_width(line[column]) for line in lines) for column in range(len(lines[0]))]


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=True)]


def _width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
