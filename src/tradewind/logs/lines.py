"""Log text as records: when, how bad, from where, what."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINE = re.compile(
    r"\[(?P<date>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,6}))?"
    r"(?:(?P<zone>[+-]\d\d:?\d\d)|Z| (?P<name>[A-Z]{3,5}))?\] "
    r"(?:\{(?P<source>[^}]*)\} )?(?:(?P<level>[A-Z]+) - )?(?P<message>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log. What a program printed has a message only."""

    message: str
    timestamp: datetime | None = None
    level: str | None = None
    source: str | None = None
    """File and line of the call: `module.py:12`."""


def parse_line(line: str) -> LogLine:
    """Return what a line says; a line of another form is all message."""
    text = line.rstrip("\r\n")
    match = _LINE.match(text)
    if match is None:
        return LogLine(text)
    timestamp = _timestamp(match)
    if timestamp is None:
        return LogLine(text)
    return LogLine(match["message"], timestamp, match["level"], match["source"])


def parse_lines(text: str | Iterable[str]) -> Iterator[LogLine]:
    """Yield the records of a text. The lines of a traceback, and indented ones, belong to the record before them."""
    record: LogLine | None = None
    more: list[str] = []
    in_traceback = False
    for line in text.splitlines() if isinstance(text, str) else text:
        parsed = parse_line(line)
        if record is not None and record.timestamp is not None and parsed.timestamp is None:
            starts_traceback = parsed.message.startswith("Traceback (most recent call last)")
            if starts_traceback or in_traceback or parsed.message.startswith((" ", "\t")):
                in_traceback |= starts_traceback
                more.append(parsed.message)
                continue
        if record is not None:
            yield _joined(record, more)
        record, more, in_traceback = parsed, [], False
    if record is not None:
        yield _joined(record, more)


def _joined(record: LogLine, more: list[str]) -> LogLine:
    if not more:
        return record
    return replace(record, message="\n".join([record.message, *more]))


def _timestamp(match: re.Match[str]) -> datetime | None:
    zone = match["zone"] or "+0000"
    text = f"{match['date']}T{match['time']}.{(match['fraction'] or '0').ljust(6, '0')}{zone.replace(':', '')}"
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(timezone.utc)
    except ValueError:
        return None
