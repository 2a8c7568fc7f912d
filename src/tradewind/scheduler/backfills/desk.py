"""Backfills under way: laid out piece by piece, and given runs a few ahead of those that can start.

Nothing of a backfill is in memory but its row: its places are in the database, and so are its runs until their turn is
near. A year of hourly runs therefore costs no more memory than a day of them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tradewind.core.runs import RunRoom
from tradewind.scheduler.backfills.layout import Layout
from tradewind.scheduler.run_queue import RunQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.metadata.backfills import Backfill, BackfillStore
    from tradewind.metadata.batch import RunRow
    from tradewind.scheduler.dags import DagState
    from tradewind.scheduler.reactor import SelectorReactor
    from tradewind.scheduler.run_book import RunBook
    from tradewind.serialization.messages import ComputeNextRun

_log = logging.getLogger(__name__)

FEWEST_AHEAD = 8
MOST_AHEAD = 200
"""Runs that wait to start are kept between these, as many as may run at once where that lies between."""


class BackfillDesk:
    """All backfills that are not over, of each DAG at most one."""

    def __init__(
        self,
        store: BackfillStore,
        dags: dict[str, DagState],
        book: RunBook,
        reactor: SelectorReactor,
        ask: Callable[[ComputeNextRun], None],
    ) -> None:
        """Use `ask` to have an author's timetable compute in a worker."""
        self.queue = RunQueue()
        """Every queued run, those of backfills in lines of their own."""
        self.epoch = 0
        """Of the lease under which it writes."""
        self.on_progress: Callable[[str], None] = _nothing
        """Called with a dag_id when there may be runs to take."""
        self._store = store
        self._dags = dags
        self._book = book
        self._reactor = reactor
        self.layout = Layout(store, self, reactor, ask)
        self._active: dict[str, Backfill] = {}
        self._over: dict[int, Backfill | None] = {}
        """Those that are over or gone whose runs were started again, as far as they were asked for."""

    # ---- what there is -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read every backfill that is not over."""
        self._active = {found.dag_id: found for found in self._store.load_backfills()}

    def go_on(self) -> None:
        """Lay out and take what can be, of every backfill."""
        for dag_id in list(self._active):
            self.look(dag_id)

    def refresh(self, pk: int) -> str | None:
        """Somebody changed a backfill: read it again. Returns its DAG, None when there is no such backfill."""
        self._over.pop(pk, None)
        found = next(iter(self._store.load_backfills([pk])), None)
        if found is None:
            return None
        if found.completed_at is None:
            self._active[found.dag_id] = found
        elif (known := self._active.get(found.dag_id)) is not None and known.pk == pk:
            del self._active[found.dag_id]
        return found.dag_id

    def room(self, dag: DagState, pk: int) -> RunRoom:
        """Return what bounds the runs of a backfill. One that is over bounds those that a user clears, too."""
        found = self._active.get(dag.dag_id)
        if found is None or found.pk != pk:
            if pk not in self._over:
                self._over[pk] = next(iter(self._store.load_backfills([pk])), None)
            found = self._over[pk]
        return RunRoom(
            dag.dag_id,
            found.max_active_runs if found is not None else dag.document.max_active_runs,
            tuple(self._book.by_room.get((dag.dag_id, pk), ())),
            backfill_pk=pk,
            is_backfill_paused=found is not None and found.completed_at is None and found.is_paused,
        )

    # ---- taking --------------------------------------------------------------------------------------------------------

    def look(self, dag_id: str) -> None:
        """Go on with the DAG's backfill, if it has one."""
        found = self._active.get(dag_id)
        if found is not None:
            self.layout.go_on(found.pk)
            self.on_progress(dag_id)

    def take(self, dag_id: str) -> list[RunRow]:
        """Return runs of the DAG's backfill to line up now, where few are waiting; note the end of one that is done."""
        found, dag = self._active.get(dag_id), self._dags.get(dag_id)
        if found is None or dag is None or dag.is_frozen:
            return []
        runs: list[RunRow] = []
        room = (dag_id, found.pk)
        waiting = self.queue.count(room)
        ahead = min(max(found.max_active_runs, FEWEST_AHEAD), MOST_AHEAD)
        if found.may_take and not found.is_paused and waiting * 2 < ahead:
            taken = self._store.take_places(found.pk, ahead - waiting, epoch=self.epoch)
            if taken.backfill is None:
                self._active.pop(dag_id, None)
                return []
            found, runs = taken.backfill, taken.runs
            self._active[dag_id] = found
            if not runs and found.may_take and not found.is_paused:
                # Every date had a run that stays: go on with the next ones, other work between.
                self._reactor.call_after(0.0, lambda: self.on_progress(dag_id))
        if found.has_no_more_places and not (runs or waiting or self._book.by_room.get(room)):
            self.end(found)
        return runs

    def end(self, found: Backfill, error: str | None = None) -> None:
        """Note that a backfill is over, with what ended it before its end."""
        self._active.pop(found.dag_id, None)
        self._store.complete_backfill(found.pk, epoch=self.epoch, error=error)
        if error is None:
            _log.info("backfill %d of DAG %s is complete", found.pk, found.dag_id)
        else:
            _log.error("backfill %d of DAG %s ends: %s", found.pk, found.dag_id, error)

    # ---- laying out ----------------------------------------------------------------------------------------------------

    def find(self, pk: int) -> tuple[Backfill, DagState] | None:
        """Return a backfill that is not laid out and whose DAG is there; None when there is nothing to do."""
        found = next((found for found in self._active.values() if found.pk == pk and not found.is_laid_out), None)
        dag = None if found is None else self._dags.get(found.dag_id)
        return None if found is None or dag is None or not dag.is_present else (found, dag)

    def take_written(self, before: Backfill, written: Backfill | None) -> None:
        """A piece is written: this is the backfill now; None: it is over or gone."""
        if written is None:
            self._active.pop(before.dag_id, None)
            return
        self._active[written.dag_id] = written
        if written.is_laid_out and not written.size:
            self.end(written, "its timetable gives no run for these dates")
        else:
            self._reactor.call_after(0.0, lambda: self.on_progress(written.dag_id))


def _nothing(dag_id: str) -> None:
    """Nobody wants to know."""
    del dag_id
