"""Timetables around changes of the clock as real Airflow answered, held against Tradewind's.

A sample: a few changes of each clock; `make conformance` asks everything. The recorded clocks themselves are checked too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conformance.timetables.clocks import Clock, RecordedZone, clock_of
from conformance.timetables.questions import QUESTIONS
from conformance.timetables.replay import RELEASES, differences, expected_deviations, recorded

CRONS = {"cron_data_interval", "cron_trigger", "multiple_cron_trigger"}
EVERY = 16
RECORDED = {release: recorded(release) for release in RELEASES}


def sample(release: str) -> list[dict[str, Any]]:
    """Return the first answers of every so many clocks."""
    return [{**row, **{name: row[name][:2] for name in QUESTIONS if name in row}} for row in RECORDED[release][::EVERY]]


@pytest.mark.parametrize("release", RELEASES)
def test_timetables_answer_as_airflows_around_changes_of_the_clock(release: str) -> None:
    decided = expected_deviations(release)
    for row in sample(release):
        found = {question: digits for question, digits, _ in differences(row)}
        for question in QUESTIONS:
            if question in row:
                listed = decided.get((row["names"][0], question), "")[:2]
                assert found.get(question, "00"[: len(row[question])]) == (listed or "00"[: len(row[question])]), (
                    row["names"][0],
                    question,
                )


def test_both_releases_answered_for_every_zone_with_daylight_saving() -> None:
    asked = {release: {name for row in rows for name in row["names"]} for release, rows in RECORDED.items()}
    assert asked["3.3.2"] == asked["2.8.1"]
    assert {"Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"} <= asked["3.3.2"]
    assert not {"UTC", "Asia/Kolkata"} & asked["3.3.2"]
    assert len(asked["3.3.2"]) > 200
    for row in RECORDED["3.3.2"]:
        assert {len(row[name]) for name in QUESTIONS} == {len(Clock(row["names"], row["offset"], row["changes"]).asked)}


def test_only_cron_expressions_answer_otherwise_than_airflow_3() -> None:
    assert {QUESTIONS[question].document["type"] for _, question in expected_deviations("3.3.2")} == CRONS


@pytest.mark.parametrize("name", ["Europe/Amsterdam", "Australia/Lord_Howe", "Africa/Casablanca", "America/New_York"])
def test_a_recorded_clock_shows_what_the_zone_shows(name: str) -> None:
    clock = clock_of(name)
    zone, real = RecordedZone(clock), ZoneInfo(name)
    for change in clock.asked[:6]:
        for minutes in (-1441, -61, -31, -1, 0, 1, 29, 31, 59, 61, 119, 1441):
            moment = change + timedelta(minutes=minutes)
            shown, wanted = moment.astimezone(zone), moment.astimezone(real)
            assert (shown.replace(tzinfo=None), shown.fold) == (wanted.replace(tzinfo=None), wanted.fold)
            for fold in (0, 1):
                wall = moment.replace(tzinfo=zone, fold=fold)
                assert wall.utcoffset() == wall.replace(tzinfo=real).utcoffset()
