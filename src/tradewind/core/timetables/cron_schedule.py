"""A cron expression in a time zone: which moments it names, daylight-saving changes included.

The rule has two halves, as in Airflow, told apart by the hour field.

An expression that leaves the hour free (`*/5 * * * *`) repeats within the hour: it names every moment at which the wall
clock shows a matching time. A repeated hour runs twice, a skipped hour not at all.

Any other expression (`30 2 * * *`) means times of the day: each matching wall-clock time is named exactly once. Where
the wall clock shows it twice, the second time counts; where the wall clock jumps over it, it moves forward by the jump.

Both are sets of moments, so the next and the previous one are well defined from anywhere, the middle of a daylight-saving
change included. `docs/decisions/0003-cron-across-dst.md` lists where this differs from Airflow, and why.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo

from tradewind.core.cron import CronError, CronExpression

_NEIGHBOURHOOD = timedelta(hours=26)
"""Longer than any jump that a wall clock has made (24 hours, at the date line)."""

_LEAST_STEP = timedelta(microseconds=1)
_UTC = timezone.utc


class CronSchedule:
    """The moments that an expression names in a zone. Takes aware datetimes in UTC and gives such."""

    def __init__(self, expression: CronExpression, zone: tzinfo) -> None:
        """Bind a parsed expression to the zone whose wall clock it speaks of."""
        self.expression = expression
        self.zone = zone

    def next_after(self, moment: datetime) -> datetime:
        """Give the first named moment after `moment`; raises CronError where the calendar ends before one."""
        try:
            return self._next_after(moment)
        except OverflowError:
            raise CronError(
                f"cron {self.expression.text!r} is asked too near the end of the calendar: {moment}"
            ) from None

    def prev_before(self, moment: datetime) -> datetime:
        """Give the last named moment before `moment`; raises CronError where the calendar begins after it."""
        try:
            return self._prev_before(moment)
        except OverflowError:
            raise CronError(
                f"cron {self.expression.text!r} is asked too near the start of the calendar: {moment}"
            ) from None

    def align_to_next(self, moment: datetime) -> datetime:
        """Give `moment` itself when it is named, else the next named one."""
        return self.next_after(moment - _LEAST_STEP)

    def align_to_prev(self, moment: datetime) -> datetime:
        """Give `moment` itself when it is named, else the previous named one."""
        return self.prev_before(moment + _LEAST_STEP)

    def _next_after(self, moment: datetime) -> datetime:
        best: datetime | None = None
        local = self.expression.next_after(_shifted(moment, min(self._offsets_near(moment))))
        # Later wall-clock times can be earlier moments: around a change, look on until that is ruled out.
        while best is None or local < _shifted(best, max(self._offsets_near(best))):
            for named in self._moments(local):
                if named > moment and (best is None or named < best):
                    best = named
            local = self.expression.next_after(local)
        return best

    def _prev_before(self, moment: datetime) -> datetime:
        best: datetime | None = None
        local = self.expression.prev_before(_shifted(moment, max(self._offsets_near(moment))))
        while best is None or local > _shifted(best, min(self._offsets_near(best))):
            for named in self._moments(local):
                if named < moment and (best is None or named > best):
                    best = named
            local = self.expression.prev_before(local)
        return best

    def _moments(self, local: datetime) -> tuple[datetime, ...]:
        """Give the moments that a matching wall-clock time names."""
        before = self._offset(local.replace(tzinfo=self.zone, fold=0))
        after = self._offset(local.replace(tzinfo=self.zone, fold=1))
        first = (local - before).replace(tzinfo=_UTC)
        if before == after:
            return (first,)
        if before > after:  # the wall clock shows this time twice
            second = (local - after).replace(tzinfo=_UTC)
            return (first, second) if self.expression.covers_every_hour else (second,)
        return () if self.expression.covers_every_hour else (first,)

    def _offsets_near(self, moment: datetime) -> tuple[timedelta, timedelta, timedelta]:
        """Give the offsets between which wall-clock times can be out of order near `moment`; far from changes, one."""
        offsets = self._offsets_within(moment, _NEIGHBOURHOOD)
        jump = max(offsets) - min(offsets)
        # A change disturbs the order no farther than it jumps.
        return self._offsets_within(moment, jump) if jump else offsets

    def _offsets_within(self, moment: datetime, radius: timedelta) -> tuple[timedelta, timedelta, timedelta]:
        zone = self.zone
        return (
            self._offset((moment - radius).astimezone(zone)),
            self._offset(moment.astimezone(zone)),
            self._offset((moment + radius).astimezone(zone)),
        )

    def _offset(self, aware: datetime) -> timedelta:
        offset = aware.utcoffset()
        return timedelta(0) if offset is None else offset


def _shifted(moment: datetime, offset: timedelta) -> datetime:
    """Give what a wall clock with that offset shows."""
    return moment.replace(tzinfo=None) + offset
