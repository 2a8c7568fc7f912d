"""The store that the scheduler's loop is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.metadata.errors import ConflictError
from tradewind.metadata.scheduling.leasing import Leasing
from tradewind.metadata.scheduling.loading import Loading
from tradewind.metadata.scheduling.runner import PostgresRunner, SqliteRunner
from tradewind.metadata.scheduling.writer import BatchWriter, StaleRowsError

if TYPE_CHECKING:
    from tradewind.core.clock import Clock
    from tradewind.metadata.batch import Batch, CommitResult
    from tradewind.metadata.database import Database

MAX_CONFLICTS = 5
"""How often a batch is written again after PostgreSQL ended it in favour of another transaction."""


class SchedulerStore(Leasing, Loading):
    """What the scheduler loads and writes. `clock` gives the wall time; every method may raise
    `DatabaseUnavailableError`, after which nothing of the call was written and it can be repeated.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        Leasing.__init__(self, database)
        Loading.__init__(self, database)
        self._clock = clock
        self._runner = PostgresRunner if database.is_postgres else SqliteRunner

    def commit(self, batch: Batch, *, epoch: int) -> CommitResult:
        """Write the batch in one transaction; return which rows were stale and left out, and what was made.

        A batch holds at most one transition for each task instance. In this order: run starts, new task instances,
        transitions with their events, XComs, run ends, new runs, schedules, callbacks; so a batch may start a run and
        move its instances. What belongs to a stale row (XComs, callbacks) is left out with it.

        Raises `LeaseLostError` when the epoch is over; then nothing was written.
        """
        conflicts = 0
        is_careful = False
        while True:
            try:
                with self._database.write_cursor() as cursor:
                    writer = BatchWriter(self._runner(cursor), self._clock.now(), is_careful=is_careful)
                    return writer.write(batch, epoch)
            except StaleRowsError:
                is_careful = True
            except ConflictError:
                conflicts += 1
                if conflicts > MAX_CONFLICTS:
                    raise
