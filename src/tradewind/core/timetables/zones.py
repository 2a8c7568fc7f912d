"""Time zones by name or offset, and back to what a DAG document can hold."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from tradewind.core.timetables.protocol import TimetableError


def parse_zone(zone: str | float | tzinfo) -> tzinfo:
    """Turn an IANA name, an offset in seconds or a tzinfo into a tzinfo; raises TimetableError for an unknown name."""
    if isinstance(zone, tzinfo):
        return zone
    if isinstance(zone, (int, float)):
        try:
            return timezone(timedelta(seconds=zone)) if zone else timezone.utc
        except ValueError:
            raise TimetableError(f"time zone offset of {zone} seconds is not within a day") from None
    if zone.upper() == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(zone)
    except (LookupError, ValueError, OSError):
        msg = f"unknown time zone {zone!r}; use an IANA name such as 'Europe/Amsterdam' or 'UTC'"
        raise TimetableError(msg) from None


def encode_zone(zone: tzinfo) -> str | float:
    """Give the IANA name of a zone, or the offset in seconds of one that has no name; the inverse of `parse_zone`.

    Zones of other libraries are told by what they carry: `key` (zoneinfo, pendulum), `zone` (pytz), else the offset.
    """
    name: object = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if isinstance(name, str):
        return name
    offset = zone.utcoffset(None)
    if offset is None:
        raise TimetableError(f"time zone {zone!r} has neither an IANA name nor a fixed offset")
    seconds = offset.total_seconds()
    if seconds == 0:
        return "UTC"
    return int(seconds) if seconds.is_integer() else seconds


def at_wall(date: datetime, zone: tzinfo) -> datetime:
    """Give the moment at which the clock of `zone` shows a date: the second where it shows it twice.

    What it never shows, since the clock jumps, becomes as much later as it jumps. Both as `make_aware` of Airflow.
    """
    first, second = (date.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = first.utcoffset(), second.utcoffset()
    if before is not None and after is not None and before < after:
        return first.astimezone(timezone.utc).astimezone(zone)
    return second
