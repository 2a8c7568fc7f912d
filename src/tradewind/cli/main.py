"""The entry point. `tradewind version` answers before click is loaded; a user's mistake ends in one line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def main() -> None:
    """Run the command line of this process and exit with its code."""
    if sys.argv[1:] in (["version"], ["--version"]):
        from tradewind._version import __version__

        sys.stdout.write(f"{__version__}\n")
        sys.exit(0)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit code. Mistakes are told on standard error, in one line each."""
    import click

    from tradewind.cli.errors import EX_FAILED, EX_INTERRUPTED, EX_OK
    from tradewind.cli.terminal import verbosity
    from tradewind.cli.tree import cli

    verbosity.reset()
    try:
        result = cli.main(args=arguments, prog_name="tradewind", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        click.echo("Aborted.", err=True)
        return EX_INTERRUPTED if isinstance(error.__cause__, KeyboardInterrupt) else EX_FAILED
    except BrokenPipeError:
        _forget_standard_output()
        return EX_FAILED
    except Exception as error:  # noqa: BLE001 - sorted out there; a fault of the program is raised again
        return _tell(error)
    return result if isinstance(result, int) else EX_OK


def _tell(error: Exception) -> int:
    """Tell of a mistake and return its exit code; raises the error again where it is a fault of the program."""
    import click

    from tradewind.cli.errors import message_of
    from tradewind.cli.terminal import verbosity

    told = message_of(error)
    if told is None:
        raise error
    if verbosity.is_verbose():
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__)
    click.echo(f"Error: {told.text}", err=True)
    return told.exit_code


def _forget_standard_output() -> None:
    """Whoever read the output has gone: let nothing be written to it, not even when the interpreter ends."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def __getattr__(name: str) -> click.Group:
    """Give `cli` to tools that document or test the command tree, without loading click for everybody."""
    if name == "cli":
        from tradewind.cli.tree import cli

        return cli
    raise AttributeError(name)
