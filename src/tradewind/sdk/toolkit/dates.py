"""Dates as Airflow 1.10 and 2 offered them to DAG files."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice, takewhile

from tradewind.sdk import timezone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from typing import Any

cron_presets = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}

_UNIT_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}


def days_ago(n: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0) -> datetime:
    """Return the moment `n` days before today, in UTC, at midnight or the time that is given."""
    today = timezone.utcnow().replace(hour=hour, minute=minute, second=second, microsecond=microsecond)
    return today - timedelta(days=n)


def parse_execution_date(execution_date_str: str) -> datetime:
    """Read a date from text, in the default zone unless the text has one."""
    return timezone.parse(execution_date_str)


def date_range(
    start_date: datetime, end_date: datetime | None = None, num: int | None = None, delta: Any = None
) -> list[datetime]:
    """Return the dates from `start_date` to `end_date` (default: now), or `num` of them, each `delta` after the last.

    `delta` is a timedelta, a relativedelta, or a cron expression whose times are taken on the wall clock of
    `start_date`; a negative `num` goes backwards. The list is sorted and has `start_date` in it. Raises ValueError for
    arguments that contradict each other.
    """
    if not delta:
        return []
    if end_date and start_date > end_date:
        raise ValueError("start_date needs to be before end_date")
    if end_date and num:
        raise ValueError("give either end_date or num")
    first = start_date if start_date.tzinfo else timezone.make_aware(start_date)
    assert first is not None  # noqa: S101 - for the type checker: start_date is a date
    is_backward = bool(num and num < 0)
    date_at = (_by_cron if isinstance(delta, str) else _by_step)(first, delta, is_backward=is_backward)
    if num:
        return sorted(islice(date_at, abs(num)))
    last = timezone.coerce_datetime(end_date) if end_date else timezone.utcnow()
    assert last is not None  # noqa: S101 - for the type checker
    return list(takewhile(lambda date: date <= last, date_at))


def _by_step(first: datetime, delta: Any, *, is_backward: bool) -> Iterator[datetime]:
    step = -abs(delta) if is_backward else abs(delta)
    date = first
    while True:
        yield date
        date += step


def _by_cron(first: datetime, cron: str, *, is_backward: bool) -> Iterator[datetime]:
    from tradewind.core.cron import parse_cron  # noqa: PLC0415 - few files ask

    expression = parse_cron(cron_presets.get(cron, cron))
    ask = expression.prev_before if is_backward else expression.next_after
    local = datetime(first.year, first.month, first.day, first.hour, first.minute, first.second)  # noqa: DTZ001 - the wall clock's
    date = first
    while True:
        yield date
        local = ask(local)
        aware = timezone.make_aware(local, first.tzinfo)
        assert aware is not None  # noqa: S101 - for the type checker
        date = aware


def round_time(dt: datetime, delta: Any, start_date: datetime | None = None) -> datetime:
    """Return the date `start_date + i * delta` that is nearest to `dt`; of two equally near the later.

    `delta` is a timedelta or a relativedelta, `start_date` by default the year 1 in the zone of `dt`. A `dt` before
    `start_date` gives `start_date`.
    """
    moment = dt.replace(microsecond=0)
    start = start_date or moment.replace(year=1, month=1, day=1, hour=0, minute=0, second=0)
    above = _least(lambda i: start + i * delta >= moment)
    if above == 0:
        return start
    earlier, later = start + (above - 1) * delta, start + above * delta
    return later if later - moment <= moment - earlier else earlier


def infer_time_unit(time_seconds_arr: Collection[float]) -> str:
    """Return the unit in which the longest of these durations reads best."""
    longest = max(time_seconds_arr, default=7_200.1)
    limits = ((120, "seconds"), (7_200, "minutes"), (172_800, "hours"))
    return next((unit for limit, unit in limits if longest <= limit), "days")


def scale_time_units(time_seconds_arr: Collection[float], unit: str) -> Collection[float]:
    """Return the durations, given in seconds, in that unit."""
    return [seconds / _UNIT_SECONDS.get(unit, 1) for seconds in time_seconds_arr]


def _least(holds: Callable[[int], bool]) -> int:
    """Return the least number from 0 on for which a growing condition holds."""
    if holds(0):
        return 0
    above = 1
    while not holds(above):
        above *= 2
    below = above // 2
    while above - below > 1:
        middle = (above + below) // 2
        if holds(middle):
            above = middle
        else:
            below = middle
    return above
