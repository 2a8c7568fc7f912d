"""Running prepared statements on the driver's cursor, each database in the way it is fastest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from tradewind.metadata.tables.datetimes import to_text_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tradewind.metadata.database import Cursor
    from tradewind.metadata.scheduling.statements import Statement

Row = tuple[Any, ...]


class Runner(Protocol):
    """Runs statements inside one transaction."""

    def instant(self, value: datetime | None) -> Any:
        """Return `value` as a parameter."""
        ...

    def many(self, statement: Statement, rows: Sequence[Row]) -> int:
        """Run a write for every row, of which there is at least one; return how many rows of the table it met."""
        ...

    def one(self, statement: Statement, row: Row) -> Row | None:
        """Run a statement once and return the first row of its answer."""
        ...

    def listed(self, statement: Statement, pks: Iterable[int]) -> list[Row]:
        """Return the rows that a query finds for a list of numbers."""
        ...


class SqliteRunner:
    """SQLite: the driver loops over the rows."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self.instant = to_text_or_none

    def many(self, statement: Statement, rows: Sequence[Row]) -> int:
        """Run a write for every row; return how many rows of the table it met."""
        self._cursor.executemany(statement.sqlite, rows)
        return self._cursor.rowcount

    def one(self, statement: Statement, row: Row) -> Row | None:
        """Run a statement once and return the first row of its answer."""
        self._cursor.execute(statement.sqlite, row)
        return self._cursor.fetchone()

    def listed(self, statement: Statement, pks: Iterable[int]) -> list[Row]:
        """Return the rows that a query finds for a list of numbers."""
        self._cursor.execute(statement.sqlite, (json.dumps(list(pks)),))
        return self._cursor.fetchall()


class PostgresRunner:
    """PostgreSQL: one statement takes all rows, each column an array."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def instant(self, value: datetime | None) -> datetime | None:
        """Return `value` as it is: the driver knows dates."""
        return value

    def many(self, statement: Statement, rows: Sequence[Row]) -> int:
        """Run a write for every row; return how many rows of the table it met."""
        self._cursor.execute(statement.postgres, [list(column) for column in zip(*rows, strict=True)])
        return self._cursor.rowcount

    def one(self, statement: Statement, row: Row) -> Row | None:
        """Run a statement once and return the first row of its answer."""
        self._cursor.execute(statement.postgres, row)
        return self._cursor.fetchone()

    def listed(self, statement: Statement, pks: Iterable[int]) -> list[Row]:
        """Return the rows that a query finds for a list of numbers."""
        self._cursor.execute(statement.postgres, (list(pks),))
        return self._cursor.fetchall()
