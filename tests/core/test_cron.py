from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.core.cron import PRESETS, CronError, CronExpression, parse_cron

GOLDEN = json.loads((Path(__file__).parent / "golden" / "cron.json").read_text())
NOON = datetime(2026, 3, 11, 12)  # noqa: DTZ001 - wall-clock time, a Wednesday


def number(low: int, high: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(str)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """Give stars, values, ranges and steps, alone or in lists."""
    value = number(low, high)
    step = number(1, 20)
    member = st.one_of(
        st.just("*"),
        value,
        st.tuples(value, value).map("-".join),
        step.map("*/{}".format),
        st.tuples(value, step).map("/".join),
    )
    return st.lists(member, min_size=1, max_size=3).map(",".join)


days = field(1, 28) | st.sampled_from(["L", "15W", "?", "28,L"])
weekdays = field(0, 7) | st.sampled_from(["mon-fri", "fri#2", "L5", "?"])
# 15W is the 14th to the 16th, L5 never is.
day_pairs = st.tuples(days, weekdays).filter(lambda pair: "W" not in pair[0] or not {"#", "L"} & set(pair[1]))
expressions = st.tuples(field(0, 59), field(0, 23), day_pairs, field(1, 12)).map(
    lambda parts: f"{parts[0]} {parts[1]} {parts[2][0]} {parts[3]} {parts[2][1]}"
)
sixth = expressions.flatmap(lambda five: field(0, 59).map(lambda seconds: f"{five} {seconds}"))
moments = st.datetimes(datetime(1980, 1, 1), datetime(2080, 1, 1))  # noqa: DTZ001 - wall-clock times


def forward(expression: CronExpression, start: datetime, count: int) -> list[str]:
    found: list[datetime] = [start]
    for _ in range(count):
        found.append(expression.next_after(found[-1]))
    return [moment.isoformat() for moment in found[1:]]


def backward(expression: CronExpression, start: datetime, count: int) -> list[str]:
    found: list[datetime] = [start]
    for _ in range(count):
        found.append(expression.prev_before(found[-1]))
    return [moment.isoformat() for moment in found[1:]]


def test_matches_agree_with_croniter() -> None:
    for text, start, following, preceding in GOLDEN["matches"]:
        expression = parse_cron(text)
        assert forward(expression, datetime.fromisoformat(start), 3) == following, text
        assert backward(expression, datetime.fromisoformat(start), 3) == preceding, text


@pytest.mark.parametrize("text", GOLDEN["refused"])
def test_what_croniter_refuses_is_refused(text: str) -> None:
    with pytest.raises(CronError, match="cron "):
        parse_cron(text)


@settings(max_examples=40, deadline=None)
@given(text=expressions | sixth, start=moments)
def test_the_next_match_is_later_matches_and_leads_back(text: str, start: datetime) -> None:
    expression = parse_cron(text)
    following = expression.next_after(start)
    assert following > start
    assert expression.matches(following)
    assert expression.prev_before(following) <= start
    assert expression.next_after(expression.prev_before(following)) == following


@settings(max_examples=40, deadline=None)
@given(text=expressions | sixth, start=moments)
def test_nothing_matches_between_neighbours(text: str, start: datetime) -> None:
    expression = parse_cron(text)
    following = expression.next_after(start)
    tick = timedelta(seconds=1) if expression.has_seconds else timedelta(minutes=1)
    probe = start.replace(microsecond=0) if expression.has_seconds else start.replace(second=0, microsecond=0)
    for _ in range(100):
        probe += tick
        if probe >= following:
            break
        assert not expression.matches(probe)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("61 * * * *", "cron '61 * * * *', minute field, '61': 61 is out of range; valid are 0-59"),
        ("0 0 * foo *", "month field, 'foo': 'foo' is no value of this field; valid are 1-12 or jan-dec"),
        ("0 0 * * 8", "day of week field, '8': 8 is out of range; valid are 0-7 or sun-sat"),
        ("*/0 * * * *", "minute field, '*/0': a step is a number from 1 on"),
        ("5- * * * *", "minute field, '5-': a value is missing"),
        ("0 0 * * mon#6", "day of week field, 'mon#6': a month has places #1 to #5"),
        ("0 0 3,15W * *", "day of month field, '3,15w': W takes one day and nothing beside it"),
        ("0 0 32W * *", "day of month field, '32w': 32 is out of range; valid are 1-31"),
        ("0 0 * * mon,tue#2", "plain days cannot be mixed with # or L"),
        ("* * * *", "has 4 field(s) instead of 5, or 6 with seconds last"),
        ("@dayly", "presets are @hourly, @daily"),
        ("0 0 1 1 * 0 2030", "a year field is not supported"),
        ("9999999999 * * * *", "no value of this field"),
        ("*/9999999999 * * * *", "a step is a number"),
        ("0 0 30 2 *", "never matches: no calendar has a day with day of month '30', month '2', day of week '*'"),
        ("0 0 31 2,4,6,9,11 *", "never matches"),
    ],
)
def test_a_bad_expression_is_told_what_is_wrong_with_it(text: str, message: str) -> None:
    with pytest.raises(CronError) as caught:
        parse_cron(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_mean_their_expressions(preset: str) -> None:
    assert forward(parse_cron(preset), NOON, 2) == forward(parse_cron(PRESETS[preset]), NOON, 2)
    assert forward(parse_cron(f" {preset.upper()}\n"), NOON, 2) == forward(parse_cron(preset), NOON, 2)


@pytest.mark.parametrize(
    ("text", "following", "preceding"),
    [
        ("0 0 29 2 *", "2028-02-29T00:00:00", "2024-02-29T00:00:00"),
        ("0 0 * 2 1#5", "2044-02-29T00:00:00", "2016-02-29T00:00:00"),
        ("0 0 31 2 mon", "2027-02-01T00:00:00", "2026-02-23T00:00:00"),
        ("0 12 1 * mon#2", "2026-04-13T12:00:00", "2026-03-09T12:00:00"),
        ("0 12 15w * sat", "2026-03-16T12:00:00", "2026-02-16T12:00:00"),
        ("0 0 1w 8 *", "2026-08-03T00:00:00", "2025-08-01T00:00:00"),
        ("0 0 31w 5 *", "2026-05-29T00:00:00", "2025-05-30T00:00:00"),
    ],
)
def test_rare_days_are_found(text: str, following: str, preceding: str) -> None:
    assert forward(parse_cron(text), NOON, 1) == [following]
    assert backward(parse_cron(text), NOON, 1) == [preceding]


def test_matches_looks_at_every_field() -> None:
    expression = parse_cron("30 4 10 2 * 15")
    match = datetime(2026, 2, 10, 4, 30, 15)  # noqa: DTZ001 - wall-clock time
    assert expression.matches(match)
    for change in ({"second": 16}, {"minute": 31}, {"hour": 5}, {"day": 11}, {"month": 3}, {"microsecond": 1}):
        assert not expression.matches(match.replace(**change))  # pyright: ignore[reportArgumentType]


def test_only_a_free_hour_covers_every_hour() -> None:
    assert parse_cron("5 */1 * * *").covers_every_hour
    assert parse_cron("5 0-23 * * *").covers_every_hour
    assert not parse_cron("5 0-22 * * *").covers_every_hour


def test_the_calendar_ends_with_an_error() -> None:
    expression = parse_cron("0 0 1 4 *")
    with pytest.raises(CronError, match="matches no time after"):
        expression.next_after(datetime(9999, 5, 1))  # noqa: DTZ001 - wall-clock time
    with pytest.raises(CronError, match="matches no time before"):
        expression.prev_before(datetime(1, 2, 1))  # noqa: DTZ001 - wall-clock time
