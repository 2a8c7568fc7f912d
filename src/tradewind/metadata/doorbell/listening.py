"""Making the listener that fits the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.metadata.doorbell.local import LocalListener
from tradewind.metadata.doorbell.postgres import PostgresListener

if TYPE_CHECKING:
    from tradewind.metadata.database import Database
    from tradewind.metadata.doorbell.ring import Listener


def listen(database: Database) -> Listener:
    """Return a listener that hears every ring from now on. Raises `DatabaseUnavailableError` when it cannot."""
    if database.bell_folder is not None:
        return LocalListener(database.bell_folder)
    return PostgresListener(database.engine.url)
