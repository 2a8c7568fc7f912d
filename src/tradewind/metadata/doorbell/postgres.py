"""The doorbell on PostgreSQL: LISTEN on a connection of its own."""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING, Any

from tradewind.metadata.doorbell.ring import RESYNC, Ring
from tradewind.metadata.errors import DatabaseUnavailableError, one_line

if TYPE_CHECKING:
    import sqlalchemy as sa


class PostgresListener:
    """One LISTENing connection, made anew when it broke."""

    def __init__(self, url: sa.URL) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: Any = None
        # A selector's own descriptor stays the same while connections behind it come and go.
        self._selector = selectors.DefaultSelector()
        try:
            self._connect()
        except BaseException:
            self._selector.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._selector.fileno()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]

    def drain(self) -> list[Ring]:
        """Return what has been heard, in order, without waiting; connects again first where the line broke."""
        import psycopg  # noqa: PLC0415 - an extra, present where a PostgreSQL address is used

        if self._connection is None:
            self._connect()
            return [RESYNC]
        heard: list[Ring] = []
        line = self._connection.pgconn
        try:
            line.consume_input()
            while notification := line.notifies():
                topic, _, payload = notification.extra.decode().partition(":")
                heard.append(Ring(topic, payload))
        except psycopg.Error:
            self._drop()
            self._connect()
            heard.append(RESYNC)
        return heard

    def close(self) -> None:
        """Stop hearing."""
        self._drop()
        self._selector.close()

    def _connect(self) -> None:
        import psycopg  # noqa: PLC0415 - see drain

        try:
            connection = psycopg.connect(self._address, autocommit=True)
            try:
                connection.execute("LISTEN tradewind")
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise DatabaseUnavailableError(f"cannot listen for changes: {one_line(error)}") from error
        self._connection = connection
        self._selector.register(connection.fileno(), selectors.EVENT_READ)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            for key in list(self._selector.get_map().values()):
                self._selector.unregister(key.fileobj)
            connection.close()
