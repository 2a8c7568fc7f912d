"""Files of variables and connections, in the forms that Airflow reads and writes: JSON, YAML, and lines `KEY=value`."""

from __future__ import annotations

import json

from tradewind.sdk.connection import Connection
from tradewind.sdk.secrets.backends import BaseSecretsBackend
from tradewind.sdk.toolkit.values import is_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONNECTION_FIELDS = ("conn_type", "description", "host", "schema", "login", "password", "port", "extra")


class SecretFileError(ValueError):
    """A file of variables or connections cannot be read; the message names it and the place in it."""


class LocalFilesystemBackend(BaseSecretsBackend):
    """Variables, connections and configuration values out of files, which are read at each question.

    Each file is JSON, YAML or lines `KEY=value`, as its suffix says.
    """

    def __init__(
        self,
        variables_file_path: str | None = None,
        connections_file_path: str | None = None,
        configs_file_path: str | None = None,
    ) -> None:
        super().__init__()
        self.variables_file = variables_file_path
        self.connections_file = connections_file_path
        self.configs_file = configs_file_path

    def get_connection(self, conn_id: str, **_unused: Any) -> Connection | None:
        """Return the connection, None when the file has none. Raises `SecretFileError`."""
        entries = read_file(self.connections_file) if self.connections_file else {}
        return connection_of(self.connections_file or "", conn_id, entries[conn_id]) if conn_id in entries else None

    def get_variable(self, key: str, **_unused: Any) -> str | None:
        """Return the variable's text, None when the file has none. Raises `SecretFileError`."""
        return load_variables(self.variables_file).get(key) if self.variables_file else None

    def get_config(self, key: str) -> str | None:
        """Return a configuration value, None when the file has none. Raises `SecretFileError`."""
        return load_variables(self.configs_file).get(key) if self.configs_file else None


def load_variables(path: str) -> dict[str, str]:
    """Return the variables of a file as text, JSON where an entry is no text. Raises `SecretFileError`."""
    return {
        key: value if isinstance(value := variable_value(entry), str) else json.dumps(value)
        for key, entry in read_file(path).items()
    }


def load_connections(path: str) -> dict[str, Connection]:
    """Return the connections of a file by conn_id. Raises `SecretFileError`."""
    return {conn_id: connection_of(path, conn_id, entry) for conn_id, entry in read_file(path).items()}


def read_file(path: str) -> dict[str, Any]:
    """Return the entries of a file by name; the suffix (.json, .yaml, .yml, .env) says how it is read.

    Raises `SecretFileError`.
    """
    suffix = f".{path.rpartition('.')[2].lower()}"
    reader = _READERS.get(suffix)
    if reader is None:
        raise SecretFileError(f"{path}: its name must end in {', '.join(_READERS)}, to say what is in it")
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is not loaded on the way to a DAG
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretFileError(f"{path} cannot be read: {error}") from None
    entries = reader(path, text)
    if not is_dict(entries):
        raise SecretFileError(f"{path} has to hold an object of entries by name, not {type(entries).__name__}")
    return {str(name): entry for name, entry in entries.items()}


def variable_value(entry: Any) -> Any:
    """Return the value of an entry, which may be an object with a description beside it."""
    is_described = is_dict(entry) and "value" in entry and set(entry) <= {"value", "description"}
    return entry["value"] if is_described else entry


def connection_of(path: str, conn_id: str, entry: Any) -> Connection:
    """Return the connection of one entry: a URI, the text of a JSON object, or an object of its parts.

    Raises `SecretFileError`, naming `path` and the entry.
    """
    from tradewind.sdk.exceptions import AirflowException  # noqa: PLC0415 - few processes read such files

    try:
        if isinstance(entry, str):
            is_json = entry.lstrip().startswith("{")
            return Connection.from_json(entry, conn_id) if is_json else Connection(conn_id, uri=entry)
        if not is_dict(entry):
            raise SecretFileError(f"it has to be a URI or an object, not {type(entry).__name__}")
        return Connection(conn_id=conn_id, **_parts(conn_id, entry))
    except (AirflowException, TypeError, ValueError) as error:
        raise SecretFileError(f"{path}: connection {conn_id!r} cannot be read: {error}") from None


def _parts(conn_id: str, entry: dict[str, Any]) -> dict[str, Any]:
    parts = {name: value for name, value in entry.items() if name != "conn_id" and value is not None}
    if entry.get("conn_id", conn_id) != conn_id:
        raise SecretFileError(f"it says conn_id {entry['conn_id']!r}")
    if "extra_dejson" in parts:
        parts["extra"] = parts.pop("extra_dejson")
    extra = parts.get("extra")
    if is_dict(extra):
        parts["extra"] = json.dumps(extra) if extra else None
    unknown = sorted(set(parts) - set(CONNECTION_FIELDS))
    if unknown:
        raise SecretFileError(f"a connection has no field {', '.join(unknown)}; it has {', '.join(CONNECTION_FIELDS)}")
    return parts


def _read_json(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SecretFileError(f"{path} is no JSON: {error}") from None


def _read_yaml(path: str, text: str) -> Any:
    import yaml

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
