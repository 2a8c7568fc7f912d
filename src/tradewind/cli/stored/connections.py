"""`tradewind connections list`, `get`, `add`, `delete` and `test`."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import click

from tradewind.cli.errors import EX_FAILED, EX_OK, CommandError
from tradewind.cli.terminal.access import cipher, opened_database, read_settings
from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import print_rows, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.metadata.connections import ConnectionStore
    from tradewind.sdk.connection import Connection
    from tradewind.serialization.records import ConnectionRecord

_HIDDEN = "***"
_PARTS = ("conn_type", "description", "host", "schema", "login", "password", "port", "extra")


@contextmanager
def connection_store() -> Iterator[ConnectionStore]:
    """Give the connections of the database for the block."""
    from tradewind.metadata.connections import ConnectionStore

    settings = read_settings()
    with opened_database(settings) as database:
        yield ConnectionStore(database, cipher(settings))


def to_connection(record: ConnectionRecord) -> Connection:
    """Return the author's view of a connection, which knows its URI."""
    from tradewind.sdk.connection import Connection

    return Connection(conn_id=record.conn_id, **{name: getattr(record, name) for name in _PARTS})


@command("list")
@click.option("--conn-id", help="Only this connection.")
@click.option("--show-values", is_flag=True, help="Show everything about them, secrets too.")
@click.option("--hide-sensitive", is_flag=True, help="With --show-values: mask secrets.")
@output_option
def list_connections(conn_id: str | None, show_values: bool, hide_sensitive: bool, output: str) -> None:
    """List the connections."""
    with connection_store() as store:
        records = [record for record in store.list()[0] if conn_id in {None, record.conn_id}]
        is_encrypted = cipher(read_settings()).is_encrypting
    if show_values:
        rows = [_details(record, is_encrypted=is_encrypted, is_masked=hide_sensitive) for record in records]
    else:
        rows = [{"conn_id": record.conn_id, "conn_type": record.conn_type} for record in records]
    print_rows(rows, output)


@command("get")
@click.argument("conn_id")
@output_option
def get(conn_id: str, output: str) -> None:
    """Show a connection.

    With its secrets, in plain text.
    """
    with connection_store() as store:
        record = store.get(conn_id)
        is_encrypted = cipher(read_settings()).is_encrypting
    if record is None:
        raise _no_connection(conn_id)
    print_rows([_details(record, is_encrypted=is_encrypted)], output)


@command("add")
@click.argument("conn_id")
@click.option("--conn-uri", help="The whole connection as a URI.")
@click.option("--conn-json", help="The whole connection as a JSON object.")
@click.option("--conn-type", help="The type: postgres, http, ...")
@click.option("--conn-description", help="What the connection is for.")
@click.option("--conn-host", help="The host.")
@click.option("--conn-schema", help="The schema, or the database.")
@click.option("--conn-login", help="The user.")
@click.option("--conn-password", help="The password.")
@click.option("--conn-port", type=int, help="The port.")
@click.option("--conn-extra", help="More, as a JSON object.")
def add(*, conn_id: str, conn_uri: str | None, conn_json: str | None, **parts: Any) -> None:
    """Create a connection.

    From a URI, from a JSON object, or from its parts.
    """
    from tradewind.standalone.in_process.secret_files import SecretFileError, to_record

    given = {name.removeprefix("conn_"): value for name, value in parts.items() if value is not None}
    given |= {"conn_type": given.pop("type")} if "type" in given else {}
    described = {"description": given.pop("description")} if "description" in given else {}
    entry = _chosen_entry(conn_uri, conn_json, given)
    try:
        record = to_record("the command line", conn_id, entry)
        if described:
            record = to_record("the command line", conn_id, {**_fields(record), **described})
    except SecretFileError as error:
        raise CommandError(str(error).removeprefix("the command line: ")) from error
    with connection_store() as store:
        if store.get(conn_id) is not None:
            raise CommandError(f"there is a connection {conn_id!r} already: delete it first")
        store.set(record)
    say(f"Successfully added `conn_id`={conn_id}")


@command("delete")
@click.argument("conn_id")
def delete(conn_id: str) -> None:
    """Delete a connection."""
    with connection_store() as store:
        if not store.delete(conn_id):
            raise _no_connection(conn_id)
    say(f"Successfully deleted connection with `conn_id`={conn_id}")


@command("test")
@click.argument("conn_id")
def test(conn_id: str) -> int:
    """Try a connection through its provider's hook.

    Exit code 1 when it does not work, or when no installed provider serves its type. As in Airflow this has to be
    allowed: option core.test_connection.
    """
    from tradewind.sdk.connection import Connection
    from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException
    from tradewind.sdk.ports import install_worker_store
    from tradewind.standalone.in_process.author_process import memory_store, prepare_author_process
    from tradewind.standalone.in_process.connection_check import check_connection
    from tradewind.standalone.in_process.secret_files import SecretFileError, as_record

    settings = read_settings()
    if settings.string("core", "test_connection") != "Enabled":
        raise CommandError("connections may not be tried: set TRADEWIND__CORE__TEST_CONNECTION=Enabled to allow it")
    prepare_author_process(settings)
    install_worker_store(memory_store(settings))
    try:
        record = as_record(Connection.get(conn_id))
    except AirflowNotFoundException:
        raise _no_connection(conn_id) from None
    except (AirflowException, SecretFileError, ValueError) as error:
        raise CommandError(f"connection {conn_id!r} cannot be read: {error}") from error
    works, message = check_connection(record, limit_s=settings.number("core", "test_connection_timeout"))
    say(f"Connection {conn_id!r} {'works' if works else 'does not work'}: {message}")
    return EX_OK if works else EX_FAILED


def _chosen_entry(conn_uri: str | None, conn_json: str | None, parts: dict[str, Any]) -> Any:
    """Return the one form in which the connection was given; raises `UsageError` for none and for several."""
    given = [entry for entry in (conn_uri, conn_json, parts or None) if entry is not None]
    if len(given) != 1:
        raise click.UsageError("give the connection by --conn-uri, by --conn-json or by its parts (--conn-type, ...)")
    if conn_json is not None:
        return _decoded(conn_json)
    if given[0] is parts and "conn_type" not in parts:
        raise click.UsageError("a connection that is given by its parts needs --conn-type")
    return given[0]


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"it is no JSON: {error}", param_hint="--conn-json") from error


def _fields(record: ConnectionRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _PARTS}


def _details(record: ConnectionRecord, *, is_encrypted: bool, is_masked: bool = False) -> dict[str, Any]:
    """Return Airflow's fields of a connection. Its number is its place in no table here, so it has none."""
    connection = to_connection(record)
    uri = connection.get_uri()
    return {
        "id": None,
        "conn_id": record.conn_id,
        "conn_type": record.conn_type,
        "description": record.description,
        "host": record.host,
        "schema": record.schema,
        "login": record.login,
        "password": _HIDDEN if is_masked and record.password else record.password,
        "port": record.port,
        "is_encrypted": is_encrypted and bool(record.password),
        "is_extra_encrypted": is_encrypted and bool(record.extra),
        "extra_dejson": _HIDDEN if is_masked and record.extra else connection.extra_dejson,
        "get_uri": _masked(uri) if is_masked else uri,
    }


def _masked(uri: str) -> str:
    """Return the URI without what it says about who logs in, and without its extra."""
    parts = urlsplit(uri)
    _, separator, place = parts.netloc.rpartition("@")
    netloc = f"{_HIDDEN}:{_HIDDEN}@{place}" if separator else parts.netloc
    return urlunsplit((parts.scheme, netloc, parts.path, _HIDDEN if parts.query else "", ""))


def _no_connection(conn_id: str) -> CommandError:
    return CommandError(f"there is no connection {conn_id!r}")
