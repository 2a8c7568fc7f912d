"""Time zones for author code, under the names of Airflow's `timezone` module.

Dates go in as `datetime.datetime` and come out as `pendulum.DateTime`, as authors know them from the task context.
pendulum is imported at the first call that needs it.
"""

from __future__ import annotations

import datetime as dt

from tradewind.sdk.author_defaults import author_defaults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pendulum import DateTime, FixedTimezone, Timezone

    utc: Timezone


def __getattr__(name: str) -> Any:
    """`utc` is pendulum's own object, which costs its import."""
    if name == "utc":
        import pendulum

        globals()["utc"] = pendulum.UTC
        return pendulum.UTC
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def initialize(default_timezone: str) -> None:
    """Make `default_timezone` (an IANA name, or "system") the zone of naive dates in this process."""
    author_defaults().timezone = default_timezone


def default_timezone() -> FixedTimezone | Timezone:
    """Return the zone in which naive dates are read: the option core.default_timezone, UTC if unset."""
    name = author_defaults().timezone
    return local_timezone() if name == "system" else parse_timezone(name)


def is_localized(value: dt.datetime) -> bool:
    """Say whether `value` is aware."""
    return value.utcoffset() is not None


def is_naive(value: dt.datetime) -> bool:
    """Say whether `value` has no time zone."""
    return value.utcoffset() is None


def utcnow() -> dt.datetime:
    """Return the present moment in UTC, aware."""
    import pendulum

    return dt.datetime.now(tz=pendulum.UTC)  # noqa: TID251 - the author asks for the wall clock


def utc_epoch() -> dt.datetime:
    """Return 1970-01-01T00:00 UTC, aware."""
    import pendulum

    return dt.datetime(1970, 1, 1, tzinfo=pendulum.UTC)


def convert_to_utc(value: dt.datetime | None) -> DateTime | None:
    """Return `value` in UTC; a naive one is read in the default zone."""
    if value is None:
        return None
    import pendulum

    if is_naive(value):
        value = pendulum.instance(value, default_timezone())
    return pendulum.instance(value.astimezone(pendulum.UTC))


def make_aware(value: dt.datetime | None, timezone: dt.tzinfo | None = None) -> dt.datetime | None:
    """Give a naive date a zone (the default one); of a clock time that occurs twice the second is meant.

    Raises ValueError for a date that is aware already.
    """
    if not value:
        return None
    if is_localized(value):
        raise ValueError(f"make_aware expects a naive datetime, got {value}")
    zone = timezone or default_timezone()
    value = value.replace(fold=1)
    for method in ("localize", "convert"):  # pytz; pendulum
        attach = getattr(zone, method, None)
        if attach is not None:
            return attach(value)
    return value.replace(tzinfo=zone)


def make_naive(value: dt.datetime, timezone: dt.tzinfo | None = None) -> dt.datetime:
    """Return the clock time of an aware date in `timezone` (the default one). Raises ValueError for a naive one."""
    if is_naive(value):
        raise ValueError("make_naive() cannot be applied to a naive datetime")
    there = value.astimezone(timezone or default_timezone())
    return dt.datetime(  # noqa: DTZ001 - naive is what was asked for
        there.year, there.month, there.day, there.hour, there.minute, there.second, there.microsecond
    )


def datetime(*args: Any, **kwargs: Any) -> dt.datetime:
    """Build a `datetime.datetime`, in the default zone if no `tzinfo` is given."""
    kwargs.setdefault("tzinfo", default_timezone())
    return dt.datetime(*args, **kwargs)  # noqa: DTZ001 - tzinfo is among the keywords


def parse(string: str, timezone: str | dt.tzinfo | None = None, *, strict: bool = False) -> DateTime:
    """Read a date or time from text, in the default zone unless the text or `timezone` says otherwise."""
    import pendulum

    parsed: Any = pendulum.parse(string, tz=timezone or default_timezone(), strict=strict)
    return parsed


def coerce_datetime(v: dt.datetime | None, tz: dt.tzinfo | None = None) -> DateTime | None:
    """Return `v` as an aware `pendulum.DateTime`: a naive date gets `tz` or the default zone, an aware one keeps its own."""
    if v is None:
        return None
    import pendulum

    aware = v if v.tzinfo else make_aware(v, tz)
    assert aware is not None  # noqa: S101 - for the type checker: v is a date
    return aware if isinstance(aware, pendulum.DateTime) else pendulum.instance(aware)


def td_format(td_object: dt.timedelta | float | None) -> str | None:
    """Write a duration as `1d:2h:3M:4s`, months being 30 days; below a second it is `<1s`."""
    if td_object is None:
        return None
    total = td_object.total_seconds() if isinstance(td_object, dt.timedelta) else td_object
    seconds = int(abs(total))
    days, seconds = divmod(seconds, 86_400)
    months, days = divmod(days, 30)
    years, months = divmod(months, 12)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    units = ((years, "y"), (months, "m"), (days, "d"), (hours, "h"), (minutes, "M"), (seconds, "s"))
    text = ":".join(f"{count}{unit}" for count, unit in units if count)
    if not text:
        return "<1s"
    return f"-{text}" if total < 0 else text


def parse_timezone(name: str | int) -> FixedTimezone | Timezone:
    """Return the zone of an IANA name, or of an offset to UTC in seconds."""
    import pendulum

    return pendulum.timezone(name)


def local_timezone() -> FixedTimezone | Timezone:
    """Return the zone this machine is set to."""
    import pendulum

    return pendulum.local_timezone()


def from_timestamp(timestamp: float, tz: str | dt.tzinfo = "UTC") -> DateTime:
    """Return the moment `timestamp` (seconds since the epoch) in `tz`, which may be "local"."""
    import pendulum

    zone = local_timezone() if isinstance(tz, str) and tz.lower() == "local" else tz
    return pendulum.from_timestamp(timestamp, "UTC").in_timezone(zone)  # type: ignore[arg-type]
