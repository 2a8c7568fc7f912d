"""`tradewind pools`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.stored.files import form_of, read_entries, write_entries
from tradewind.cli.terminal.access import opened_database, read_settings
from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import print_rows, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.metadata.pools import PoolDetail, PoolStore


@command("list")
@output_option
def list_pools(output: str) -> None:
    """List the pools."""
    with _store() as store:
        print_rows([_row(pool) for pool in store.list()], output)


@command("get")
@click.argument("name")
@output_option
def get(name: str, output: str) -> None:
    """Show a pool."""
    with _store() as store:
        print_rows([_row(_require(store, name))], output)


@command("set")
@click.argument("name")
@click.argument("slots", type=int)
@click.argument("description")
@click.option("--include-deferred", is_flag=True, help="Deferred tasks take slots too.")
@output_option
def set_pool(name: str, slots: int, description: str, include_deferred: bool, output: str) -> None:
    """Create or change a pool.

    `-1` slots is no limit: write `-- NAME -1 DESCRIPTION`, so that it is not read as an option.
    """
    with _store() as store:
        store.set(name, slots, description, include_deferred=include_deferred)
        row = _row(_require(store, name))
    say(f"Pool {name} created")
    if output != "table":
        print_rows([row], output)


@command("delete")
@click.argument("name")
def delete(name: str) -> None:
    """Delete a pool."""
    with _store() as store:
        if not store.delete(name):
            raise _no_pool(name)
    say(f"Pool {name} deleted")


@command("import")
@click.argument("file")
def import_pools(file: str) -> None:
    """Store the pools of a file.

    A .json or .yaml file: {"name": {"slots": 5, "description": "", "include_deferred": false}, ...}. All are stored, or
    none.
    """
    entries = read_entries(file)
    wrong = [name for name, entry in entries.items() if not isinstance(entry, dict)]
    if wrong:
        raise CommandError(f"{file}: pool {wrong[0]!r} has to be an object with its slots")
    with _store() as store:
        written = store.import_all(entries)
    say(f"Uploaded {len(written)} pool(s)")


@command("export")
@click.argument("file")
def export(file: str) -> None:
    """Write every pool to a file.

    The suffix says how: .json or .yaml; `-` is JSON on standard output.
    """
    form = form_of(file)
    if form == "env":
        raise CommandError(f"{file}: pools are written as .json or .yaml")
    with _store() as store:
        write_entries(file, store.export_all(), form, "pools")


def _row(pool: PoolDetail) -> dict[str, Any]:
    return {
        "pool": pool.name,
        "slots": pool.slots,
        "description": pool.description,
        "include_deferred": pool.include_deferred,
        "team_name": None,
    }


def _require(store: PoolStore, name: str) -> PoolDetail:
    found = store.get(name)
    if found is None:
        raise _no_pool(name)
    return found


def _no_pool(name: str) -> CommandError:
    return CommandError(f"there is no pool {name!r}")


@contextmanager
def _store() -> Iterator[PoolStore]:
    from tradewind.metadata.pools import PoolStore

    with opened_database(read_settings()) as database:
        yield PoolStore(database)
