"""The clocks of the time zones: when they change from 2020 on, and by how much."""

from __future__ import annotations

import zoneinfo
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST = datetime(2020, 1, 1, tzinfo=timezone.utc)
ASKED_UNTIL = datetime(2036, 1, 1, tzinfo=timezone.utc)
END = datetime(2038, 1, 1, tzinfo=timezone.utc)
"""Known for two years more: what is asked around the last changes leads there."""


@dataclass(frozen=True)
class Clock:
    """What zones show that are alike in those years. Offsets are minutes east of UTC."""

    names: list[str]
    offset: int
    """At the beginning."""
    changes: list[list[int]]
    """The minute since 1970, and the offset from then on."""

    @property
    def asked(self) -> list[datetime]:
        """The changes of 2020 to 2035."""
        moments = [self.at(number) for number in range(len(self.changes))]
        return [moment for moment in moments if moment < ASKED_UNTIL]

    def at(self, change: int) -> datetime:
        """Return the moment of a change."""
        return EPOCH + timedelta(minutes=self.changes[change][0])


def clocks() -> list[Clock]:
    """Return the clocks of all zones that change theirs in those years, each once."""
    found: dict[str, Clock] = {}
    for name in sorted(zoneinfo.available_timezones() - {"localtime", "posixrules"}):
        if name.startswith(("posix/", "right/")):
            continue
        clock = clock_of(name)
        if clock.asked:
            found.setdefault(repr(clock), Clock([], clock.offset, clock.changes)).names.append(name)
    return sorted(found.values(), key=lambda clock: clock.names[0])


def clock_of(name: str) -> Clock:
    """Return the clock of a zone, without its name."""
    zone = zoneinfo.ZoneInfo(name)
    changes: list[list[int]] = []
    moment, offset = FIRST, _offset(FIRST, zone)
    while moment < END:
        later = moment + timedelta(hours=12)
        if _offset(later, zone) != offset:
            change = _first(zone, moment, later)
            offset = _offset(change, zone)
            changes.append([int((change - EPOCH).total_seconds()) // 60, offset])
            moment = change
        else:
            moment = later
    return Clock([], _offset(FIRST, zone), changes)


def _offset(moment: datetime, zone: tzinfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) // 60


def _first(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """Return the first minute between at which the offset is another."""
    offset = _offset(before, zone)
    low, high = 0, int((after - before).total_seconds()) // 60
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(before + timedelta(minutes=middle), zone) != offset else (middle, high)
    return before + timedelta(minutes=high)


class RecordedZone(tzinfo):
    """A zone that shows a recorded clock, whatever this machine's tables say by now."""

    def __init__(self, clock: Clock) -> None:
        """Take the clock."""
        self.clock = clock
        self._changes = [EPOCH.replace(tzinfo=None) + timedelta(minutes=minute) for minute, _ in clock.changes]
        self._offsets = [timedelta(minutes=m) for m in (clock.offset, *(offset for _, offset in clock.changes))]
        # Wall time at which each offset has ended for sure, and at which the next has begun for sure.
        ends = zip(self._changes, self._offsets, self._offsets[1:], strict=False)
        self._walls = [(change + max(before, after), change + min(before, after)) for change, before, after in ends]

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Return the offset of a wall time, of the second showing where `fold` is 1."""
        assert dt is not None
        wall = dt.replace(tzinfo=None, fold=0)
        place = bisect_right([end for end, _ in self._walls], wall)
        if place < len(self._walls) and self._walls[place][1] <= wall and dt.fold:
            # Inside a jump or a repetition: fold 0 goes by the offset before, fold 1 by the one after.
            place += 1
        return self._offsets[place]

    def dst(self, dt: datetime | None) -> timedelta | None:
        """Return None: unknown."""
        del dt

    def tzname(self, dt: datetime | None) -> str:
        """Return the first of the names."""
        del dt
        return self.clock.names[0]

    def fromutc(self, dt: datetime) -> datetime:
        """Return the wall time of a moment."""
        moment = dt.replace(tzinfo=None)
        place = bisect_right(self._changes, moment)
        wall = moment + self._offsets[place]
        fold = place > 0 and wall < self._walls[place - 1][0] and self._offsets[place] < self._offsets[place - 1]
        return wall.replace(tzinfo=self, fold=int(fold))
