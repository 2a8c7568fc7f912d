"""Files of variables and connections, in the forms that Airflow reads and writes: JSON, YAML, and lines `KEY=value`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowException
from tradewind.serialization.records import ConnectionRecord

_FIELDS = ("conn_type", "description", "host", "schema", "login", "password", "port", "extra")


class SecretFileError(ValueError):
    """A file of variables or connections cannot be read; the message names it and the place in it."""


def read_file(path: str) -> dict[str, Any]:
    """Return the entries of a file by name; the suffix (.json, .yaml, .yml, .env) says how it is read.

    Raises `SecretFileError`.
    """
    file = Path(path)
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise SecretFileError(f"{path}: its name must end in {', '.join(_READERS)}, to say what is in it")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretFileError(f"{path} cannot be read: {error}") from None
    entries = reader(path, text)
    if not isinstance(entries, dict):
        raise SecretFileError(f"{path} has to hold an object of entries by name, not {type(entries).__name__}")
    return {str(name): entry for name, entry in entries.items()}


def read_variables(path: str) -> dict[str, str]:
    """Return the variables of a file as text, JSON where an entry is no text. Raises `SecretFileError`."""
    return {
        key: value if isinstance(value := variable_value(entry), str) else json.dumps(value)
        for key, entry in read_file(path).items()
    }


def variable_value(entry: Any) -> Any:
    """Return the value of an entry, which may be an object with a description beside it."""
    is_described = isinstance(entry, dict) and "value" in entry and set(entry) <= {"value", "description"}
    return entry["value"] if is_described else entry


def read_connections(path: str) -> dict[str, ConnectionRecord]:
    """Return the connections of a file. Raises `SecretFileError`."""
    return {conn_id: to_record(path, conn_id, entry) for conn_id, entry in read_file(path).items()}


def to_record(path: str, conn_id: str, entry: Any) -> ConnectionRecord:
    """Return the connection of one entry: a URI, the text of a JSON object, or an object of its parts.

    Raises `SecretFileError`, naming `path` and the entry.
    """
    try:
        if isinstance(entry, str):
            found = (
                Connection.from_json(entry, conn_id)
                if entry.lstrip().startswith("{")
                else Connection(conn_id, uri=entry)
            )
            parts = {name: getattr(found, name) for name in _FIELDS}
        elif isinstance(entry, dict):
            parts = _parts(conn_id, entry)
        else:
            raise SecretFileError(f"it has to be a URI or an object, not {type(entry).__name__}")
        return msgspec.convert({**_without_none(parts), "conn_id": conn_id}, ConnectionRecord, strict=False)
    except (AirflowException, TypeError, ValueError) as error:
        raise SecretFileError(f"{path}: connection {conn_id!r} cannot be read: {error}") from None


def _parts(conn_id: str, entry: dict[str, Any]) -> dict[str, Any]:
    parts = {name: value for name, value in entry.items() if name != "conn_id"}
    if entry.get("conn_id", conn_id) != conn_id:
        raise SecretFileError(f"it says conn_id {entry['conn_id']!r}")
    if "extra_dejson" in parts:
        parts["extra"] = parts.pop("extra_dejson")
    if isinstance(parts.get("extra"), dict):
        parts["extra"] = json.dumps(parts["extra"]) if parts["extra"] else None
    unknown = sorted(set(parts) - set(_FIELDS))
    if unknown:
        raise SecretFileError(f"a connection has no field {', '.join(unknown)}; it has {', '.join(_FIELDS)}")
    return parts


def _without_none(parts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parts.items() if value is not None}


def _read_json(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SecretFileError(f"{path} is no JSON: {error}") from None


def _read_yaml(path: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SecretFileError(f"{path} is no YAML: {' '.join(str(error).split())}") from None


def _read_env(path: str, text: str) -> dict[str, str]:
    entries: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, separator, value = line.partition("=")
        if not separator or not key.strip() or not value:
            raise SecretFileError(f"{path}, line {number}: write KEY=value")
        if key in entries:
            raise SecretFileError(f"{path}, line {number}: {key} is there twice")
        entries[key] = value
    return entries


_READERS = {".json": _read_json, ".yaml": _read_yaml, ".yml": _read_yaml, ".env": _read_env}
