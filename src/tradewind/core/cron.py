"""Cron expressions on a wall clock: parsing, and the search for the next and the previous matching time.

Times here are naive: what the clock on the wall shows. Time zones and daylight-saving changes are laid over it in
`tradewind.core.timetables.cron_schedule`. What an expression means follows croniter, which Airflow uses:

- five fields (minute, hour, day of month, month, day of week), or six with the seconds LAST;
- lists, ranges, steps (`*/5`, `10-50/5`, `10/5`), names (`jan`, `mon`), `7` for Sunday, `?` for `*` in a day field;
- ranges may wrap around (`22-2`, `sat-mon`); a range from a value to itself means the whole field;
- `L` is the last day of the month, `15W` the working day nearest to the 15th, `mon#2` the second Monday of the month,
  `L5` its last Friday;
- where both day fields are restricted, a day needs to match only one of them. `W` and `#` are stronger: where one is
  present, the other day field plays no part.

A field is kept as an integer with one bit for each allowed value, so a search is a handful of bit operations per field
and per month, whatever the distance to the next match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
SUNDAY = 0
LAST = -1
"""The place in the month of `L5`, beside 1 to 5 for `5#1` to `5#5`."""

_ONE_SECOND = timedelta(seconds=1)
_ONE_MINUTE = timedelta(minutes=1)
_CALENDAR_CYCLE_MONTHS = 400 * 12
"""The calendar repeats after 400 years: a day that is not found in so many months does not exist."""


class CronError(ValueError):
    """A cron expression that cannot be read, or that matches no time."""


@dataclass(frozen=True, slots=True)
class DayRule:
    """Which days of a month match, out of both day fields."""

    days: int
    """Bits 1 to 31 of the day of month field."""
    weekdays: int
    """Bits 0 (Sunday) to 6 of the day of week field."""
    is_either: bool
    """Whether a day needs to match one of the two fields only, as when both are restricted."""
    is_last_day: bool = False
    nearest_working_day: int | None = None
    nth_weekdays: tuple[tuple[int, int], ...] = ()
    """Pairs of weekday and place in the month, 1 to 5 or LAST."""

    def matching(self, year: int, month: int) -> int:
        """Give the bits of the matching days of that month."""
        first = datetime(year, month, 1).isoweekday() % 7  # noqa: DTZ001 - a wall-clock date
        length = _month_length(year, month)
        every = (2 << length) - 2
        if self.nearest_working_day is not None or self.nth_weekdays:
            chosen = every
            if self.nearest_working_day is not None:
                chosen &= 1 << _nearest_working_day(self.nearest_working_day, first, length)
            if self.nth_weekdays:
                chosen &= _nth_weekdays(self.nth_weekdays, first, length)
            return chosen
        by_day = self.days | (1 << length if self.is_last_day else 0)
        by_weekday = _days_on(self.weekdays, first)
        return every & (by_day | by_weekday if self.is_either else by_day & by_weekday)


@dataclass(frozen=True, slots=True)
class CronExpression:
    """A parsed expression. Its methods take and give naive wall-clock times."""

    text: str
    """The expression as it was given."""
    seconds: int
    minutes: int
    hours: int
    months: int
    day_rule: DayRule
    has_seconds: bool

    @property
    def covers_every_hour(self) -> bool:
        """Whether the expression puts no restriction on the hour, as `*/5 * * * *` does."""
        return self.hours == _FIELDS[1].every

    def matches(self, local: datetime) -> bool:
        """Say whether the expression names this very time, down to the second."""
        return (
            local.microsecond == 0
            and bool(self.seconds >> local.second & 1)
            and bool(self.minutes >> local.minute & 1)
            and bool(self.hours >> local.hour & 1)
            and bool(self.months >> local.month & 1)
            and bool(self.day_rule.matching(local.year, local.month) >> local.day & 1)
        )

    def next_after(self, local: datetime) -> datetime:
        """Give the first matching time after `local`; raises CronError when the calendar ends before one."""
        start = self._truncated(local) + self._tick
        day = self._day_from(start.year, start.month, start.day)
        if day.date() == start.date():
            moment = self._time_from(start)
            if moment is not None:
                return moment
            start = day + timedelta(days=1)
            day = self._day_from(start.year, start.month, start.day)
        return day.replace(hour=_lowest(self.hours), minute=_lowest(self.minutes), second=_lowest(self.seconds))

    def prev_before(self, local: datetime) -> datetime:
        """Give the last matching time before `local`; raises CronError when the calendar begins after it."""
        start = self._truncated(local)
        if start == local:
            start -= self._tick
        day = self._day_until(start.year, start.month, start.day)
        if day.date() == start.date():
            moment = self._time_until(start)
            if moment is not None:
                return moment
            start = day - timedelta(days=1)
            day = self._day_until(start.year, start.month, start.day)
        return day.replace(hour=_highest(self.hours), minute=_highest(self.minutes), second=_highest(self.seconds))

    @property
    def _tick(self) -> timedelta:
        return _ONE_SECOND if self.has_seconds else _ONE_MINUTE

    def _truncated(self, local: datetime) -> datetime:
        return (
            local.replace(microsecond=0, fold=0) if self.has_seconds else local.replace(second=0, microsecond=0, fold=0)
        )

    def _time_from(self, start: datetime) -> datetime | None:
        """Give the first matching time of the day of `start`, not before `start`."""
        first_minute, first_second = _lowest(self.minutes), _lowest(self.seconds)
        if self.hours >> start.hour & 1:
            if self.minutes >> start.minute & 1:
                seconds = self.seconds >> start.second << start.second
                if seconds:
                    return start.replace(second=_lowest(seconds))
            minutes = self.minutes >> (start.minute + 1) << (start.minute + 1)
            if minutes:
                return start.replace(minute=_lowest(minutes), second=first_second)
        hours = self.hours >> (start.hour + 1) << (start.hour + 1)
        return start.replace(hour=_lowest(hours), minute=first_minute, second=first_second) if hours else None

    def _time_until(self, start: datetime) -> datetime | None:
        """Give the last matching time of the day of `start`, not after `start`."""
        last_minute, last_second = _highest(self.minutes), _highest(self.seconds)
        if self.hours >> start.hour & 1:
            if self.minutes >> start.minute & 1:
                seconds = self.seconds & ((2 << start.second) - 1)
                if seconds:
                    return start.replace(second=_highest(seconds))
            minutes = self.minutes & ((1 << start.minute) - 1)
            if minutes:
                return start.replace(minute=_highest(minutes), second=last_second)
        hours = self.hours & ((1 << start.hour) - 1)
        return start.replace(hour=_highest(hours), minute=last_minute, second=last_second) if hours else None

    def _day_from(self, year: int, month: int, day: int) -> datetime:
        """Give midnight of the first matching day, not before the given one."""
        for _ in range(_CALENDAR_CYCLE_MONTHS + 1):
            if self.months >> month & 1:
                days = self.day_rule.matching(year, month) >> day << day
                if days:
                    return datetime(year, month, _lowest(days))  # noqa: DTZ001 - a wall-clock date
            day = 1
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            if year > MAXYEAR:
                break
        raise CronError(f"cron {self.text!r} matches no time after this one: no such day exists")

    def _day_until(self, year: int, month: int, day: int) -> datetime:
        """Give midnight of the last matching day, not after the given one."""
        while year >= MINYEAR:
            if self.months >> month & 1:
                days = self.day_rule.matching(year, month) & ((2 << day) - 1)
                if days:
                    return datetime(year, month, _highest(days))  # noqa: DTZ001 - a wall-clock date
            day = 31
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        raise CronError(f"cron {self.text!r} matches no time before this one: no such day exists")


@lru_cache(maxsize=1024)  # a few schedules serve most DAGs
def parse_cron(text: str) -> CronExpression:
    """Read a cron expression or a preset such as `@daily`.

    Raises CronError, naming the field, the bad part and the valid range; also for a day that no calendar has (30 Feb).
    """
    written = text.strip(_BLANKS).lower()
    parts = re.split(f"[{_BLANKS}]+", PRESETS.get(written, written))
    if len(parts) not in {5, 6}:
        hint = f"; presets are {', '.join(PRESETS)}" if written.startswith("@") else ""
        if len(parts) == 7:
            hint = "; a year field is not supported, bound the DAG with start_date and end_date"
        raise CronError(f"cron {text!r} has {len(parts)} field(s) instead of 5, or 6 with seconds last{hint}")
    parser = _Parser(text)
    masks = [parser.mask(field, part) for field, part in zip(_FIELDS, parts, strict=False) if field not in _DAY_FIELDS]
    expression = CronExpression(
        text=text,
        minutes=masks[0],
        hours=masks[1],
        months=masks[2],
        seconds=masks[3] if len(parts) == 6 else 1,
        day_rule=parser.day_rule(parts[2], parts[4]),
        has_seconds=len(parts) == 6,
    )
    try:
        expression.next_after(datetime(2000, 1, 1))  # noqa: DTZ001 - a wall-clock date
    except CronError:
        days = f"day of month {parts[2]!r}, month {parts[3]!r}, day of week {parts[4]!r}"
        raise CronError(f"cron {text!r} never matches: no calendar has a day with {days}") from None
    return expression


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def every(self) -> int:
        return (2 << self.high) - (1 << self.low)


_BLANKS = " \t\r\n\f\v"
_WEEKDAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = _Field("day of month", 1, 31)
_WEEKDAY = _Field("day of week", 0, 6, _WEEKDAY_NAMES)
_DAY_FIELDS = (_DAY, _WEEKDAY)
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _DAY,
    _Field("month", 1, 12, _MONTH_NAMES),
    _WEEKDAY,
    _Field("second", 0, 59),
)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_NTH = re.compile(r"(?P<days>[a-z0-9-]+)#(?P<place>\d{1,9})", re.ASCII)
_LAST_WEEKDAY = re.compile(r"l(?P<day>\d{1,9})", re.ASCII)
_NEAREST = re.compile(r"(\d{1,9})w|w(\d{1,9})", re.ASCII)


class _Parser:
    """Reads the fields of one expression; it holds the text for the messages."""

    def __init__(self, text: str) -> None:
        self._text = text

    def mask(self, field: _Field, written: str) -> int:
        """Give the bits of all values that a field allows."""
        mask = 0
        for item in written.split(","):
            mask |= self._item(field, item)
        return mask

    def day_rule(self, days: str, weekdays: str) -> DayRule:
        """Read both day fields, whose meanings depend on each other."""
        day_mask, is_last_day, nearest = self._days(days)
        weekday_mask, nth = self._weekdays(weekdays)
        # A field that allows everything counts as a star only beside a field with a star: `*/1 * mon` means every day.
        is_any_day = _has_star(days) or (day_mask == _DAY.every and "*" in weekdays)
        is_any_weekday = _has_star(weekdays) or (weekday_mask == _WEEKDAY.every and "*" in days)
        return DayRule(
            days=_DAY.every if is_any_day else day_mask,
            weekdays=_WEEKDAY.every if is_any_weekday else weekday_mask,
            is_either=not is_any_day and not is_any_weekday,
            is_last_day=is_last_day and not is_any_day,
            nearest_working_day=nearest,
            nth_weekdays=nth,
        )

    def _days(self, written: str) -> tuple[int, bool, int | None]:
        nearest = _NEAREST.fullmatch(written)
        if nearest:
            return 0, False, self._in_range(_DAY, int(nearest[1] or nearest[2]), written)
        items = written.split(",")
        if "w" in written:
            raise self._error(_DAY, written, "W takes one day and nothing beside it, as in 15W")
        if written == "?":
            return _DAY.every, False, None
        mask = 0
        for item in items:
            mask |= 0 if item == "l" else self._item(_DAY, re.sub(r"-l(?=/|$)", "-31", item))
        return mask, "l" in items, None

    def _weekdays(self, written: str) -> tuple[int, tuple[tuple[int, int], ...]]:
        if written == "?":
            return _WEEKDAY.every, ()
        nth: set[tuple[int, int]] = set()
        mask = 0
        for item in written.split(","):
            placed = _NTH.fullmatch(item)
            last = _LAST_WEEKDAY.fullmatch(item)
            if placed:
                place = int(placed["place"])
                if not 1 <= place <= 5:
                    raise self._error(_WEEKDAY, item, "a month has places #1 to #5")
                nth.update((day, place) for day in _bits(self._item(_WEEKDAY, placed["days"])))
            elif last:
                nth.update((day, LAST) for day in _bits(self._item(_WEEKDAY, last["day"])))
            else:
                mask |= self._item(_WEEKDAY, item)
        if nth and mask not in {0, _WEEKDAY.every}:
            raise self._error(_WEEKDAY, written, "plain days cannot be mixed with # or L")
        return mask, tuple(sorted(nth))

    def _item(self, field: _Field, item: str) -> int:
        """Give the bits of one member of a list: a star, a value or a range, each with or without a step."""
        base, has_step, step_text = item.partition("/")
        step = self._step(field, item, step_text) if has_step else 1
        low_text, is_range, high_text = base.partition("-")
        if base == "*":
            low, high = field.low, field.high
        elif is_range:
            low, high = self._value(field, item, low_text), self._value(field, item, high_text)
            if low == high:  # croniter's reading: once around
                low, high = field.low, field.high
        else:
            low = self._value(field, item, base)
            high = field.high if has_step else low
        return _span(field, low, high, step)

    def _step(self, field: _Field, item: str, step_text: str) -> int:
        step = int(step_text) if _NUMBER.fullmatch(step_text) else 0
        if step == 0:
            raise self._error(field, item, "a step is a number from 1 on, as in */5")
        return step

    def _value(self, field: _Field, item: str, written: str) -> int:
        if written in field.names:
            return field.names.index(written) + field.low
        if not _NUMBER.fullmatch(written):
            raise self._error(
                field, item, f"{written!r} is no value of this field" if written else "a value is missing"
            )
        value = int(written)
        return SUNDAY if field is _WEEKDAY and value == 7 else self._in_range(field, value, item)

    def _in_range(self, field: _Field, value: int, item: str) -> int:
        if not field.low <= value <= field.high:
            raise self._error(field, item, f"{value} is out of range")
        return value

    def _error(self, field: _Field, item: str, reason: str) -> CronError:
        valid = f"{field.low}-{7 if field is _WEEKDAY else field.high}"
        names = f" or {field.names[0]}-{field.names[-1]}" if field.names else ""
        return CronError(f"cron {self._text!r}, {field.name} field, {item!r}: {reason}; valid are {valid}{names}")


def _has_star(written: str) -> bool:
    return written == "?" or "*" in written.split(",")


def _span(field: _Field, low: int, high: int, step: int) -> int:
    """Give the bits from `low` to `high`; a range that ends before it begins wraps around the end of the field."""
    if low <= high:
        return sum(1 << value for value in range(low, high + 1, step))
    before = range(low, field.high + 1, step)
    # The step goes on over the end of the field, counted as croniter counts it.
    carried = step - (field.high - before[-1])
    after = range(field.low + (carried if carried > 1 else 0), high + 1, step)
    return sum(1 << value for value in (*before, *after))


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _highest(mask: int) -> int:
    return mask.bit_length() - 1


def _bits(mask: int) -> Iterator[int]:
    return (place for place in range(mask.bit_length()) if mask >> place & 1)


_MONTH_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _month_length(year: int, month: int) -> int:
    is_leap_february = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if is_leap_february else _MONTH_LENGTHS[month]


def _days_on(weekdays: int, first: int) -> int:
    """Give the bits of the days that fall on the given weekdays, in a month that begins on weekday `first`."""
    first_week = (weekdays >> first | weekdays << (7 - first)) & 0b1111111
    return first_week * _WEEKLY << 1


_WEEKLY = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28
"""Multiplied by the bits of one week, it repeats them for each week of a month."""


def _nth_weekdays(nth_weekdays: tuple[tuple[int, int], ...], first: int, length: int) -> int:
    mask = 0
    for weekday, place in nth_weekdays:
        earliest = 1 + (weekday - first) % 7
        mask |= 1 << (earliest + 7 * ((length - earliest) // 7 if place == LAST else place - 1))
    return mask


def _nearest_working_day(wanted: int, first: int, length: int) -> int:
    """Give the Monday to Friday nearest to a day, without leaving the month."""
    day = min(wanted, length)
    weekday = (first + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == SUNDAY:
        return day + 1 if day < length else day - 2
    return day
