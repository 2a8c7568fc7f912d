"""A cron expression in words, for people who do not read cron."""

from __future__ import annotations

from tradewind.core.cron import LAST, CronExpression, DayRule

_EVERY_MINUTE = (1 << 60) - 1
_EVERY_DAY = (1 << 32) - 2
_EVERY_MONTH = (1 << 13) - 2
_EVERY_WEEKDAY = (1 << 7) - 1
_MOST_TIMES = 4
_MONTHS = (
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_PLACES = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}


def describe(expression: CronExpression) -> str:
    """Give a sentence such as "At 21:30, only on Friday"."""
    parts = [_time_of_day(expression), *_days(expression.day_rule)]
    if expression.months != _EVERY_MONTH:
        parts.append(f"only in {_listed(expression.months, _MONTHS)}")
    return ", ".join(parts)


def _time_of_day(expression: CronExpression) -> str:
    seconds, minutes, hours = _values(expression.seconds), _values(expression.minutes), _values(expression.hours)
    if len(seconds) > 1:
        return _with_coarser(_repeated("second", expression.seconds), expression)
    if len(minutes) > 1:
        text = _repeated("minute", expression.minutes) + ("" if seconds == [0] else f", at second {seconds[0]}")
        return _with_coarser(text, expression, names_minutes=False)
    second = f":{seconds[0]:02}" if seconds != [0] else ""
    if expression.covers_every_hour:
        if minutes == [0] and not second:
            return "Every hour"
        past = f" and {seconds[0]} seconds" if second else ""
        return f"At {minutes[0]} minutes{past} past the hour"
    if len(hours) <= _MOST_TIMES:
        return "At " + _joined([f"{hour:02}:{minutes[0]:02}{second}" for hour in hours])
    return f"At {minutes[0]} minutes past the hour, in hours {_listed(expression.hours)}"


def _with_coarser(text: str, expression: CronExpression, *, names_minutes: bool = True) -> str:
    if names_minutes and expression.minutes != _EVERY_MINUTE:
        text += f", in minutes {_listed(expression.minutes)}"
    if not expression.covers_every_hour:
        text += f", in hours {_listed(expression.hours)}"
    return text


def _repeated(unit: str, mask: int) -> str:
    values = _values(mask)
    step = values[1] - values[0]
    if values == list(range(0, 60, step)):
        return f"Every {unit}" if step == 1 else f"Every {step} {unit}s"
    return f"At {unit}s {_listed(mask)}"


def _days(rule: DayRule) -> list[str]:
    if rule.nearest_working_day is not None or rule.nth_weekdays:
        days = [f"the {_PLACES[place]} {_WEEKDAYS[weekday]} of the month" for weekday, place in rule.nth_weekdays]
        texts = [f"only on {_joined(days)}"] if days else []
        if rule.nearest_working_day is not None:
            texts.insert(0, f"on the working day nearest to day {rule.nearest_working_day} of the month")
        return texts
    of_month = [] if not rule.days else [f"day {_listed(rule.days)} of the month"]
    if rule.is_last_day:
        of_month.append("the last day of the month")
    by_day = f"on {_joined(of_month)}"
    by_weekday = f"on {_listed(rule.weekdays, _WEEKDAYS)}"
    if rule.is_either:
        return [f"{by_day} or {by_weekday}"]
    texts = [by_day] if rule.days != _EVERY_DAY else []
    if rule.weekdays != _EVERY_WEEKDAY:
        texts.append(f"only {by_weekday}")
    return texts


def _listed(mask: int, names: tuple[str, ...] = ()) -> str:
    """Give the values of a field with runs drawn together: `1 to 5 and 8`."""
    runs: list[list[int]] = []
    for value in _values(mask):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    texts: list[str] = []
    for first, last in runs:
        ends = [names[value] if names else str(value) for value in (first, last)]
        if first == last:
            texts.append(ends[0])
        elif last == first + 1:
            texts += ends
        else:
            texts.append(f"{ends[0]} to {ends[1]}")
    return _joined(texts)


def _joined(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _values(mask: int) -> list[int]:
    return [value for value in range(mask.bit_length()) if mask >> value & 1]
