"""Lengths of time that a schedule is stepped by: a fixed timedelta, or one in months and years of the calendar."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from typing import Any

from tradewind.core.timetables.protocol import TimetableError

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY = 2


@dataclass(frozen=True, slots=True)
class CalendarDelta:
    """Years, months and the like, to be added to a datetime as dateutil's relativedelta is.

    Plural fields are added; singular ones, where set, replace that part of the datetime first. `weekday` moves to the
    n-th such day (0 is Monday) on or after the result, before it where n is negative.
    """

    years: int = 0
    months: int = 0
    days: int = 0
    leapdays: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0
    microseconds: int = 0
    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: tuple[int, int | None] | None = None
    hour: int | None = None
    minute: int | None = None
    second: int | None = None
    microsecond: int | None = None

    @classmethod
    def parse(cls, like: object) -> CalendarDelta:
        """Read a dict of these fields, or any object with such attributes, as a relativedelta has.

        Raises TimetableError naming an unknown field.
        """
        if isinstance(like, CalendarDelta):
            return like
        names = [field.name for field in fields(cls)]
        given: dict[str, Any]
        if isinstance(like, dict):
            given = {str(name): value for name, value in like.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            unknown = sorted(set(given) - {*names, "weeks"})
            if unknown:
                raise TimetableError(f"schedule has unknown parts {', '.join(unknown)}; known are {', '.join(names)}")
            weeks = given.pop("weeks", 0)
            given["days"] = given.get("days", 0) + 7 * weeks
        elif hasattr(like, "months") and hasattr(like, "years"):
            given = {name: getattr(like, name) for name in names if getattr(like, name, None) is not None}
        else:
            raise TimetableError(
                f"{like!r} is no length of time: give a timedelta, a relativedelta or a dict of its parts"
            )
        if given.get("weekday") is not None:
            given["weekday"] = _parse_weekday(given["weekday"])
        return cls(**given)

    @property
    def fixed_part(self) -> timedelta:
        """What is added after years and months; its length does not depend on the date."""
        return timedelta(
            days=self.days,
            hours=self.hours,
            minutes=self.minutes,
            seconds=self.seconds,
            microseconds=self.microseconds,
        )

    def add_to(self, moment: datetime, *, sign: int = 1) -> datetime:
        """Give `moment` moved by this length, backwards with a `sign` of -1.

        A day that the target month does not have becomes its last one. Raises TimetableError beyond year 9999 or 1.
        """
        month_count = (self.year or moment.year) * 12 + (self.month or moment.month) - 1
        year, month_index = divmod(month_count + sign * (self.years * 12 + self.months), 12)
        month = month_index + 1
        is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        length = 29 if is_leap and month == _FEBRUARY else _MONTH_LENGTHS[month_index]
        leapdays = self.leapdays if is_leap and month > _FEBRUARY else 0
        try:
            moved = moment.replace(
                year=year,
                month=month,
                day=min(length, self.day or moment.day),
                hour=moment.hour if self.hour is None else self.hour,
                minute=moment.minute if self.minute is None else self.minute,
                second=moment.second if self.second is None else self.second,
                microsecond=moment.microsecond if self.microsecond is None else self.microsecond,
            )
            # relativedelta adds its leap days in both directions.
            moved += sign * self.fixed_part + timedelta(days=leapdays)
            return moved if self.weekday is None else moved + _to_weekday(moved, *self.weekday)
        except (ValueError, OverflowError) as error:
            raise TimetableError(f"schedule {self} cannot be applied to {moment.isoformat()}: {error}") from None

    def encode(self) -> dict[str, Any]:
        """Give the fields that are set, as plain JSON types."""
        encoded = {field.name: getattr(self, field.name) for field in fields(self)}
        encoded = {name: value for name, value in encoded.items() if value is not None and (value or name[-1] != "s")}
        if self.weekday is not None:
            encoded["weekday"] = [part for part in self.weekday if part is not None]
        return encoded

    def __str__(self) -> str:
        parts = [
            f"{name}={value:+g}" if name[-1] == "s" else f"{name}={value}"
            for name, value in self.encode().items()
            if name != "weekday"
        ]
        if self.weekday is not None:
            day, place = self.weekday
            parts.append(f"weekday={_WEEKDAYS[day]}" + (f"({place:+d})" if place else ""))
        return f"relativedelta({', '.join(parts)})"


Delta = timedelta | CalendarDelta


def parse_delta(like: object) -> Delta:
    """Turn a timedelta, a number of seconds, or anything that `CalendarDelta.parse` reads into a delta."""
    if isinstance(like, timedelta):
        return like
    if isinstance(like, (int, float)):
        return timedelta(seconds=like)
    return CalendarDelta.parse(like)


def encode_delta(delta: Delta) -> float | dict[str, Any]:
    """Give seconds for a timedelta and a dict for a calendar delta; the inverse of `parse_delta`."""
    return delta.total_seconds() if isinstance(delta, timedelta) else delta.encode()


def later(moment: datetime, delta: Delta) -> datetime:
    """Give the moment that lies `delta` after `moment`; raises TimetableError where the calendar ends before it."""
    return _moved(moment, delta, 1)


def earlier(moment: datetime, delta: Delta) -> datetime:
    """Give the moment that lies `delta` before `moment`; raises TimetableError where the calendar begins after it."""
    return _moved(moment, delta, -1)


class DeltaSchedule:
    """Moments that lie one delta apart. They have no places of their own: any moment is aligned."""

    def __init__(self, delta: Delta) -> None:
        """Step by `delta`; raises TimetableError when that does not lead forward."""
        self.delta = delta
        self.next_after(_EXAMPLE)

    def next_after(self, moment: datetime) -> datetime:
        """Give the moment one delta later; raises TimetableError when the delta does not lead forward from here."""
        following = later(moment, self.delta)
        if following <= moment:
            raise TimetableError(
                f"schedule interval must be positive, not {self.delta}: it leads nowhere from {moment}"
            )
        return following

    def prev_before(self, moment: datetime) -> datetime:
        """Give the moment one delta earlier."""
        return earlier(moment, self.delta)

    def align_to_next(self, moment: datetime) -> datetime:
        """Give the moment itself."""
        return moment

    def align_to_prev(self, moment: datetime) -> datetime:
        """Give the moment itself."""
        return moment

    def floor(self, moment: datetime, anchor: datetime) -> datetime:
        """Give the last boundary that is not after `moment`, where runs are to be skipped up to the present.

        Deltas of fixed length count from the epoch. Months and years have no such grid: they are stepped from `anchor`,
        one at a time because the clamping of month ends depends on the way (31 Jan, 28 Feb, 28 Mar).
        """
        step = self.delta if isinstance(self.delta, timedelta) else self.delta.fixed_part
        is_stepped = isinstance(self.delta, CalendarDelta) and (self.delta.years or self.delta.months or not step)
        if not is_stepped:
            return moment - (moment - _EPOCH) % step
        boundary = anchor
        following = self.next_after(boundary)
        while following <= moment:
            boundary, following = following, self.next_after(following)
        return boundary


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EXAMPLE = datetime(2000, 1, 1, tzinfo=timezone.utc)


def _moved(moment: datetime, delta: Delta, sign: int) -> datetime:
    if isinstance(delta, CalendarDelta):
        return delta.add_to(moment, sign=sign)
    try:
        return moment + sign * delta
    except OverflowError:
        raise TimetableError(f"schedule {delta} leads out of the calendar from {moment.isoformat()}") from None


def _to_weekday(moment: datetime, weekday: int, place: int | None) -> timedelta:
    weeks = abs(place or 1) - 1
    if (place or 1) > 0:
        return timedelta(days=weeks * 7 + (weekday - moment.weekday()) % 7)
    return -timedelta(days=weeks * 7 + (moment.weekday() - weekday) % 7)


def _parse_weekday(like: Any) -> tuple[int, int | None]:
    """Read a number, a list of number and place, or an object such as dateutil's FR(+1)."""
    day: Any = like
    place: Any = None
    if isinstance(like, (list, tuple)):
        day, place = (*like, None, None)[:2]  # pyright: ignore[reportUnknownVariableType]
    elif hasattr(like, "weekday"):
        day, place = like.weekday, like.n
    if not isinstance(day, int) or not 0 <= day <= 6 or not isinstance(place, (int, type(None))):
        raise TimetableError(f"{like!r} is no weekday: give 0 (Monday) to 6, or a list of it and its place")
    return day, place or None
