"""XCom values as JSON and back.

Plain JSON types are written as they are. Anything else is put into an envelope that names its class, in the shape
Airflow 3 writes: `{"__classname__": "uuid.UUID", "__version__": 1, "__data__": "..."}`. XComs that Airflow 3 has
stored can be read, and Airflow can read what is written here, except for the few types that it refuses.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tradewind.xcom.envelopes import enclose, is_plain
from tradewind.xcom.errors import XComValueError
from tradewind.xcom.revival import allow_class, allow_classes, revive

__all__ = [
    "XComValueError",
    "allow_class",
    "allow_classes",
    "decode_plain",
    "decode_value",
    "encode_value",
    "plain_value",
    "revive",
]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_ENVELOPE_MARKS = (b'"__classname__"', b'"__type"')


def encode_value(value: Any, *, key: str = "return_value") -> bytes:
    """Return `value` as JSON; `key` is the XCom's, for messages.

    Raises `XComValueError`, which names the key, the type and the place in the value, for what cannot be written.
    """
    try:
        return _encode(plain_value(value, key=key))
    except RecursionError:
        raise XComValueError("is nested too deeply: does it contain itself?").for_key(key) from None
    except UnicodeEncodeError as error:
        raise XComValueError(f"has text that is no Unicode ({error.reason})").for_key(key) from None


def plain_value(value: Any, *, key: str = "return_value") -> Any:
    """Return `value` made of plain JSON types, itself when it is. Raises `XComValueError` as `encode_value` does."""
    try:
        return value if is_plain(value) else enclose(value)
    except XComValueError as error:
        raise error.for_key(key) from error.__cause__
    except RecursionError:
        raise XComValueError("is nested too deeply: does it contain itself?").for_key(key) from None


def decode_value(data: bytes) -> Any:
    """Return the value that was encoded.

    Raises `XComValueError` for what is no JSON, and for an object of a class that may not be made from an XCom.
    """
    value = decode_plain(data)
    return revive(value) if any(mark in data for mark in _ENVELOPE_MARKS) else value


def decode_plain(data: bytes) -> Any:
    """Return the plain JSON types that were encoded, envelopes unopened. Raises `XComValueError` for what is no JSON."""
    try:
        return _decode(data)
    except msgspec.DecodeError as error:
        raise XComValueError(f"is no JSON: {error}") from None
