"""From values to plain JSON types: each class that is none gets an envelope with its name."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import enum
import math
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import PurePath
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tradewind.xcom.errors import XComValueError
from tradewind.xcom.libraries import library_envelope

CLASSNAME = "__classname__"
VERSION = "__version__"
DATA = "__data__"

_PLAIN_SCALARS = frozenset({str, bool, type(None)})
_LARGEST_INT = 2**63
"""JSON readers of other makers, and msgspec, keep whole numbers of 64 bits."""


class _Path(NamedTuple):
    """Where in the value we are; written out only in a message."""

    parent: _Path | None
    step: str

    def __str__(self) -> str:
        return f"{self.parent if self.parent is not None else '$'}{self.step}"


def is_plain(value: Any) -> bool:
    """Say whether JSON keeps `value` as it is.

    Not plain are other classes than JSON's, their subclasses, keys that are no text, and numbers that JSON lacks.
    """
    kind = type(value)
    if kind in _PLAIN_SCALARS:
        return True
    if kind is int:
        return -_LARGEST_INT <= value < _LARGEST_INT
    if kind is float:
        return math.isfinite(value)
    if kind is list:
        return all(is_plain(item) for item in value)
    if kind is dict and CLASSNAME not in value:
        return all(type(key) is str and is_plain(item) for key, item in value.items())
    return False


def enclose(value: Any, path: _Path | None = None) -> Any:
    """Return `value` made of plain JSON types. Raises `XComValueError` with the place of what cannot be written."""
    if isinstance(value, enum.Enum):
        return _enum(value, path)
    if type(value) in _PLAIN_SCALARS:
        return value
    of_library = library_envelope(value)  # before the rest: some of NumPy's numbers are Python's too
    if of_library is not None:
        name, version, data = of_library
        return _sealed(name, version, enclose(data, path))
    if isinstance(value, (str, int, float)):
        return _scalar(value)
    if isinstance(value, list):
        items: list[Any] = value
        return [enclose(item, _Path(path, f"[{i}]")) for i, item in enumerate(items)]
    if isinstance(value, Mapping) and not hasattr(value, "serialize"):
        return _mapping(value, path)
    return _object(value, path)


def _scalar(value: str | float) -> Any:
    """Return text or a number as such; a number that JSON lacks goes in an envelope."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        number = int(value)
        return number if -_LARGEST_INT <= number < _LARGEST_INT else _sealed("builtins.int", 1, str(number))
    real = float(value)
    return real if math.isfinite(real) else _sealed("builtins.float", 1, repr(real))


def _mapping(value: Mapping[Any, Any], path: _Path | None) -> dict[str, Any]:
    if CLASSNAME in value:
        raise XComValueError(f"has the key {CLASSNAME!r}, which marks envelopes: name it otherwise", str(path or "$"))
    return {str(key): enclose(item, _Path(path, f".{key}")) for key, item in value.items()}


def _object(value: Any, path: _Path | None) -> Any:
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            name, version, data = write(value)
            return _sealed(name, version, enclose(data, path))
    name, version = qualified_name(type(value)), getattr(type(value), "__version__", 0)
    if hasattr(value, "model_dump"):  # pydantic
        return _sealed(name, 1, enclose(value.model_dump(mode="json"), path))
    serialize = getattr(value, "serialize", None)
    if callable(serialize):
        return _sealed(name, version, enclose(serialize(), path))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        return _sealed(name, version, _mapping(fields, path))
    attributes = getattr(type(value), "__attrs_attrs__", None)
    if attributes is not None:
        fields = {field.alias: getattr(value, field.name) for field in attributes if field.init}
        return _sealed(name, version, _mapping(fields, path))
    raise XComValueError(
        f"is of type {name}, which cannot be written as JSON: return plain data (text, numbers, lists, dicts), "
        "a dataclass, or give the class a method serialize() and a static method deserialize(data, version)",
        str(path or "$"),
    )


def qualified_name(kind: type) -> str:
    """Return `module.Class`, by which an envelope names a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _sealed(name: str, version: int, data: Any) -> dict[str, Any]:
    return {CLASSNAME: name, VERSION: version, DATA: data}


def _enum(value: enum.Enum, path: _Path | None) -> Any:
    """Return the value of a member that is itself text or a number, as Airflow does; an envelope for another."""
    if isinstance(value, (str, int, float)):
        return enclose(value.value, path)
    return _sealed(qualified_name(type(value)), 0, enclose(value.value, path))


def _date_time(value: dt.datetime) -> tuple[str, int, Any]:
    return _date_class(value, dt.datetime), 2, {"timestamp": value.timestamp(), "tz": _zone_fields(value.tzinfo)}


def _date(value: dt.date) -> tuple[str, int, Any]:
    return _date_class(value, dt.date), 2, value.isoformat()


def _date_class(value: object, otherwise: type) -> str:
    """Return pendulum's class under the name Airflow writes; any other subclass is written as its base."""
    kind = type(value)
    return qualified_name(kind if kind.__module__ in {"pendulum.datetime", "pendulum.date"} else otherwise)


def _zone_fields(zone: dt.tzinfo | None) -> list[Any] | None:
    if zone is None:
        return None
    name, version, data = _zone(zone)
    return [data, name, version, True]


def _zone(zone: dt.tzinfo) -> tuple[str, int, Any]:
    """Return a zone by its name, or by its offset in seconds."""
    fixed = "pendulum.tz.timezone.FixedTimezone"
    if isinstance(zone, ZoneInfo) and type(zone).__module__ != "pendulum.tz.timezone":
        return "zoneinfo.ZoneInfo", 1, zone.key
    if type(zone).__module__ == "pendulum.tz.timezone":
        offset = getattr(zone, "offset", None)
        return qualified_name(type(zone)), 1, ("UTC" if offset == 0 else offset) if offset is not None else str(zone)
    name = getattr(zone, "zone", None)  # pytz
    if name is not None:
        return "pendulum.tz.timezone.Timezone", 1, name
    offset = zone.utcoffset(None)
    if offset is None:
        raise XComValueError(f"has a time zone of type {qualified_name(type(zone))}, whose name is not known")
    seconds = int(offset.total_seconds())
    return fixed, 1, seconds or "UTC"


def _time(value: dt.time) -> tuple[str, int, Any]:
    return "datetime.time", 1, {"time": value.replace(tzinfo=None).isoformat(), "tz": _zone_fields(value.tzinfo)}


def _path(value: PurePath) -> tuple[str, int, Any]:
    """Return a path as text: which system's rules it follows goes with its class."""
    kind = type(value)
    return (qualified_name(kind) if kind.__module__.startswith("pathlib") else "pathlib.Path"), 1, str(value)


def _tuple(value: Any) -> tuple[str, int, Any]:
    return "builtins.tuple", 1, list(value)


def _set(value: Any) -> tuple[str, int, Any]:
    return "builtins.frozenset" if isinstance(value, frozenset) else "builtins.set", 1, list(value)


_WRITERS: tuple[tuple[type, Callable[[Any], tuple[str, int, Any]]], ...] = (
    (dt.datetime, _date_time),
    (dt.date, _date),
    (dt.timedelta, lambda value: ("datetime.timedelta", 2, value.total_seconds())),
    (dt.time, _time),
    (dt.tzinfo, _zone),
    (Decimal, lambda value: ("decimal.Decimal", 1, str(value))),
    (uuid.UUID, lambda value: ("uuid.UUID", 1, str(value))),
    (tuple, _tuple),
    ((set), _set),
    ((frozenset), _set),
    (bytes, lambda value: ("builtins.bytes", 1, base64.b64encode(value).decode("ascii"))),
    (bytearray, lambda value: ("builtins.bytearray", 1, base64.b64encode(value).decode("ascii"))),
    (complex, lambda value: ("builtins.complex", 1, [value.real, value.imag])),
    (range, lambda value: ("builtins.range", 1, [value.start, value.stop, value.step])),
    (PurePath, _path),
)
"""Classes with a form of their own; of several that fit the first."""
