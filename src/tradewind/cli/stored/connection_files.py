"""`tradewind connections import` and `export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.stored.connections import connection_store, to_connection
from tradewind.cli.stored.files import form_of, read_entries, write_entries, write_text
from tradewind.cli.terminal.options import command
from tradewind.cli.terminal.output import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.serialization.records import ConnectionRecord

_ORDER = ("conn_type", "description", "login", "password", "host", "port", "schema", "extra")
"""The parts in an export file, in Airflow's order."""


@command("import")
@click.argument("file")
@click.option("--overwrite", is_flag=True, help="Replace connections that there are already.")
def import_connections(file: str, overwrite: bool) -> None:
    """Store the connections of a file.

    A .json, .yaml or .env file of connections by conn_id, each a URI or an object of its parts. Without `--overwrite`
    those that there are already are left as they are.
    """
    from tradewind.standalone.in_process.secret_files import SecretFileError, to_record

    try:
        records = {conn_id: to_record(file, conn_id, entry) for conn_id, entry in read_entries(file).items()}
    except SecretFileError as error:
        raise CommandError(str(error)) from error
    with connection_store() as store:
        written = store.import_all(
            {conn_id: _parts(record) for conn_id, record in records.items()},
            on_existing="overwrite" if overwrite else "skip",
        )
    for conn_id in records:
        words = "Imported connection" if conn_id in written else "Skipped, for it exists already: connection"
        say(f"{words} {conn_id}")


@command("export")
@click.argument("file")
@click.option("--file-format", "--format", type=click.Choice(["json", "yaml", "env"]), help="Instead of by the suffix.")
@click.option(
    "--serialization-format",
    type=click.Choice(["uri", "json"]),
    default="uri",
    show_default=True,
    help="How a connection is written in an .env file.",
)
def export(file: str, file_format: str | None, serialization_format: str) -> None:
    """Write every connection to a file.

    The suffix says how: .json, .yaml or .env; `-` is standard output. Secrets are in plain text.
    """
    form = form_of(file, file_format)
    with connection_store() as store:
        records, _ = store.list()
    if form == "env":
        write_text(file, "".join(_env_lines(records, serialization_format)))
        say(f"{len(records)} connections exported")
    else:
        write_entries(file, {record.conn_id: _parts(record) for record in records}, form, "connections")


def _parts(record: ConnectionRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _ORDER}


def _env_lines(records: Iterable[ConnectionRecord], form: str) -> Iterable[str]:
    for record in records:
        connection = to_connection(record)
        yield f"{record.conn_id}={connection.as_json() if form == 'json' else connection.get_uri()}\n"
