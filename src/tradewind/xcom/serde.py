"""Values to plain JSON types and back under Airflow's own names, for authors who call them: `airflow.sdk.serde`."""

from __future__ import annotations

import json
from typing import Any

from tradewind.xcom.envelopes import CLASSNAME, DATA, VERSION, enclose, is_plain
from tradewind.xcom.errors import ClassNotAllowedError, XComValueError
from tradewind.xcom.revival import allow_class, is_allowed, revive

__all__ = [
    "CLASSNAME",
    "DATA",
    "DEFAULT_VERSION",
    "SCHEMA_ID",
    "VERSION",
    "XComDecoder",
    "XComEncoder",
    "allow_class",
    "decode",
    "deserialize",
    "encode",
    "serialize",
]

DEFAULT_VERSION = 0
SCHEMA_ID = "__id__"


def serialize(o: Any, depth: int = 0) -> Any:
    """Return `o` made of plain JSON types. Raises TypeError for what cannot be written, AttributeError for a reserved key."""
    del depth  # Airflow counts its own recursion
    if isinstance(o, dict) and (CLASSNAME in o or SCHEMA_ID in o):
        raise AttributeError(f"reserved key {CLASSNAME} or {SCHEMA_ID} found in dict to serialize")
    try:
        return o if is_plain(o) else enclose(o)
    except XComValueError as error:
        raise TypeError(str(error)) from error


def deserialize(o: Any, full: bool = True, type_hint: Any = None) -> Any:  # noqa: FBT001, FBT002 - Airflow's signature
    """Return the value that was serialized; with `full=False` a text about each object, and no class is imported.

    Raises ImportError for a class that is not allowed and TypeError for an object that cannot be made.
    """
    if not full:
        return _as_text(o)
    if type_hint is not None and isinstance(o, dict) and CLASSNAME not in o:
        name = f"{type_hint.__module__}.{type_hint.__qualname__}"
        if not is_allowed(name):
            raise ImportError(f"{name} was not found in allow list for deserialization imports")
        o = encode(name, DEFAULT_VERSION, o)
    try:
        return revive(o)
    except ClassNotAllowedError:
        raise
    except XComValueError as error:
        raise TypeError(str(error)) from error


def encode(cls: str, version: int, data: Any) -> dict[str, Any]:
    """Return the envelope of an object's data."""
    return {CLASSNAME: cls, VERSION: version, DATA: data}


def decode(d: dict[str, Any]) -> tuple[str, int, Any]:
    """Return class name, version and data of an envelope. Raises ValueError for what is none."""
    name, version = d[CLASSNAME], d[VERSION]
    if not isinstance(name, str) or not isinstance(version, int):
        raise ValueError(f"cannot decode {d!r}")  # noqa: TRY004 - Airflow's
    return name, version, d.get(DATA)


class XComEncoder(json.JSONEncoder):
    """For `json.dumps(value, cls=XComEncoder)`: writes everything an XCom may hold."""

    def default(self, o: object) -> Any:
        """Return an object made of plain types. Raises TypeError for what cannot be written."""
        return serialize(o)

    def encode(self, o: Any) -> str:
        """Return the JSON text, tuples in their envelope at every depth."""
        return super().encode(serialize(o))


class XComDecoder(json.JSONDecoder):
    """For `json.loads(text, cls=XComDecoder)`: opens the envelopes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["object_hook"] = kwargs.get("object_hook") or deserialize
        super().__init__(*args, **kwargs)

    @staticmethod
    def orm_object_hook(dct: dict[str, Any]) -> Any:
        """Return a text about an object, for people to read."""
        return deserialize(dct, full=False)


def _as_text(o: Any) -> Any:
    if isinstance(o, list):
        return [_as_text(item) for item in o]
    if not isinstance(o, dict):
        return o
    if CLASSNAME not in o or VERSION not in o:
        return {key: _as_text(item) for key, item in o.items()}
    name, version, data = decode(o)
    if name in {"builtins.tuple", "builtins.set", "builtins.frozenset"}:
        return f"({','.join(str(_as_text(item)) for item in data)})"
    if isinstance(data, dict):
        inner = ",".join(f"{key}={_as_text(item)}" for key, item in data.items())
    elif isinstance(data, list):
        inner = ",".join(str(_as_text(item)) for item in data)
    else:
        inner = str(data)
    return f"{name}@version={version}({inner})"
