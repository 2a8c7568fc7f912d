"""The command tree: click groups that load a command's module when the command is called."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from tradewind._version import __version__
from tradewind.cli.table import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.cli.table import Entry


class LazyGroup(click.Group):
    """A group whose names and short helps come from the table, and whose commands come from their modules."""

    def __init__(self, name: str | None = None, *, entries: Mapping[str, Entry], **attributes: Any) -> None:
        """Take the part of the table that the group stands for."""
        super().__init__(name, **attributes)
        self._entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load and return one command."""
        del ctx
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        if entry.commands:
            return LazyGroup(cmd_name, entries=entry.commands, help=entry.help)
        module, _, name = entry.target.partition(":")
        return getattr(import_module(module), name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with; a name that is none brings the nearest one to mind."""
        name = args[0]
        if name not in self._entries and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, self._entries, n=1)
            ctx.fail(f"no such command: {name!r}" + (f"; the nearest is {near[0]!r}" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading one."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help.replace("`", "")) for name, entry in self._entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names without loading a command."""
        names = [
            CompletionItem(name, help=entry.help)
            for name, entry in self._entries.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def _show_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(__version__)
        ctx.exit()


cli = LazyGroup(
    "tradewind",
    entries=COMMANDS,
    help="Tradewind runs Apache Airflow DAG files on a small and fast control plane of its own.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version and leave.",
        ),
    ],
)
