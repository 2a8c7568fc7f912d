"""Running the prepared statements on the driver's cursor, each database in the way it is fastest.

On PostgreSQL the writes of a batch travel together and are checked together: `settle` waits for their answers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from tradewind.metadata.batch import LeaseLostError
from tradewind.metadata.scheduling.statements import FENCE
from tradewind.metadata.tables.datetimes import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tradewind.metadata.database import Cursor
    from tradewind.metadata.doorbell.ring import Ring
    from tradewind.metadata.scheduling.statements import Statement

Row = tuple[Any, ...]


class StaleRowsError(Exception):
    """A guarded write met fewer rows than it was given: the transaction must be done again carefully."""


class Runner(Protocol):
    """Runs statements inside one transaction that is open already. `rows` are never empty."""

    unsent: list[Ring]
    """What is still to be rung once the transaction is committed."""

    def __enter__(self) -> Runner:  # noqa: PYI034 - typing.Self is newer than the oldest Python served
        """Begin."""
        ...

    def __exit__(self, *error: object) -> None:
        """End, without a word about the transaction."""
        ...

    def fence(self, epoch: int) -> None:
        """Have the batch refused with `LeaseLostError`, now or when it settles, unless `epoch` is the lease's."""
        ...

    def instant(self, value: datetime | None) -> Any:
        """Return `value` as a parameter."""
        ...

    def many(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Run a write for every row."""
        ...

    def guarded(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Run a write that has to meet one row of the table for every row; else `StaleRowsError`, now or later."""
        ...

    def one(self, statement: Statement, row: Row) -> Row | None:
        """Run a statement once and return the first row of its answer."""
        ...

    def all(self, statement: Statement, row: Row) -> list[Row]:
        """Run a statement once and return every row of its answer."""
        ...

    def execute(self, statement: Statement, row: Row) -> None:
        """Run a statement once that has no answer."""
        ...

    def listed(self, statement: Statement, pks: Iterable[int]) -> list[Row]:
        """Return the rows that a query finds for a list of numbers."""
        ...

    def ring(self, rings: Sequence[Ring]) -> None:
        """Let rings go out with the commit, or keep them as unsent."""
        ...

    def settle(self) -> None:
        """Raise what the checks of this batch have left to raise."""
        ...


class SqliteRunner:
    """SQLite: the driver loops over the rows, and every check is made at once."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._texts: dict[int, str] = {}
        self.unsent: list[Ring] = []

    def __enter__(self) -> Runner:
        """Begin."""
        return self

    def __exit__(self, *error: object) -> None:
        """End."""

    def fence(self, epoch: int) -> None:
        """Raise `LeaseLostError` unless `epoch` is the lease's."""
        self._cursor.execute(FENCE.sqlite, (epoch,))
        if self._cursor.fetchone() is None:
            raise _lease_lost(epoch)

    def instant(self, value: datetime | None) -> str | None:
        """Return `value` as text. A batch holds the same objects many times, and outlives this runner."""
        if value is None:
            return None
        text = self._texts.get(id(value))
        if text is None:
            text = self._texts[id(value)] = to_text(value)
        return text

    def many(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Run a write for every row."""
        self._cursor.executemany(statement.sqlite, rows)

    def guarded(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Run a write that has to meet one row of the table for every row."""
        self._cursor.executemany(statement.sqlite, rows)
        if self._cursor.rowcount != len(rows):
            raise StaleRowsError

    def one(self, statement: Statement, row: Row) -> Row | None:
        """Run a statement once and return the first row of its answer."""
        self._cursor.execute(statement.sqlite, row)
        return self._cursor.fetchone()

    def all(self, statement: Statement, row: Row) -> list[Row]:
        """Run a statement once and return every row of its answer."""
        self._cursor.execute(statement.sqlite, row)
        return self._cursor.fetchall()

    def execute(self, statement: Statement, row: Row) -> None:
        """Run a statement once that has no answer."""
        self._cursor.execute(statement.sqlite, row)

    def listed(self, statement: Statement, pks: Iterable[int]) -> list[Row]:
        """Return the rows that a query finds for a list of numbers."""
        self._cursor.execute(statement.sqlite, (json.dumps(list(pks)),))
        return self._cursor.fetchall()

    def ring(self, rings: Sequence[Ring]) -> None:
        """Keep rings until the commit."""
        self.unsent += rings

    def settle(self) -> None:
        """Do nothing: every check has been made."""


class PostgresRunner:
    """PostgreSQL: one statement takes all rows, each column an array; statements are sent without waiting."""

    def __init__(self, cursor: Cursor) -> None:
        self._connection = cursor.connection
        self._opening = self._connection.pipeline()
        self._pipeline: Any = None
        self._fences: list[tuple[Cursor, int]] = []
        self._guards: list[tuple[Cursor, int]] = []
        self.unsent: list[Ring] = []

    def __enter__(self) -> Runner:
        """Begin to send without waiting."""
        self._pipeline = self._opening.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Wait for all answers."""
        self._opening.__exit__(*error)

    def fence(self, epoch: int) -> None:
        """Have `settle` raise `LeaseLostError` unless `epoch` is the lease's."""
        self._fences.append((self._execute(FENCE.postgres, (epoch,)), epoch))

    def instant(self, value: datetime | None) -> datetime | None:
        """Return `value` as it is: the driver knows dates."""
        return value

    def many(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Run a write for every row."""
        self._execute(statement.postgres, [list(column) for column in zip(*rows, strict=True)])

    def guarded(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Run a write that has to meet one row of the table for every row; `settle` looks whether it has."""
        cursor = self._execute(statement.postgres, [list(column) for column in zip(*rows, strict=True)])
        self._guards.append((cursor, len(rows)))

    def one(self, statement: Statement, row: Row) -> Row | None:
        """Run a statement once and return the first row of its answer."""
        return self._execute(statement.postgres, row).fetchone()

    def all(self, statement: Statement, row: Row) -> list[Row]:
        """Run a statement once and return every row of its answer."""
        return self._execute(statement.postgres, row).fetchall()

    def execute(self, statement: Statement, row: Row) -> None:
        """Run a statement once that has no answer."""
        self._execute(statement.postgres, row)

    def listed(self, statement: Statement, pks: Iterable[int]) -> list[Row]:
        """Return the rows that a query finds for a list of numbers."""
        return self._execute(statement.postgres, (list(pks),)).fetchall()

    def ring(self, rings: Sequence[Ring]) -> None:
        """Let rings go out with the commit."""
        for ring in rings:
            self._execute("SELECT pg_notify('tradewind', %s)", (f"{ring.topic}:{ring.payload}",))

    def settle(self) -> None:
        """Wait for the answers and raise what is wrong, the lost lease first."""
        self._pipeline.sync()
        for cursor, epoch in self._fences:
            if cursor.fetchone() is None:
                raise _lease_lost(epoch)
        if any(cursor.rowcount != expected for cursor, expected in self._guards):
            raise StaleRowsError

    def _execute(self, statement: str, parameters: Sequence[Any]) -> Cursor:
        cursor = self._connection.cursor()
        cursor.execute(statement, parameters)
        return cursor


def _lease_lost(epoch: int) -> LeaseLostError:
    return LeaseLostError(f"another scheduler has taken over: epoch {epoch} is over")
