"""From an exception to what a user reads: one line, and an exit code that means something."""

from __future__ import annotations

from typing import NamedTuple

import click

from tradewind.config.values import ConfigurationError

EX_OK = 0
EX_FAILED = 1
EX_USAGE = 2
EX_UNAVAILABLE = 69
"""sysexits.h: the database cannot be used now: out of reach, not migrated, or of a newer release."""
EX_CONFIG = 78
"""sysexits.h: the settings are wrong; nothing was started or changed."""
EX_INTERRUPTED = 130
"""What shells give a command that Ctrl-C ended."""


class Told(NamedTuple):
    """What is told of an error."""

    text: str
    exit_code: int


class CommandError(click.ClickException):
    """The command cannot do what it was asked to: the message says what is wrong and what to do."""


def message_of(error: Exception) -> Told | None:
    """Return what to tell of a mistake or an outage; None for a fault of the program, which keeps its traceback."""
    if isinstance(error, click.UsageError):
        hint = f" (see '{error.ctx.command_path} --help')" if error.ctx is not None else ""
        return Told(_one_line(error.format_message()) + hint, EX_USAGE)
    if isinstance(error, click.ClickException):
        return Told(error.format_message(), error.exit_code)
    if isinstance(error, ConfigurationError):
        return Told(str(error), EX_CONFIG)
    return _message_of_metadata(error)


def _message_of_metadata(error: Exception) -> Told | None:
    from tradewind.metadata.errors import DatabaseUnavailableError, EncryptionError, MetadataError, SchemaError

    if isinstance(error, DatabaseUnavailableError):
        return Told(f"the metadata database does not answer: {_one_line(str(error))}", EX_UNAVAILABLE)
    if isinstance(error, SchemaError):
        return Told(str(error), EX_UNAVAILABLE)
    if isinstance(error, EncryptionError):
        return Told(str(error), EX_CONFIG)
    if isinstance(error, MetadataError):
        return Told(str(error), EX_FAILED)
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())
