"""Lists in the four forms."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
import yaml

from tradewind.cli.terminal.output import print_rows
from tradewind.core.states import DagRunState

ROWS: list[dict[str, Any]] = [
    {"name": "a", "count": 3, "is_on": True, "tags": ["x", "y"], "none": None},
    {"name": "longer", "count": 12, "is_on": False, "tags": [], "none": None},
]


def printed(capsys: pytest.CaptureFixture[str], rows: list[dict[str, Any]], output: str) -> str:
    print_rows(rows, output)
    return capsys.readouterr().out


def test_json_is_one_line_with_values_as_airflow_writes_them(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, ROWS, "json")
    assert text.count("\n") == 1
    assert json.loads(text)[0] == {"name": "a", "count": "3", "is_on": "True", "tags": ["x", "y"], "none": None}


def test_yaml_says_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert yaml.safe_load(printed(capsys, ROWS, "yaml")) == json.loads(printed(capsys, ROWS, "json"))


def test_a_table_has_columns_under_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, ROWS, "table").splitlines() == [
        "name   | count | is_on | tags | none",
        "=======+=======+=======+======+=====",
        "a      | 3     | True  | x,y  | None",
        "longer | 12    | False |      | None",
    ]


def test_plain_has_columns_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, ROWS, "plain").splitlines()[1] == "a       3      True   x,y   None"


@pytest.mark.parametrize(("output", "expected"), [("json", "[]\n"), ("yaml", "[]\n"), ("table", ""), ("plain", "")])
def test_an_empty_list_leaves_nothing_for_a_script_to_trip_over(
    capsys: pytest.CaptureFixture[str], output: str, expected: str
) -> None:
    assert printed(capsys, [], output) == expected


def test_states_dates_and_objects_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"state": DagRunState.RUNNING, "at": datetime(2024, 1, 2, tzinfo=timezone.utc), "conf": {"n": 1}}
    assert json.loads(printed(capsys, [row], "json")) == [
        {"state": "running", "at": "2024-01-02 00:00:00+00:00", "conf": {"n": "1"}}
    ]
    assert '{"n": 1}' in printed(capsys, [row], "table")


def test_a_text_of_several_lines_stays_in_its_column(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"file": "a.py", "error": "first\nsecond"}]
    assert printed(capsys, rows, "table").splitlines()[2:] == ["a.py | first", "     | second"]


def test_wide_characters_take_two_cells(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, [{"name": "日本", "x": 1}, {"name": "abcd", "x": 2}], "table").splitlines()
    assert lines[2:] == ["日本 | 1", "abcd | 2"]
