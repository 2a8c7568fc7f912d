from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from dateutil.relativedelta import FR, MO, relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.core.timetables.deltas import (
    CalendarDelta,
    DeltaSchedule,
    earlier,
    encode_delta,
    later,
    parse_delta,
)
from tradewind.core.timetables.interval import DeltaDataIntervalTimetable
from tradewind.core.timetables.protocol import TimeRestriction, TimetableError

START = datetime(2024, 1, 31, 12, tzinfo=timezone.utc)

relatives = st.builds(
    relativedelta,
    years=st.integers(-3, 3),
    months=st.integers(-30, 30),
    days=st.integers(-40, 40),
    leapdays=st.integers(-1, 1),
    hours=st.integers(-50, 50),
    minutes=st.integers(-90, 90),
    seconds=st.integers(-90, 90),
    microseconds=st.integers(-9, 9),
    year=st.none() | st.integers(1990, 2030),
    month=st.none() | st.integers(1, 12),
    day=st.none() | st.integers(1, 31),
    weekday=st.none()
    | st.builds(lambda day, place: day(place), st.sampled_from([MO, FR]), st.integers(-3, -1) | st.integers(1, 3)),
    hour=st.none() | st.integers(0, 23),
    minute=st.none() | st.integers(0, 59),
    second=st.none() | st.integers(0, 59),
    microsecond=st.none() | st.integers(0, 9),
)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001


@settings(max_examples=60, deadline=None)
@given(delta=relatives, moment=moments)
def test_calendar_arithmetic_is_relativedeltas(delta: relativedelta, moment: datetime) -> None:
    ours = parse_delta(delta)
    assert later(moment, ours) == moment + delta
    assert earlier(moment, ours) == moment - delta
    assert parse_delta(encode_delta(ours)) == ours


@pytest.mark.parametrize(
    ("like", "text", "encoded"),
    [
        ({"months": 1}, "relativedelta(months=+1)", {"months": 1}),
        ({"weeks": 2, "days": 1}, "relativedelta(days=+15)", {"days": 15}),
        ({"days": 1, "weekday": [4, -1]}, "relativedelta(days=+1, weekday=FR(-1))", {"days": 1, "weekday": [4, -1]}),
        ({"days": 1, "weekday": 0}, "relativedelta(days=+1, weekday=MO)", {"days": 1, "weekday": [0]}),
        ({"days": 1, "weekday": [0]}, "relativedelta(days=+1, weekday=MO)", {"days": 1, "weekday": [0]}),
        (relativedelta(days=1, weekday=FR), "relativedelta(days=+1, weekday=FR)", {"days": 1, "weekday": [4]}),
        ({"days": 1, "hour": 0}, "relativedelta(days=+1, hour=0)", {"days": 1, "hour": 0}),
    ],
)
def test_deltas_are_read_shown_and_encoded(like: object, text: str, encoded: dict[str, Any]) -> None:
    delta = CalendarDelta.parse(like)
    assert str(delta) == text
    assert encode_delta(delta) == encoded
    assert CalendarDelta.parse(delta) is delta


def test_plain_lengths() -> None:
    assert parse_delta(90) == timedelta(seconds=90)
    assert encode_delta(timedelta(minutes=1.5)) == 90


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ("daily", "'daily' is no length of time"),
        (None, "None is no length of time"),
        ({"moons": 3, "days": 1}, "schedule has unknown parts moons; known are years, months"),
        ({"weekday": 9}, "9 is no weekday"),
        ({"weekday": "fri"}, "'fri' is no weekday"),
        ({"weekday": []}, "is no weekday"),
        ({"weekday": [1, "x"]}, "is no weekday"),
    ],
)
def test_what_is_no_delta_is_told_so(like: object, message: str) -> None:
    with pytest.raises(TimetableError, match=message):
        parse_delta(like)


@pytest.mark.parametrize("like", [timedelta(0), timedelta(days=-1), {"months": -1}, {"day": 1}, {}])
def test_a_schedule_must_lead_forward(like: object) -> None:
    with pytest.raises(TimetableError, match="schedule interval must be positive"):
        DeltaDataIntervalTimetable(like)


def test_a_schedule_that_stops_leading_forward_says_so() -> None:
    schedule = DeltaSchedule(CalendarDelta(hour=5))
    assert schedule.next_after(START.replace(hour=2)) == START.replace(hour=5)
    with pytest.raises(TimetableError, match="it leads nowhere from 2024-01-31 12:00:00"):
        schedule.next_after(START)


@pytest.mark.parametrize("delta", [timedelta.max, CalendarDelta(years=9000), CalendarDelta(days=9**9)])
def test_the_calendar_ends_with_an_error(delta: timedelta | CalendarDelta) -> None:
    with pytest.raises(TimetableError, match=r"leads out of the calendar|cannot be applied"):
        later(START, delta)


def test_months_are_floored_along_their_own_way() -> None:
    # 31 Jan, 29 Feb, 29 Mar: the day stays clamped.
    floored = DeltaSchedule(CalendarDelta(months=1)).floor(START.replace(month=4, day=10), START)
    assert floored == START.replace(month=3, day=29)


def test_a_delta_without_length_is_floored_from_its_anchor() -> None:
    schedule = DeltaSchedule(CalendarDelta(weekday=(0, 2)))
    assert schedule.floor(datetime(2024, 3, 1, tzinfo=timezone.utc), START) == datetime(
        2024, 2, 26, 12, tzinfo=timezone.utc
    )


def test_fixed_deltas_are_floored_to_the_epochs_grid() -> None:
    schedule = DeltaSchedule(timedelta(minutes=7))
    floored = schedule.floor(START, START - timedelta(days=1))
    assert floored <= START < floored + timedelta(minutes=7)
    assert floored.timestamp() % 420 == 0


def test_a_run_without_start_date_and_catchup_waits_for_one() -> None:
    timetable = DeltaDataIntervalTimetable(timedelta(hours=1))
    restriction = TimeRestriction(None, None, catchup=True)
    assert timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction, now=START) is None
