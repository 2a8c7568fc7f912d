from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pendulum
import pytest

from tradewind.core.timetables.protocol import TimetableError, to_utc, to_utc_or_none
from tradewind.core.timetables.zones import at_wall, encode_zone, parse_zone


class _Pytz(tzinfo):
    zone = "Asia/Kolkata"


class _Unknowable(tzinfo):
    def utcoffset(self, dt: datetime | None) -> None:  # noqa: ARG002
        return None


@pytest.mark.parametrize(
    ("zone", "encoded"),
    [
        (ZoneInfo("Europe/Amsterdam"), "Europe/Amsterdam"),
        (pendulum.timezone("Europe/Amsterdam"), "Europe/Amsterdam"),
        (pendulum.timezone("UTC"), "UTC"),
        (pendulum.FixedTimezone(19800), 19800),
        (_Pytz(), "Asia/Kolkata"),
        (timezone.utc, "UTC"),
        (timezone(timedelta(hours=-3)), -10800),
        (timezone(timedelta(seconds=1.5)), 1.5),
    ],
)
def test_zones_are_encoded_by_name_or_offset(zone: tzinfo, encoded: str | float) -> None:
    assert encode_zone(zone) == encoded
    assert encode_zone(parse_zone(encoded)) == encoded
    assert parse_zone(zone) is zone


def test_utc_has_one_form() -> None:
    for name in ("UTC", "utc", 0, 0.0):
        assert parse_zone(name) is timezone.utc


@pytest.mark.parametrize("name", ["Mars/Phobos", "", "Europe", "../etc/passwd", "/etc/passwd", "a" * 300])
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(TimetableError, match=r"unknown time zone .*; use an IANA name such as 'Europe/Amsterdam'"):
        parse_zone(name)


def test_an_offset_beyond_a_day_is_refused() -> None:
    with pytest.raises(TimetableError, match="time zone offset of 90000 seconds is not within a day"):
        parse_zone(90_000)


def test_a_zone_without_name_and_offset_is_refused() -> None:
    with pytest.raises(TimetableError, match="neither an IANA name nor a fixed offset"):
        encode_zone(_Unknowable())


def test_moments_need_a_zone() -> None:
    moment = datetime(2026, 7, 1, 14, tzinfo=ZoneInfo("Europe/Amsterdam"))
    assert to_utc(moment).isoformat() == "2026-07-01T12:00:00+00:00"
    assert to_utc_or_none(moment) == moment
    assert to_utc_or_none(None) is None
    with pytest.raises(ValueError, match="2026-07-01T00:00:00 has no time zone"):
        to_utc(datetime(2026, 7, 1))  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    ("wall", "moment"),
    [
        ("2024-03-31T01:59:00", "2024-03-31T00:59:00+00:00"),
        ("2024-03-31T02:30:00", "2024-03-31T01:30:00+00:00"),
        ("2024-10-27T02:30:00", "2024-10-27T01:30:00+00:00"),
    ],
)
def test_what_a_clock_never_shows_or_shows_twice_is_the_later_moment(wall: str, moment: str) -> None:
    found = at_wall(datetime.fromisoformat(wall), ZoneInfo("Europe/Amsterdam"))
    assert found.astimezone(timezone.utc).isoformat() == moment
