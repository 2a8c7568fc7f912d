"""Log text becomes records."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.logs.lines import LogLine, parse_line, parse_lines

AT = datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "[2026-11-22T10:00:00.123+0000] {module.py:12} INFO - message",
            LogLine("message", AT, "INFO", "module.py:12"),
        ),
        ("[2026-11-22T12:00:00.123+0200] {m.py:1} ERROR - a - b\n", LogLine("a - b", AT, "ERROR", "m.py:1")),
        ("[2026-11-22 10:00:00,123] {m.py:1} INFO - Airflow 1", LogLine("Airflow 1", AT, "INFO", "m.py:1")),
        ("[2026-11-22T10:00:00.123+0000] without level", LogLine("without level", AT)),
        ("[2026-13-22T10:00:00.123+0000] {m.py:1} INFO - no month", None),
        ("printed", LogLine("printed")),
        ("", LogLine("")),
    ],
)
def test_a_line_is_taken_apart(line: str, expected: LogLine | None) -> None:
    assert parse_line(line) == (expected if expected is not None else LogLine(line))


@given(st.text())
def test_any_text_is_a_line_of_something(text: str) -> None:
    assert isinstance(parse_line(text).message, str)


def test_a_traceback_belongs_to_its_error() -> None:
    head = "[2026-11-22T10:00:00.123+0000] {m.py:1}"
    text = (
        f"{head} INFO - begin\nprinted\n{head} ERROR - Failed\nTraceback (most recent call last):\n"
        f'  File "x.py", line 1\nZeroDivisionError: division by zero\n{head} INFO - end\n  indented\nprinted too\n'
    )
    records = list(parse_lines(text))
    assert [record.message for record in records] == [
        "begin",
        "printed",
        'Failed\nTraceback (most recent call last):\n  File "x.py", line 1\nZeroDivisionError: division by zero',
        "end\n  indented",
        "printed too",
    ]
    assert [record.level for record in records] == ["INFO", None, "ERROR", "INFO", None]
