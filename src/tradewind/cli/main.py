"""The entry point. `tradewind version` answers before click is loaded; a user's mistake ends in one line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

EX_OK = 0
EX_FAILED = 1
EX_USAGE = 2
EX_CONFIG = 78
"""sysexits.h: the settings are wrong; nothing was started or changed."""


def main() -> None:
    """Run the command line of this process and exit with its code."""
    if sys.argv[1:] in (["version"], ["--version"]):
        from tradewind._version import __version__

        sys.stdout.write(f"{__version__}\n")
        sys.exit(EX_OK)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit code. Mistakes are told on standard error, in one line each."""
    import click

    from tradewind.cli.errors import message_of
    from tradewind.cli.tree import cli

    try:
        result = cli.main(args=arguments, prog_name="tradewind", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Aborted.", err=True)
        return 130
    except BrokenPipeError:
        return EX_OK
    except Exception as error:
        told = message_of(error)
        if told is None:
            raise
        click.echo(f"Error: {told.text}", err=True)
        return told.exit_code
    return result if isinstance(result, int) else EX_OK


def __getattr__(name: str) -> click.Group:
    """Give `cli` to tools that document or test the command tree, without loading click for everybody."""
    if name == "cli":
        from tradewind.cli.tree import cli

        return cli
    raise AttributeError(name)
