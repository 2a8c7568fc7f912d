"""From an exception to what a user reads: one message, and an exit code that means something."""

from __future__ import annotations

from typing import NamedTuple

from tradewind.config.values import ConfigurationError


class Told(NamedTuple):
    """What is told of an error."""

    text: str
    exit_code: int


EX_FAILED = 1
EX_UNAVAILABLE = 69
EX_CONFIG = 78


def message_of(error: Exception) -> Told | None:
    """Return what to tell of a mistake or an outage; None for a fault of the program, which keeps its traceback."""
    if isinstance(error, ConfigurationError):
        return Told(str(error), EX_CONFIG)
    return _message_of_metadata(error)


def _message_of_metadata(error: Exception) -> Told | None:
    from tradewind.metadata.errors import DatabaseUnavailableError, MetadataError

    if isinstance(error, DatabaseUnavailableError):
        return Told(f"the metadata database cannot be reached: {error}", EX_UNAVAILABLE)
    if isinstance(error, MetadataError):
        return Told(str(error), EX_FAILED)
    return None
