"""Connections: where an outside system is and how to log in, kept by the installation under a conn_id.

A connection is looked for in the installation's secrets backends, then in the environment (`AIRFLOW_CONN_<CONN_ID>`,
as URI or JSON), then in the process's worker store.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from tradewind.config.secrets import connection_in_environment
from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException
from tradewind.sdk.lookups.chain import read_connection
from tradewind.sdk.lookups.columns import Model, columns_of
from tradewind.sdk.ports import worker_store
from tradewind.sdk.toolkit.loading import import_string
from tradewind.sdk.toolkit.log import LoggingMixin
from tradewind.sdk.toolkit.masking import mask_secret
from tradewind.sdk.toolkit.values import is_dict, prune_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from urllib.parse import SplitResult

    from tradewind.serialization.records import ConnectionRecord

_FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port")


class Connection(LoggingMixin, metaclass=Model):
    """One connection, given by its parts or by a URI.

    `extra` is a JSON text, or a dict that becomes one. Raises AirflowException for a URI together with parts, and for
    a URI that cannot be read.
    """

    __table_name__ = "connection"
    __columns__ = columns_of("conn_id conn_type description host schema login port")

    EXTRA_KEY = "__extra__"
    """Query parameter of a URI that holds the whole extra, where it is more than a flat dict of texts."""

    def __init__(  # noqa: PLR0913, PLR0917 - a connection has these parts
        self,
        conn_id: str | None = None,
        conn_type: str | None = None,
        description: str | None = None,
        host: str | None = None,
        login: str | None = None,
        password: str | None = None,
        schema: str | None = None,
        port: int | None = None,
        extra: str | dict[str, Any] | None = None,
        uri: str | None = None,
    ) -> None:
        super().__init__()
        parts = (conn_type, host, login, password, schema, port, extra)
        if uri and any(parts):
            raise AirflowException(
                f"connection {conn_id!r}: give either a URI or its parts "
                "(conn_type, host, login, password, schema, port, extra), not both"
            )
        self.conn_id = conn_id
        self.conn_type = conn_type
        self.description = description
        self.host = host
        self.login = login
        self.password = password
        self.schema = schema
        self.port = port
        self.extra: str | None = json.dumps(extra) if is_dict(extra) else _text(extra)
        if uri:
            self._read_uri(uri)
        if self.password:
            mask_secret(self.password)
            mask_secret(quote(self.password))
        if self.extra:
            mask_secret(_json_or_nothing(self.extra))

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Connection:
        """Return the connection of a row of the worker store, with its secrets."""
        return cls.get(row["conn_id"])

    def __repr__(self) -> str:
        return self.conn_id or ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Connection) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self.conn_id)

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """The extra as a dict; an empty one when it is no JSON, which the log says."""
        if not self.extra:
            return {}
        try:
            extra = json.loads(self.extra)
        except json.JSONDecodeError:
            self.log.warning("the extra of connection %s is no JSON and is left out", self.conn_id)
            return {}
        mask_secret(extra)
        return extra

    async def aextra_dejson(self) -> dict[str, Any]:
        """Return what `extra_dejson` gives; nothing in it waits here."""
        return self.extra_dejson

    def get_extra(self) -> str | None:
        """Return the extra as text."""
        return self.extra

    def get_extra_dejson(self) -> dict[str, Any]:
        """Return the extra as a dict."""
        return self.extra_dejson

    def set_extra(self, value: str) -> None:
        """Replace the extra by another JSON text."""
        self.extra = value

    def get_password(self) -> str | None:
        """Return the password."""
        return self.password

    def set_password(self, value: str | None) -> None:
        """Replace the password."""
        self.password = value

    def get_uri(self) -> str:
        """Return the connection as a URI from which `Connection(uri=...)` makes the same connection."""
        uri = f"{self.conn_type.lower().replace('_', '-')}://" if self.conn_type else "//"
        protocol, separator, host = (self.host or "").rpartition("://")
        if separator and protocol == self.conn_type:
            host = self.host or ""
        elif separator:
            uri += f"{protocol}://"
        login = "" if self.login is None else quote(self.login, safe="")
        if self.password is not None:
            login += ":" + quote(self.password, safe="")
        uri += f"{login}@" if login else ""
        place = quote(host, safe="")
        if self.port:
            place = f"@:{self.port}" if not place and not login else f"{place}:{self.port}"
        if self.schema:
            place += f"/{quote(self.schema, safe='')}"
        return uri + place + self._query()

    async def aget_uri(self) -> str:
        """Return what `get_uri` returns; nothing in it waits here."""
        return self.get_uri()

    def get_hook(self, *, hook_params: dict[str, Any] | None = None) -> Any:
        """Return a hook for this connection, from the provider package that serves its type.

        Raises AirflowException when no installed provider does.
        """
        from tradewind.sdk.hooks import hook_class_name  # noqa: PLC0415 - it asks every installed package

        name = hook_class_name(self.conn_type)
        if name is None:
            raise AirflowException(
                f'Unknown hook type "{self.conn_type}": no installed provider package serves it '
                f"(connection {self.conn_id!r})"
            )
        hook_class = import_string(name)
        return hook_class(**{hook_class.conn_name_attr: self.conn_id}, **(hook_params or {}))

    def test_connection(self) -> tuple[bool, str]:
        """Try the connection through its hook; return whether it works and what was found."""
        try:
            hook = self.get_hook()
            test = getattr(hook, "test_connection", None)
            if test is None:
                return False, f"Hook {type(hook).__name__} doesn't implement or inherit test_connection method"
            return test()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is the answer
            return False, str(error)

    def to_dict(self, *, prune_empty: bool = False, validate: bool = True) -> dict[str, Any]:
        """Return the parts as a dict of JSON values, with `prune_empty` without those that are None."""
        parts: dict[str, Any] = {"conn_id": self.conn_id, **{name: getattr(self, name) for name in _FIELDS}}
        if prune_empty:
            parts = prune_dict(parts)
        extra = self.extra_dejson
        if extra or not prune_empty:
            parts["extra"] = extra
        if validate:
            json.dumps(parts)
        return parts

    def as_json(self) -> str:
        """Return the parts that are set as a JSON object, without the conn_id."""
        parts = self.to_dict(prune_empty=True, validate=False)
        parts.pop("conn_id", None)
        return json.dumps(parts)

    @classmethod
    def from_json(cls, value: str, conn_id: str | None = None) -> Connection:
        """Read a connection from a JSON object of its parts. Raises ValueError for a port that is no number."""
        parts: dict[str, Any] = json.loads(value)
        if parts.get("conn_type"):
            parts["conn_type"] = _normal_type(parts["conn_type"])
        port = parts.pop("port", None)
        if port:
            try:
                parts["port"] = int(port)
            except ValueError:
                raise ValueError(f"Expected integer value for `port`, but got {port!r} instead.") from None
        parts["extra"] = parts.get("extra") or None
        return cls(conn_id=conn_id, **parts)

    @classmethod
    def from_uri(cls, uri: str, conn_id: str | None = None) -> Connection:
        """Read a connection from a URI."""
        return cls(conn_id=conn_id, uri=uri)

    @classmethod
    def get(cls, conn_id: str) -> Connection:
        """Return the installation's connection. Raises AirflowNotFoundException when there is none."""
        found = read_connection(conn_id)
        if found is not None:
            return found
        text = connection_in_environment(conn_id)
        if text is not None:
            return cls.from_json(text, conn_id) if text.lstrip().startswith("{") else cls.from_uri(text, conn_id)
        record = worker_store().get_connection(conn_id)
        if record is None:
            raise AirflowNotFoundException(
                f"The conn_id `{conn_id}` isn't defined: create it with `tradewind connections add {conn_id} ...` "
                f"or set AIRFLOW_CONN_{conn_id.upper()} in the environment"
            )
        return cls.from_record(record)

    @classmethod
    def from_record(cls, record: ConnectionRecord) -> Connection:
        """Return a connection as the worker store has it."""
        return cls(**{name: getattr(record, name) for name in ("conn_id", *_FIELDS, "extra")})

    @classmethod
    def get_connection_from_secrets(cls, conn_id: str) -> Connection:
        """Return the installation's connection: Airflow 2's name of `get`."""
        return cls.get(conn_id)

    @classmethod
    async def async_get(cls, conn_id: str) -> Connection:
        """Return the installation's connection, without holding up the event loop."""
        import asyncio

        return await asyncio.to_thread(cls.get, conn_id)

    def _key(self) -> tuple[Any, ...]:
        return (self.conn_id, self.extra, *(getattr(self, name) for name in _FIELDS))

    def _query(self) -> str:
        if not self.extra:
            return ""
        extra = self.extra_dejson
        try:
            query = urlencode(extra)
        except TypeError:
            query = ""
        if not query or extra != dict(parse_qsl(query, keep_blank_values=True)):
            query = urlencode({self.EXTRA_KEY: self.extra})
        return ("?" if self.schema else "/?") + query

    def _read_uri(self, uri: str) -> None:
        schemes = uri.count("://")
        conn_type = urlsplit(uri).scheme
        rest = uri.replace(f"{conn_type}://", "" if schemes == 2 else "//", 1)
        protocol = rest.partition("://")[0] if schemes == 2 else ""
        if schemes > 2 or "@" in protocol or ":" in protocol:
            raise AirflowException(f"Invalid connection string: {self.conn_id!r} has too many or misplaced `://`")
        parts = urlsplit(rest)
        host = _host_name(parts)
        self.conn_type = _normal_type(conn_type)
        self.host = f"{protocol}://{host}" if protocol and host else host
        self.schema = unquote(parts.path[1:])
        self.login = unquote(parts.username) if parts.username else parts.username
        self.password = unquote(parts.password) if parts.password else parts.password
        self.port = parts.port
        if parts.query:
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            self.extra = query[self.EXTRA_KEY] if self.EXTRA_KEY in query else json.dumps(query)


def _json_or_nothing(extra: str) -> Any:
    """Return the extra's parts, for the masker; nothing for an extra that is no JSON, which is told when it is read."""
    try:
        return json.loads(extra)
    except ValueError:
        return None


def _normal_type(conn_type: str) -> str:
    return "postgres" if conn_type == "postgresql" else conn_type.replace("-", "_")


def _host_name(parts: SplitResult) -> str:
    """Return the host; one with an escaped slash (a socket's path) keeps its capital letters."""
    host = unquote(parts.hostname or "")
    return unquote(parts.netloc.rpartition("@")[2].partition(":")[0]) if "/" in host else host


def _text(extra: Any) -> str | None:
    return extra if extra is None or isinstance(extra, str) else json.dumps(extra)
