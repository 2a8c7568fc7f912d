"""What an author writes as a DAG's schedule and dates, turned into timetables and moments in UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone, tzinfo

from tradewind.sdk.author_defaults import author_defaults, by_airflow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UTC = timezone.utc
_DAY = timedelta(days=1)


def default_zone() -> tzinfo:
    """Return the zone in which dates without one are read. Raises ValueError when the installation names none."""
    name = author_defaults().timezone
    if name.upper() == "UTC":
        return UTC
    from tradewind.sdk.timezone import default_timezone  # noqa: PLC0415 - brings pendulum

    return default_timezone()


def as_utc(value: Any, zone: tzinfo | None = None) -> datetime | None:
    """Return a date in UTC; one without a zone is read in `zone`, else in the default one.

    Takes datetimes, dates and ISO texts; raises TypeError for anything else, ValueError for a text that is no date.
    """
    if value is None or value == "":
        return None
    moment = as_moment(value)
    if moment.tzinfo is UTC:
        return moment
    if moment.utcoffset() is None:
        moment = _localized(moment, zone if zone is not None else default_zone())
    return moment.astimezone(UTC)


def as_moment(value: Any) -> datetime:
    """Return a datetime, date or ISO text as a datetime, with the zone it has. Raises TypeError or ValueError."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - read in the default zone by the caller
    if isinstance(value, str):
        import pendulum

        parsed: Any = pendulum.parse(value, tz=None)  # pyright: ignore[reportArgumentType] - None keeps it naive
        return as_moment(parsed)
    raise TypeError(f"a date has to be a datetime, a date or an ISO text, got {type(value).__name__}: {value!r}")


def _localized(moment: datetime, zone: tzinfo) -> datetime:
    localize = getattr(zone, "localize", None)
    return localize(moment) if localize is not None else moment.replace(tzinfo=zone)


def zone_of(start_date: Any) -> tzinfo:
    """Return the zone that a DAG's schedule runs in: that of its start date, else the default one."""
    zone = as_moment(start_date).tzinfo if start_date else None
    return zone if zone is not None else default_zone()


def zone_name(zone: tzinfo) -> str:
    """Return the IANA name of a zone, or its offset such as `+02:00`."""
    if zone is UTC:
        return "UTC"
    from tradewind.core.timetables.zones import encode_zone  # noqa: PLC0415 - most DAGs are in UTC

    encoded = encode_zone(zone)
    if isinstance(encoded, str):
        return encoded
    sign, seconds = "-" if encoded < 0 else "+", abs(int(encoded))
    return f"{sign}{seconds // 3600:02}:{seconds % 3600 // 60:02}"


def default_schedule(airflow: int) -> timedelta | None:
    """Return the schedule of a DAG that has none written: a day in Airflow 2, none in Airflow 3."""
    return _DAY if airflow < 3 else None


def timetable_of(schedule: Any, zone: tzinfo, airflow: int) -> Any:
    """Return the timetable that a DAG's `schedule` argument means, with the defaults of that Airflow.

    Takes None, a preset, a cron expression, a timedelta, a relativedelta or a timetable. Raises ValueError for a text
    that is no cron expression and TypeError for anything else.
    """
    from tradewind.core.timetables import simple  # noqa: PLC0415 - not on the way of `from tradewind import DAG`

    if schedule is None:
        return simple.NullTimetable()
    if schedule == "@once":
        return simple.OnceTimetable()
    if schedule == "@continuous":
        return simple.ContinuousTimetable()
    if hasattr(schedule, "next_dagrun_info"):
        return schedule
    from tradewind.core.timetables import interval, trigger  # noqa: PLC0415 - as above

    if isinstance(schedule, str):
        if by_airflow(author_defaults().create_cron_data_intervals, airflow):
            return interval.CronDataIntervalTimetable(schedule, zone)
        return trigger.CronTriggerTimetable(schedule, timezone=zone)
    if isinstance(schedule, timedelta) or type(schedule).__name__ == "relativedelta":
        if by_airflow(author_defaults().create_delta_data_intervals, airflow):
            return interval.DeltaDataIntervalTimetable(schedule)
        return trigger.DeltaTriggerTimetable(schedule)
    msg = (
        f"schedule has to be a cron expression, a preset such as '@daily', a timedelta, a timetable or None; "
        f"got {type(schedule).__name__}: {schedule!r}"
    )
    raise TypeError(msg)
