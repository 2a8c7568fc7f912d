"""`tradewind variables`."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.stored.files import form_of, read_entries, write_entries, write_text
from tradewind.cli.terminal.access import cipher, opened_database, read_settings
from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import print_rows, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.metadata.variables import VariableStore

_HIDDEN = "***"


@command("list")
@click.option("--show-values", is_flag=True, help="Show the values too.")
@click.option("--hide-sensitive", is_flag=True, help="With --show-values: mask the values.")
@output_option
def list_variables(show_values: bool, hide_sensitive: bool, output: str) -> None:
    """List the variables."""
    with _store() as store:
        if not show_values:
            print_rows([{"key": key} for key in store.keys()], output)  # noqa: SIM118 - a method of the store
            return
        found, _ = store.list()
    print_rows([{"key": one.key, "val": _HIDDEN if hide_sensitive else one.value} for one in found], output)


@command("get")
@click.argument("key")
@click.option("-d", "--default", help="Print this when there is no such variable.")
@click.option("-j", "--json", "is_json", is_flag=True, help="The value is JSON: fail when it is not.")
def get(key: str, default: str | None, is_json: bool) -> None:
    """Show a variable."""
    with _store() as store:
        found = store.get(key)
    if found is None and default is None:
        raise CommandError(f"there is no variable {key!r}")
    value = found.value if found is not None else default
    if is_json and value is not None:
        try:
            value = json.dumps(json.loads(value), indent=2, ensure_ascii=False)
        except ValueError as error:
            raise CommandError(f"variable {key!r} is no JSON: {error}") from error
    click.echo(value)


@command("set")
@click.argument("key")
@click.argument("value")
@click.option("-j", "--json", "is_json", is_flag=True, help="Store the value as a JSON text, quoted.")
@click.option("--description", help="What the variable is for.")
def set_variable(key: str, value: str, is_json: bool, description: str | None) -> None:
    """Create or change a variable."""
    with _store() as store:
        store.set(key, json.dumps(value, indent=2) if is_json else value, description)
    say(f"Variable {key} created")


@command("delete")
@click.argument("key")
def delete(key: str) -> None:
    """Delete a variable."""
    with _store() as store:
        if not store.delete(key):
            raise CommandError(f"there is no variable {key!r}")
    say(f"Variable {key} deleted")


@command("import")
@click.argument("file")
@click.option(
    "-a",
    "--action-on-existing-key",
    type=click.Choice(["overwrite", "fail", "skip"]),
    default="overwrite",
    show_default=True,
    help="What to do with a key that there is already.",
)
def import_variables(file: str, action_on_existing_key: str) -> None:
    """Store the variables of a file.

    A .json, .yaml or .env file of values by key; a value may be an object {"value": ..., "description": ...}. All are
    stored, or none.
    """
    entries = read_entries(file)
    with _store() as store:
        written = store.import_all(entries, on_existing=action_on_existing_key)
    say(f"{len(written)} of {len(entries)} variables successfully updated.")
    skipped = sorted(set(entries) - set(written))
    if skipped:
        say(f"Skipped, for they exist already: {', '.join(skipped)}")


@command("export")
@click.argument("file")
def export(file: str) -> None:
    """Write every variable to a file.

    The suffix says how: .json, .yaml or .env; `-` is JSON on standard output. Values are in plain text.
    """
    form = form_of(file)
    with _store() as store:
        if form == "env":
            found, _ = store.list()
            broken = [one.key for one in found if "\n" in one.value]
            if broken:
                raise CommandError(f"an .env file cannot hold values of several lines: {', '.join(broken)}")
            write_text(file, "".join(f"{one.key}={one.value}\n" for one in found))
            say(f"{len(found)} variables exported")
        else:
            write_entries(file, store.export_all(), form, "variables")


@contextmanager
def _store() -> Iterator[VariableStore]:
    from tradewind.metadata.variables import VariableStore

    settings = read_settings()
    with opened_database(settings) as database:
        yield VariableStore(database, cipher(settings))
