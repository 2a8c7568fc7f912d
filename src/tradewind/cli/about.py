"""`tradewind version`, `info` and `completion`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tradewind._version import __version__
from tradewind.cli.terminal.access import opened_database, read_settings
from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import print_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.config.settings import Settings

_LIBRARIES = ("click", "cryptography", "fastapi", "jinja2", "msgspec", "pendulum", "psycopg", "sqlalchemy")


@command("version")
def version() -> None:
    """Show the version."""
    click.echo(__version__)


@command("info")
@output_option
def info(output: str) -> None:
    """Show what this installation consists of.

    What an error report needs; without secrets.
    """
    settings = read_settings()
    rows = [{"property": name, "value": value} for name, value in _facts(settings)]
    print_rows(rows, output)


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    For bash: tradewind completion bash > ~/.local/share/bash-completion/completions/tradewind
    """
    from click.shell_completion import get_completion_class

    from tradewind.cli.tree import cli

    found = get_completion_class(shell)
    if found is None:
        raise click.BadParameter(f"there is no completion for {shell}")
    click.echo(found(cli, {}, "tradewind", "_TRADEWIND_COMPLETE").source())


def _facts(settings: Settings) -> Iterator[tuple[str, str]]:
    import platform
    import sys

    yield "version", __version__
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "platform", platform.platform()
    yield "home", settings.home
    yield "executor", settings.string("core", "executor")
    yield "dags_folder", settings.string("core", "dags_folder")
    yield "plugins_folder", settings.string("core", "plugins_folder")
    yield "base_log_folder", settings.string("logging", "base_log_folder")
    yield from _of_database(settings)
    yield from _of_libraries()


def _of_database(settings: Settings) -> Iterator[tuple[str, str]]:
    from tradewind.metadata import schema
    from tradewind.metadata.errors import MetadataError

    try:
        with opened_database(settings, is_checked=False) as database:
            yield "sql_alchemy_conn", database.engine.url.render_as_string(hide_password=True)
            yield "database_backend", database.engine.dialect.name
        with opened_database(settings) as database:
            yield "database_schema", schema.check(database).message
    except MetadataError as error:
        yield "database_schema", str(error)


def _of_libraries() -> Iterator[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version

    for name in _LIBRARIES:
        try:
            yield f"library_{name}", version(name)
        except PackageNotFoundError:
            yield f"library_{name}", "not installed"
