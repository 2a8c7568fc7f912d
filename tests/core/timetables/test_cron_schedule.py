"""The moments of a cron expression in a zone, against a definition that steps through every minute."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tradewind.core.cron import CronError, parse_cron
from tradewind.core.timetables.cron_schedule import CronSchedule

UTC = timezone.utc
MINUTE = timedelta(minutes=1)

# A moment near which each zone's wall clock jumps.
CHANGES = {
    "Europe/Amsterdam": ("2024-03-31T01:00", "2024-10-27T01:00"),
    "America/New_York": ("2024-03-10T07:00", "2024-11-03T06:00"),
    "Australia/Lord_Howe": ("2024-04-06T15:00", "2024-10-05T15:30"),
    "America/Sao_Paulo": ("2018-11-04T03:00", "2019-02-17T02:00"),
    "Africa/Casablanca": ("2023-03-19T02:00", "2023-04-23T02:00"),
    "Pacific/Apia": ("2011-12-30T10:00", "2012-03-31T14:00"),
    "Europe/Dublin": ("2024-03-31T01:00", "2024-10-27T01:00"),
    "Asia/Kolkata": ("2024-03-31T01:00",),
    "UTC": ("2024-03-31T01:00",),
}
EXPRESSIONS = (
    *("*/5 * * * *", "* * * * *", "0 * * * *", "30 * * * *", "7,50 * * * *", "0 * * * sun", "*/20 * * * sat,mon"),
    *(
        "30 2 * * *",
        "0 2 * * *",
        "20,40 2 * * *",
        "20,30 2 * * *",
        "0 0 * * *",
        "30 0 * * *",
        "30 23 * * *",
        "0 3 * * *",
    ),
    *("*/30 1-4 * * *", "0 */2 * * *", "15,45 */3 * * *", "30 2 * * sun", "0 12 * * 5", "0 0 31 * *", "10 1,2,3 * * *"),
)

places = st.sampled_from([(zone, change) for zone, changes in CHANGES.items() for change in changes])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(text: str, zone: str) -> CronSchedule:
    return CronSchedule(parse_cron(text), ZoneInfo(zone))


def named_between(text: str, zone: tzinfo, start: datetime, end: datetime, margin_h: int = 2) -> list[datetime]:
    """List the moments by definition, looking at each minute.

    With a free hour: the wall clock shows a match. Else each wall-clock time that matches names one moment: the last at
    which the clock shows it or, if it shows it never, the moment as far behind the jump as the time is inside it.
    """
    expression = parse_cron(text)
    named: set[datetime] = set()
    shown: dict[datetime, datetime] = {}
    first = start - timedelta(hours=margin_h)
    previous = first.astimezone(zone).replace(tzinfo=None)
    for step in range(1, int((end - first + timedelta(hours=margin_h)) / MINUTE)):
        now = first + step * MINUTE
        local = now.astimezone(zone).replace(tzinfo=None)
        if expression.covers_every_hour:
            if expression.matches(local):
                named.add(now)
        else:
            if expression.matches(local):
                shown[local] = now
            skipped = previous + MINUTE
            jump_ends = local
            while skipped < jump_ends:
                if expression.matches(skipped):
                    named.add(now + (skipped - previous - MINUTE))
                skipped += MINUTE
        previous = local
    return sorted(at for at in named | set(shown.values()) if start < at < end)


def following_until(cron: CronSchedule, at: datetime, end: datetime) -> list[datetime]:
    found: list[datetime] = []
    while (at := cron.next_after(at)) < end:
        found.append(at)
    return found


def preceding_until(cron: CronSchedule, at: datetime, start: datetime) -> list[datetime]:
    found: list[datetime] = []
    while (at := cron.prev_before(at)) > start:
        found.append(at)
    return found


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_every_moment_around_a_change_is_named_as_defined(text: str) -> None:
    for zone in ("Europe/Amsterdam", "Australia/Lord_Howe", "America/Sao_Paulo"):
        for change in CHANGES[zone]:
            start, end = moment(change) - timedelta(hours=3), moment(change) + timedelta(hours=4)
            expected = named_between(text, ZoneInfo(zone), start, end)
            assert following_until(schedule(text, zone), start, end) == expected
            assert preceding_until(schedule(text, zone), end, start)[::-1] == expected


def test_a_whole_day_that_is_skipped() -> None:
    for text in ("30 2 * * *", "0 */6 * * *", "0 * * * *", "0 9 * * 5"):
        start, end = moment("2011-12-29T10:00"), moment("2012-01-01T10:00")
        expected = named_between(text, ZoneInfo("Pacific/Apia"), start, end, margin_h=26)
        assert following_until(schedule(text, "Pacific/Apia"), start, end) == expected
        assert preceding_until(schedule(text, "Pacific/Apia"), end, start)[::-1] == expected


@settings(max_examples=100, deadline=None)
@given(text=st.sampled_from(EXPRESSIONS), place=places, offset_min=st.integers(-4000, 4000), seconds=st.integers(0, 59))
@example(text="20,30 2 * * *", place=("Australia/Lord_Howe", "2024-10-05T15:30"), offset_min=10, seconds=0)
def test_next_is_later_and_previous_leads_back(
    text: str, place: tuple[str, str], offset_min: int, seconds: int
) -> None:
    zone, change = place
    cron = schedule(text, zone)
    at = moment(change) + timedelta(minutes=offset_min, seconds=seconds)
    following, preceding = cron.next_after(at), cron.prev_before(at)
    assert preceding < at < following
    assert cron.prev_before(following) <= at
    assert cron.next_after(preceding) >= at
    assert cron.next_after(cron.prev_before(following)) == following
    assert cron.align_to_next(following) == following == cron.align_to_prev(following)
    assert cron.align_to_prev(at) in {preceding, at}
    assert cron.align_to_next(at) in {following, at}


@settings(max_examples=100, deadline=None)
@given(text=st.sampled_from(EXPRESSIONS), place=places, offset_min=st.integers(-4000, 4000))
def test_outside_gaps_the_wall_clock_shows_what_the_expression_says(
    text: str, place: tuple[str, str], offset_min: int
) -> None:
    zone, change = place
    cron = schedule(text, zone)
    following = cron.next_after(moment(change) + timedelta(minutes=offset_min))
    local = following.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    jumped = [
        (following - timedelta(hours=hours)).astimezone(ZoneInfo(zone)).utcoffset()
        != following.astimezone(ZoneInfo(zone)).utcoffset()
        for hours in (1, 2, 24)
    ]
    assert cron.expression.matches(local) or any(jumped)
    if cron.expression.covers_every_hour:
        assert cron.expression.matches(local)


def test_a_fixed_time_keeps_the_wall_clock_over_a_change() -> None:
    cron = schedule("30 8 * * *", "Europe/Amsterdam")
    at = moment("2024-03-30T06:00")
    times = []
    for _ in range(3):
        at = cron.next_after(at)
        times.append(at.isoformat())
    assert times == ["2024-03-30T07:30:00+00:00", "2024-03-31T06:30:00+00:00", "2024-04-01T06:30:00+00:00"]


def test_fixed_offsets_have_no_changes() -> None:
    cron = CronSchedule(parse_cron("30 0 * * *"), timezone(timedelta(hours=5, minutes=30)))
    assert cron.next_after(moment("2024-03-30T00:00")) == moment("2024-03-30T19:00")


class _NoOffset(tzinfo):
    def utcoffset(self, dt: datetime | None) -> None:  # noqa: ARG002
        return None

    def fromutc(self, dt: datetime) -> datetime:
        return dt


def test_a_zone_that_tells_no_offset_counts_as_utc() -> None:
    cron = CronSchedule(parse_cron("30 0 * * *"), _NoOffset())
    assert cron.next_after(moment("2024-03-30T00:00")) == moment("2024-03-30T00:30")


def test_the_calendar_ends_with_an_error() -> None:
    cron = schedule("* * * * *", "Europe/Amsterdam")
    with pytest.raises(CronError, match="too near the end of the calendar"):
        cron.next_after(datetime(9999, 12, 31, tzinfo=UTC))
    with pytest.raises(CronError, match="too near the start of the calendar"):
        cron.prev_before(datetime(1, 1, 1, tzinfo=UTC))
