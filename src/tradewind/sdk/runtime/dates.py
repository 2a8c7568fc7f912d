"""Dates as author code expects them."""

from __future__ import annotations

from datetime import datetime, timezone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pendulum import DateTime


def as_plain(date: datetime) -> datetime:
    """Return a date as `datetime.datetime` in UTC, for code that knows no pendulum."""
    return datetime.fromtimestamp(date.timestamp(), timezone.utc)


def as_pendulum(date: datetime | None) -> DateTime | None:
    """Return an aware date as `pendulum.DateTime` in UTC."""
    if date is None:
        return None
    import pendulum

    if isinstance(date, pendulum.DateTime):
        return date
    utc = date.astimezone(pendulum.UTC)
    # The constructor takes a tenth of the time of pendulum.instance(), which also works out zones.
    return pendulum.DateTime(
        utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, tzinfo=pendulum.UTC
    )
