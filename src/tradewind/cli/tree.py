"""The command tree: a click group that loads a command's module when the command is called."""

from __future__ import annotations

from importlib import import_module

import click

from tradewind.cli.table import COMMANDS


class LazyGroup(click.Group):
    """A group whose names and short helps come from the table, and whose commands come from their modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load and return one command."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.target.partition(":")
        return getattr(import_module(module), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading one."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tradewind", message="%(version)s")
def cli() -> None:
    """Tradewind runs Apache Airflow DAG files on a small and fast control plane of its own."""
