"""Branches by the time and by the day, and the song."""
# ruff: noqa: DTZ001 - authors give dates without a zone

from __future__ import annotations

import logging
from datetime import datetime, time, timezone
from typing import Any

import pendulum
import pytest
import time_machine

from tradewind import DAG, EmptyOperator
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.branch_dates import BranchDateTimeOperator, BranchDayOfWeekOperator, target_times_as_dates
from tradewind.sdk.operators.smooth import SmoothOperator
from tradewind.sdk.toolkit.kinds import WeekDay

from tests.sdk.operators.fakes import run

DAY = datetime(2024, 3, 5, 12, tzinfo=timezone.utc)
"""A Tuesday."""


def followed(kind: Any, *, zone: str = "UTC", date: Any = None, **arguments: Any) -> Any:
    """Return which branch is followed on that Tuesday at noon, or at the run's date."""
    with DAG("d", start_date=pendulum.datetime(2024, 1, 1, tz=zone)):
        branch = kind(
            task_id="b",
            follow_task_ids_if_true="yes",
            follow_task_ids_if_false=["no"],
            use_task_logical_date=date is not None,
            **arguments,
        )
        branch >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]
    with time_machine.travel(DAY, tick=False):
        result, instance = run(branch, logical_date=date)
    assert instance.skipped == (["no"] if result == "yes" else ["yes"])
    return result == "yes"


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (time(11), time(13), True),
        (time(11), None, True),
        (time(13), None, False),
        (None, time(11), False),
        (None, time(12), True),
        (time(12), time(12), True),
        (time(13), time(11), False),
        (time(11), time(10), True),
        (datetime(2024, 3, 5, 11), datetime(2024, 3, 5, 13), True),
        (datetime(2024, 3, 5, 13, tzinfo=timezone.utc), None, False),
        (datetime(2024, 3, 5, 11), time(13), True),
        (None, datetime(2024, 3, 4), False),
    ],
)
def test_a_branch_by_the_time(lower: Any, upper: Any, expected: bool) -> None:
    assert followed(BranchDateTimeOperator, target_lower=lower, target_upper=upper) is expected


def test_a_branch_by_the_time_of_another_zone() -> None:
    there: dict[str, Any] = {"target_lower": time(20), "target_upper": time(22)}
    assert followed(BranchDateTimeOperator, zone="Asia/Tokyo", **there)
    assert not followed(BranchDateTimeOperator, **there)


def test_a_branch_by_the_date_of_the_run() -> None:
    then = pendulum.datetime(2020, 7, 7, 5)
    early: dict[str, Any] = {"target_lower": time(4), "target_upper": time(6)}
    assert followed(BranchDateTimeOperator, date=then, **early)
    assert not followed(BranchDateTimeOperator, **early)


def test_a_branch_by_the_time_needs_one() -> None:
    with pytest.raises(AirflowException, match="target_lower, target_upper or both"):
        followed(BranchDateTimeOperator, target_lower=None, target_upper=None)


def test_times_of_the_day_become_dates() -> None:
    both = target_times_as_dates(DAY, time(22), time(3))
    assert [str(one) for one in both] == ["2024-03-05 22:00:00", "2024-03-06 03:00:00"]
    assert target_times_as_dates(DAY, None, time(3)) == (None, datetime(2024, 3, 5, 3))


@pytest.mark.parametrize(
    ("days", "zone", "date", "expected"),
    [
        ("Tuesday", "UTC", None, True),
        ({"monday", WeekDay.TUESDAY}, "UTC", None, True),
        (WeekDay.WEDNESDAY, "UTC", None, False),
        (WeekDay.WEDNESDAY, "Pacific/Auckland", None, True),
        ("Friday", "UTC", pendulum.datetime(2024, 3, 8), True),
        ("Tuesday", "UTC", pendulum.datetime(2024, 3, 8), False),
    ],
)
def test_a_branch_by_the_day(days: Any, zone: str, date: Any, expected: bool) -> None:
    assert followed(BranchDayOfWeekOperator, week_day=days, zone=zone, date=date) is expected


@pytest.mark.parametrize(
    ("kind", "old", "more"),
    [
        (BranchDateTimeOperator, "use_task_execution_date", {"target_lower": time(1), "target_upper": None}),
        (BranchDayOfWeekOperator, "use_task_execution_day", {"week_day": "Monday"}),
    ],
)
def test_the_words_of_airflow_2(kind: Any, old: str, more: Any) -> None:
    with pytest.warns(DeprecationWarning, match="use_task_logical_date"):
        made = kind(task_id="b", follow_task_ids_if_true="y", follow_task_ids_if_false="n", **{old: True}, **more)
    assert made.use_task_logical_date


def test_the_song(caplog: pytest.LogCaptureFixture) -> None:
    with DAG("d"), caplog.at_level(logging.INFO):
        run(SmoothOperator(task_id="s"))
    assert "Sade" in caplog.text
