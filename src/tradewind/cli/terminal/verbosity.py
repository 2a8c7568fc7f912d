"""Whether the user asked for more than one line about an error: `-v` of every command, or TRADEWIND_DEBUG."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_state = {"is_verbose": False}


def reset() -> None:
    """Forget what an earlier command line of this process asked for."""
    _state["is_verbose"] = False


def is_verbose() -> bool:
    """Return whether tracebacks are to be shown."""
    return _state["is_verbose"]


def verbose_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option `-v`."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        envvar="TRADEWIND_DEBUG",
        callback=_take,
        help="Log more, and show the traceback of an error.",
    )(command)


def _take(_ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        _state["is_verbose"] = True
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
