"""What can go wrong with the database, in the three words that decide what a caller does."""

from __future__ import annotations


class MetadataError(Exception):
    """Base of what this room raises on purpose; the message says what is wrong and what to do."""


class DatabaseUnavailableError(MetadataError):
    """The database cannot be reached, is locked or restarting: the same call may work in a moment."""


class ConflictError(DatabaseUnavailableError):
    """The database ended the transaction in favour of another one (deadlock): do it again at once."""


class SchemaError(MetadataError):
    """The database has no schema, an older one, or one of a newer release."""


class NotFoundError(MetadataError):
    """There is no such DAG, run, variable, ..."""


class AlreadyExistsError(MetadataError):
    """There is one with this key already."""


class InvalidRequestError(MetadataError):
    """The request cannot be carried out on the rows as they are."""


class EncryptionError(MetadataError):
    """A stored secret cannot be read with the keys given, or a key is malformed."""


def one_line(error: BaseException) -> str:
    """Return what the error says in one line: libraries of databases like to add hints below theirs."""
    return " ".join(str(error).split())
