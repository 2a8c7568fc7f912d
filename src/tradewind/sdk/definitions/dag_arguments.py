"""What an author passes to a DAG, turned into what it means: dates, schedules, spellings of other Airflow releases."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone, tzinfo

from tradewind.sdk.author_defaults import author_defaults, by_airflow
from tradewind.sdk.spellings.old_arguments import DAG_ARGUMENTS, note_old_argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

UTC = timezone.utc
_DAY = timedelta(days=1)
_MAX_TAG_LENGTH = 100
_KEPT = frozenset({"sla_miss_callback"})
"""They mean what they meant."""


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

        parsed: Any = pendulum.parse(value, tz=None, strict=False)  # pyright: ignore[reportArgumentType] - None keeps it naive
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

    Takes None, a preset, a cron expression, a timedelta, a relativedelta, a timetable, an expression of assets or
    several assets. Raises ValueError for a text that is no cron expression and TypeError for anything else.
    """
    if hasattr(schedule, "next_dagrun_info"):
        return schedule
    if hasattr(schedule, "as_expression") or isinstance(schedule, (list, tuple, set, frozenset)):
        return _asset_timetable(schedule)
    from tradewind.sdk.timetables import classes  # noqa: PLC0415 - not on the way of `from tradewind import DAG`

    if schedule is None:
        return classes.NullTimetable()
    if schedule in ("@once", "@continuous"):  # a relativedelta has no hash
        return classes.OnceTimetable() if schedule == "@once" else classes.ContinuousTimetable()
    if isinstance(schedule, str):
        if by_airflow(author_defaults().create_cron_data_intervals, airflow):
            return classes.CronDataIntervalTimetable(schedule, zone)
        return classes.CronTriggerTimetable(schedule, timezone=zone)
    if isinstance(schedule, timedelta) or type(schedule).__name__ == "relativedelta":
        if by_airflow(author_defaults().create_delta_data_intervals, airflow):
            return classes.DeltaDataIntervalTimetable(schedule)
        return classes.DeltaTriggerTimetable(schedule)
    msg = (
        f"schedule has to be a cron expression, a preset such as '@daily', a timedelta, a timetable, assets or None; "
        f"got {type(schedule).__name__}: {schedule!r}"
    )
    raise TypeError(msg)


def _asset_timetable(schedule: Any) -> Any:
    from tradewind.sdk.assets.timetables import AssetTriggeredTimetable  # noqa: PLC0415 - few DAGs wait for assets

    return AssetTriggeredTimetable(schedule)


def modern_arguments(dag_id: str, removed: dict[str, Any]) -> dict[str, Any]:
    """Return the modern form of arguments that are gone in Airflow 3; raises TypeError for ones that never were."""
    modern: dict[str, Any] = {}
    unknown = sorted(name for name in removed if name not in DAG_ARGUMENTS)
    if unknown:
        raise TypeError(f"DAG {dag_id!r} does not take the argument(s) {', '.join(map(repr, unknown))}")
    for name, value in removed.items():
        old = DAG_ARGUMENTS[name]
        note_old_argument("DAG", name, old)
        if name in _KEPT:
            modern[name] = value
        if old.is_renamed and (name != "timetable" or value is not None):
            modern[old.modern] = value
    return modern


def expect(value: Any, kind: type, dag_id: str, name: str) -> Any:
    """Return `value` when it is None or of that type; raises TypeError naming DAG and argument."""
    if value is None or isinstance(value, kind):
        return value
    raise TypeError(f"DAG {dag_id!r}: {name} has to be of type {kind.__name__}, got {type(value).__name__}: {value!r}")


def or_default(value: Any, default: Any) -> Any:
    """Return `value`, or the default for None."""
    return default if value is None else value


def checked_tags(dag_id: str, tags: Collection[str] | None) -> set[str]:
    """Return the tags as a set; raises ValueError for one that is too long."""
    checked = {tags} if isinstance(tags, str) else set(tags or ())
    for tag in checked:
        if len(tag) > _MAX_TAG_LENGTH:
            msg = f"DAG {dag_id!r}: tag cannot be longer than {_MAX_TAG_LENGTH} characters, {tag[:30]!r}... has {len(tag)}"
            raise ValueError(msg)
    return checked


def is_returned(value: Any) -> bool:
    """Say whether a value is the reference to what a task returns: such a one may be the result of a DAG."""
    return getattr(value, "key", None) == "return_value" and hasattr(value, "operator")


def checked_links(dag_id: str, links: Mapping[str, str] | None) -> dict[str, str]:
    """Return the links of owners; raises ValueError for one that no browser can open, TypeError for what is no dict."""
    checked = dict(expect(links, dict, dag_id, "owner_links") or {})
    for owner, link in checked.items():
        scheme, found, rest = str(link).partition(":")
        is_page = scheme in {"http", "https"} and rest.startswith("//") and len(rest) > len("//")
        if not found or not (is_page or (scheme == "mailto" and rest)):
            msg = f"DAG {dag_id!r}: Wrong link format was used for the owner. The link of {owner!r} has to be a URL or "
            raise ValueError(f"{msg}mailto:, got {link!r}")
    return checked


def checked_run_types(dag_id: str, given: Any, timetable: Any) -> frozenset[Any] | None:
    """Return the `DagRunType`s of a DAG's `allowed_run_types`, None for all.

    Raises ValueError for a word that is no type, and where the type that the schedule itself makes is left out.
    """
    if given is None:
        return None
    from tradewind.sdk.toolkit.kinds import DagRunType  # noqa: PLC0415 - few DAGs say which

    allowed = frozenset(DagRunType(str(kind)) for kind in ([given] if isinstance(given, str) else given))
    if hasattr(timetable, "asset_condition"):
        needed, because = DagRunType.ASSET_TRIGGERED, "the Dag is scheduled by assets"
    elif getattr(timetable, "can_be_scheduled", True):
        needed, because = DagRunType.SCHEDULED, "the Dag has a schedule defined"
    else:
        needed, because = DagRunType.MANUAL, "the Dag has no schedule defined (schedule=None)"
    if allowed and needed not in allowed:
        raise ValueError(f"DAG {dag_id!r}: allowed_run_types must include {needed.name} when {because}")
    return allowed


def read_doc_md(doc_md: str | None) -> str | None:
    """Return the text itself, or what is in the Markdown file that it names."""
    if doc_md is None or not doc_md.endswith(".md") or "\n" in doc_md:
        return doc_md
    try:
        with open(doc_md, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is not on the way of a DAG file
            return file.read()
    except OSError:
        return doc_md
