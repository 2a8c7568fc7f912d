"""The store that the scheduler's loop is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.metadata.database import MAX_CONFLICTS
from tradewind.metadata.encryption import PLAIN
from tradewind.metadata.errors import ConflictError
from tradewind.metadata.scheduling.asset_loading import AssetLoading
from tradewind.metadata.scheduling.deferring import Deferring
from tradewind.metadata.scheduling.following import Following
from tradewind.metadata.scheduling.leasing import Leasing
from tradewind.metadata.scheduling.loading import Loading
from tradewind.metadata.scheduling.runner import PostgresRunner, SqliteRunner, StaleRowsError
from tradewind.metadata.scheduling.writer import BatchWriter

if TYPE_CHECKING:
    from tradewind.core.clock import Clock
    from tradewind.metadata.batch import Batch, CommitResult
    from tradewind.metadata.database import Database
    from tradewind.metadata.encryption import Cipher


class SchedulerStore(Leasing, Loading, Following, Deferring, AssetLoading):
    """What the scheduler loads and writes.

    Every method may raise `DatabaseUnavailableError`; the call can then be repeated. Where the answer to a commit was
    lost, what it wrote is stale when it is repeated.
    """

    def __init__(self, database: Database, clock: Clock, cipher: Cipher = PLAIN) -> None:
        """`cipher` hides the arguments of triggers, and of the methods that deferred tasks go on in."""
        Leasing.__init__(self, database)
        Loading.__init__(self, database)
        Following.__init__(self, database)
        Deferring.__init__(self, database, cipher)
        self._clock = clock
        self._cipher = cipher
        self._runner = PostgresRunner if database.is_postgres else SqliteRunner

    def commit(self, batch: Batch, *, epoch: int) -> CommitResult:
        """Write the batch in one transaction; return which rows were stale and left out, and what was made.

        A batch holds at most one transition for each task instance. In this order: run starts, new task instances,
        transitions with their events, XComs, deferrals, events of assets, run ends, new runs, schedules, callbacks,
        pauses; so a batch may start a run and move its instances. What belongs to a stale row (XComs, callbacks) is left
        out with it.

        Raises `LeaseLostError` when the epoch is over; then nothing was written.
        """
        conflicts = 0
        is_careful = False
        while True:
            try:
                with self._database.write_cursor() as cursor, self._runner(cursor) as run:
                    writer = BatchWriter(run, self._clock.now(), is_careful=is_careful, cipher=self._cipher)
                    result = writer.write(batch, epoch)
            except StaleRowsError:
                if is_careful:
                    raise
                is_careful = True
            except ConflictError:
                conflicts += 1
                if conflicts > MAX_CONFLICTS:
                    raise
            else:
                if run.unsent:
                    self._database.send(run.unsent)
                return result
