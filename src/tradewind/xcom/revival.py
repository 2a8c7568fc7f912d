"""From plain JSON types back to values: envelopes are opened, and only classes that are allowed are imported."""

from __future__ import annotations

import base64
import datetime as dt
import enum
import fnmatch
import functools
import pathlib
import re
import uuid
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tradewind.xcom.envelopes import CLASSNAME, DATA, VERSION, qualified_name
from tradewind.xcom.errors import ClassNotAllowedError, XComValueError
from tradewind.xcom.libraries import LIBRARY_READERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_OLD_CLASS, _OLD_DATA = "__type", "__var"
_OLD_NAMES = {
    "datetime": "datetime.datetime",
    "timedelta": "datetime.timedelta",
    "timezone": "pendulum.tz.timezone.Timezone",
    "tuple": "builtins.tuple",
    "set": "builtins.set",
}
"""Airflow before 2.5 named a few types in its own words."""

_DEFAULT_GLOBS = ("airflow.*", "tradewind.*")
_globs: tuple[str, ...] = _DEFAULT_GLOBS
_patterns: tuple[re.Pattern[str], ...] = ()
_allowed: set[str] = set()


def allow_classes(globs: Iterable[str] = (), regexps: Iterable[str] = ()) -> None:
    """Let this process make objects of classes whose `module.Class` matches: the installation's options.

    `airflow.*` and `tradewind.*` are always allowed; a regular expression has to match the whole name. Raises
    `re.error` for a wrong one.
    """
    global _globs, _patterns  # noqa: PLW0603 - one list a process, installed by the root
    _globs = (*_DEFAULT_GLOBS, *globs)
    _patterns = tuple(re.compile(regexp) for regexp in regexps)


def allow_class(cls: type) -> None:
    """Let this process make objects of one class, which lies at the top of its module. Raises ValueError otherwise."""
    name = qualified_name(cls)
    if "." in cls.__qualname__ or getattr(import_module(cls.__module__), cls.__name__, None) is not cls:
        raise ValueError(f"{name} cannot be found by its name again: define the class at the top level of a module")
    _allowed.add(name)


def is_allowed(name: str) -> bool:
    """Say whether this process makes objects of the class with this dotted name."""
    return name in _allowed or any(fnmatch.fnmatchcase(name, glob) for glob in _globs) or _matches(name)


def revive(value: Any) -> Any:
    """Return `value` with its envelopes opened. Raises `XComValueError`, `ClassNotAllowedError`."""
    if isinstance(value, list):
        items: list[Any] = value
        return [revive(item) for item in items]
    if not isinstance(value, dict):
        return value
    entries: dict[str, Any] = value
    if CLASSNAME in entries and VERSION in entries:
        return _open(entries[CLASSNAME], entries[VERSION], entries.get(DATA))
    if _OLD_CLASS in entries and _OLD_DATA in entries:
        name = entries[_OLD_CLASS]
        return (
            revive(entries[_OLD_DATA]) if name == "dict" else _open(_OLD_NAMES.get(name, name), 0, entries[_OLD_DATA])
        )
    return {key: revive(item) for key, item in entries.items()}


def _open(name: Any, version: Any, data: Any) -> Any:
    if not isinstance(name, str) or not isinstance(version, int):
        raise XComValueError(f"has an envelope that names no class: {name!r}, {version!r}")
    read = _READERS.get(name)
    try:
        return read(revive(data)) if read is not None else _make(name, version, data)
    except XComValueError:
        raise
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        raise XComValueError(f"holds a {name} that cannot be made again: {error}") from error


def _make(name: str, version: int, data: Any) -> Any:
    """Make an object of an author's class."""
    if not is_allowed(name):
        raise ClassNotAllowedError(
            f"holds an object of class {name}, which is not allowed: add it to the option "
            "core.allowed_deserialization_classes, or return plain data"
        )
    cls: Any = _find(name)
    fields = revive(data)
    if hasattr(cls, "model_validate"):  # pydantic
        return cls.model_validate(fields)
    if hasattr(cls, "deserialize"):
        return cls.deserialize(fields, version)
    if isinstance(cls, type) and issubclass(cls, enum.Enum):
        return cls(fields)
    if hasattr(cls, "__dataclass_fields__") or hasattr(cls, "__attrs_attrs__"):
        if version > getattr(cls, "__version__", 0):
            raise XComValueError(f"holds a {name} of version {version}, newer than the class that is installed")
        return cls(**fields)
    raise XComValueError(f"holds a {name}, which has no deserialize(data, version) to make it again")


def _matches(name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in _patterns)


def _find(name: str) -> Any:
    """Import a class by its dotted name; one inside another class is found too."""
    module, _, rest = name.rpartition(".")
    while module:
        try:
            return functools.reduce(getattr, rest.split("."), import_module(module))
        except ModuleNotFoundError:
            module, _, outer = module.rpartition(".")
            rest = f"{outer}.{rest}"
        except AttributeError:
            break
    raise XComValueError(f"holds an object of class {name}, which cannot be imported here")


def _date_time(data: Any) -> dt.datetime:
    if isinstance(data, (int, float)):
        return dt.datetime.fromtimestamp(data, dt.timezone.utc)
    return dt.datetime.fromtimestamp(float(data["timestamp"]), _plain_zone(data.get("tz")))


def _pendulum_date_time(data: Any) -> Any:
    import pendulum  # noqa: PLC0415 - few XComs hold its classes

    zone = data.get("tz")
    tz = None if zone is None else _pendulum_zone(_zone_name(zone))
    return pendulum.DateTime.fromtimestamp(float(data["timestamp"]), tz=tz)  # type: ignore[arg-type]


def _pendulum_date(data: Any) -> Any:
    import pendulum  # noqa: PLC0415 - few XComs hold its classes

    return pendulum.Date.fromisoformat(data)


def _pendulum_zone(data: Any) -> Any:
    import pendulum  # noqa: PLC0415 - few XComs hold its classes

    return pendulum.UTC if data == "UTC" else pendulum.timezone(data)


def _zone_name(zone: Any) -> Any:
    """Return name or offset of what an envelope of a date says of its zone."""
    return zone if isinstance(zone, (str, int)) else zone[0]


def _plain_zone(zone: Any) -> Any:
    """Return the zone of a `datetime.datetime`: the standard library's where the date had it from there."""
    if zone is None:
        return None
    name = _zone_name(zone)
    kind = zone[1] if isinstance(zone, (list, tuple)) else ""
    if kind.endswith(".ZoneInfo"):
        return ZoneInfo(name)
    if kind.endswith(".FixedTimezone"):
        return dt.timezone.utc if name == "UTC" else dt.timezone(dt.timedelta(seconds=name))
    return _pendulum_zone(name)


def _time(data: Any) -> dt.time:
    return dt.time.fromisoformat(data["time"]).replace(tzinfo=_plain_zone(data.get("tz")))


def _bytearray(text: str) -> bytearray:
    return bytearray(base64.b64decode(text))


_READERS: dict[str, Callable[[Any], Any]] = {
    **LIBRARY_READERS,
    **{
        f"{module}.{name}": getattr(pathlib, name)
        for module in ("pathlib", "pathlib._local")  # where Python 3.13 keeps them
        for name in ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath")
    },
    "builtins.bytearray": _bytearray,
    "builtins.bytes": base64.b64decode,
    "builtins.complex": lambda parts: complex(*parts),
    "builtins.float": float,
    "builtins.frozenset": frozenset,
    "builtins.int": int,
    "builtins.range": lambda parts: range(*parts),
    "builtins.set": set,
    "builtins.tuple": tuple,
    "datetime.date": dt.date.fromisoformat,
    "datetime.datetime": _date_time,
    "datetime.time": _time,
    "datetime.timedelta": lambda seconds: dt.timedelta(seconds=float(seconds)),
    "decimal.Decimal": lambda text: Decimal(str(text)),
    "pendulum.date.Date": _pendulum_date,
    "pendulum.datetime.DateTime": _pendulum_date_time,
    "pendulum.tz.timezone.FixedTimezone": _pendulum_zone,
    "pendulum.tz.timezone.Timezone": _pendulum_zone,
    "uuid.UUID": uuid.UUID,
    "zoneinfo.ZoneInfo": ZoneInfo,
}
"""Classes that are always allowed; what comes in is the opened data."""
