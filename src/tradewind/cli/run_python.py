"""`tradewind python`: any script with the airflow namespace of Tradewind."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tradewind.cli.errors import EX_FAILED, EX_OK
from tradewind.cli.terminal.access import read_settings

if TYPE_CHECKING:
    from types import TracebackType

_OWN_FILES = (__file__, "<frozen runpy>")


class _PassedOnCommand(click.Command):
    """A command whose arguments are those of another program: only a leading `--help` is its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take every argument as it is."""
        if not args or args[0] in {"-h", "--help"}:
            click.echo(ctx.get_help())
            ctx.exit(EX_OK if args else 2)
        ctx.params["arguments"] = tuple(args)
        return []


@click.command("python", cls=_PassedOnCommand, options_metavar="")
@click.argument("arguments", metavar="{FILE | -m MODULE | -c CODE} [ARG]...", nargs=-1)
def python(arguments: tuple[str, ...]) -> int:
    """Run a script with the airflow namespace of Tradewind.

    As `python` would, with `airflow` importable, installed or not, and `dag.test()` working. Variables and connections
    come from the environment, and from the metadata database where there is one; what the script sets stays in memory.
    """
    from tradewind.sdk.ports import install_worker_store
    from tradewind.standalone.in_process.author_process import memory_store, prepare_author_process

    first, rest = arguments[0], arguments[1:]
    if first in {"-m", "-c"} and not rest:
        raise click.UsageError(f"{first} needs {'a module' if first == '-m' else 'code'} behind it")
    if not first.startswith("-") and not Path(first).exists():
        raise click.UsageError(f"there is no file {first!r}")
    if first.startswith("-") and first not in {"-m", "-c"}:
        raise click.UsageError(f"unknown option {first!r}: give a file, -m MODULE or -c CODE")
    settings = read_settings()
    prepare_author_process(settings)
    before = install_worker_store(memory_store(settings))
    try:
        _run(first, rest)
    except Exception as error:  # noqa: BLE001 - author code
        traceback.print_exception(type(error), error, _authors_part(error.__traceback__))
        return EX_FAILED
    finally:
        install_worker_store(before)
    return EX_OK


def _run(first: str, rest: tuple[str, ...]) -> None:
    """Run as `__main__`, with the arguments and the import path that Python gives it."""
    import runpy

    if first == "-m":
        sys.argv = [rest[0], *rest[1:]]
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(0, "")
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - that is what it is for
    else:
        sys.argv = [first, *rest]
        sys.path.insert(0, str(Path(first).resolve().parent))
        runpy.run_path(first, run_name="__main__")


def _authors_part(trace: TracebackType | None) -> TracebackType | None:
    """Return the traceback from the author's first frame on."""
    rest = trace
    while rest is not None and rest.tb_frame.f_code.co_filename in _OWN_FILES:
        rest = rest.tb_next
    return rest
