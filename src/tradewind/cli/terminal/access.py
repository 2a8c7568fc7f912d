"""What commands work on: the settings, and the database they name."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.cli.terminal.output import say
from tradewind.config.settings import load_settings
from tradewind.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.config.settings import Settings
    from tradewind.metadata.database import Database
    from tradewind.metadata.encryption import Cipher

CLOCK = SystemClock()
_CONNECTIONS = 2


def read_settings(environ: dict[str, str] | None = None) -> Settings:
    """Return the settings, and tell of names in them that set nothing."""
    settings = load_settings(environ)
    for warning in settings.warnings:
        say(f"Warning: {warning}")
    return settings


@contextmanager
def opened_database(settings: Settings, *, is_checked: bool = True) -> Iterator[Database]:
    """Give the metadata database for the block.

    Raises `DatabaseUnavailableError`, and `SchemaError` unless it is up to date or `is_checked` is False.
    """
    from tradewind.metadata import schema
    from tradewind.metadata.database import Database

    database = Database.open(settings.string("database", "sql_alchemy_conn"), pool_size=_CONNECTIONS)
    try:
        if is_checked:
            _require_file(database)
            schema.check(database).require_current()
        yield database
    finally:
        database.dispose()


def cipher(settings: Settings) -> Cipher:
    """Return what encrypts secrets; raises `EncryptionError` for a malformed key."""
    from tradewind.metadata.encryption import Cipher
    from tradewind.standalone.home import fernet_key

    return Cipher(fernet_key(settings))


def _require_file(database: Database) -> None:
    """Raise `SchemaError` where an SQLite file is not there: connecting would make an empty one."""
    from tradewind.metadata.schema import SchemaState, SchemaStatus

    file = database.engine.url.database
    if database.is_sqlite and file is not None and not Path(file).exists():
        SchemaStatus(SchemaState.EMPTY, None).require_current()
