"""Laying out: which runs a backfill has, written piece by piece."""

from __future__ import annotations

import logging
from itertools import count, islice
from typing import TYPE_CHECKING, Protocol

from tradewind.core.runs import require_progress
from tradewind.core.runs.backfill import runs_between
from tradewind.core.timetables.codec import NeedsAuthorCode
from tradewind.core.timetables.protocol import DagRunInfo, DataInterval, TimetableError
from tradewind.metadata.backfills import Place
from tradewind.serialization.messages import ComputeNextRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.metadata.backfills import Backfill, BackfillStore
    from tradewind.scheduler.dags import DagState
    from tradewind.scheduler.reactor import SelectorReactor
    from tradewind.serialization.messages import NextRunComputed

_log = logging.getLogger(__name__)

PIECE = 200
"""So many places are written at once; other work comes between two pieces."""
ASK_AGAIN_S = 60.0
MAX_QUESTIONS = 3
"""So often an author's timetable that fails is asked for a piece; then the backfill ends with what it said."""


class Owner(Protocol):
    """Who keeps the backfills that are laid out."""

    epoch: int

    def find(self, pk: int) -> tuple[Backfill, DagState] | None:
        """Return a backfill that is not laid out and whose DAG is there; None when there is nothing to do."""
        ...

    def take_written(self, before: Backfill, written: Backfill | None) -> None:
        """A piece is written: this is the backfill now; None: it is over or gone."""
        ...

    def end(self, found: Backfill, error: str) -> None:
        """The backfill cannot go on."""
        ...


class Layout:
    """Writes the places of backfills, in the order of their dates."""

    def __init__(
        self, store: BackfillStore, owner: Owner, reactor: SelectorReactor, ask: Callable[[ComputeNextRun], None]
    ) -> None:
        """Use `ask` to have an author's timetable compute in a worker."""
        self.request_ids = count(1)
        """The numbers of questions to timetables of authors: also of those that are not about a backfill."""
        self._store = store
        self._owner = owner
        self._reactor = reactor
        self._ask = ask
        self._asked: dict[int, int] = {}
        self._failures: dict[int, int] = {}

    def go_on(self, pk: int) -> None:
        """Write the next piece of a backfill, or ask for it."""
        known = self._owner.find(pk)
        if known is None or pk in self._asked.values():
            return
        found, dag = known
        last = self._store.load_last_place(pk)
        infos = runs_between(
            dag.timetable,
            from_date=found.from_date,
            to_date=found.to_date,
            now=found.created_at,
            last_interval=_interval_of(last),
        )
        try:
            piece = list(islice(infos, PIECE))
        except NeedsAuthorCode:
            self._ask_author(found, dag, last)
        except TimetableError as error:
            self._owner.end(found, str(error))
        else:
            self._write(found, piece)

    def take_computed(self, answer: NextRunComputed) -> bool:
        """Take in what a worker computed; False when it was not asked for here."""
        pk = self._asked.pop(answer.request_id, None)
        if pk is None:
            return False
        known = self._owner.find(pk)
        if known is None:
            return True
        found, dag = known
        error = answer.error
        infos: list[DagRunInfo] = []
        try:
            infos = _infos_of(answer, dag, found)
        except TimetableError as wrong:
            error = str(wrong)
        if error is None:
            self._write(found, infos)
        else:
            self._note_failure(found, error)
        return True

    def _write(self, found: Backfill, infos: list[DagRunInfo]) -> None:
        """Write places; fewer than a piece are the last."""
        is_last = len(infos) < PIECE
        places = [_place_of(info) for info in infos]
        written = self._store.lay_out(found.pk, places, size=found.size, is_last=is_last, epoch=self._owner.epoch)
        self._owner.take_written(found, written)
        if written is not None and not written.is_laid_out:
            self._reactor.call_after(0.0, lambda: self.go_on(found.pk))

    def _ask_author(self, found: Backfill, dag: DagState, last: Place | None) -> None:
        request_id = next(self.request_ids)
        self._asked[request_id] = found.pk
        self._ask(
            ComputeNextRun(
                request_id=request_id,
                dag_file=dag.file,
                dag_id=dag.dag_id,
                last_interval_start=last.data_interval_start if last else None,
                last_interval_end=last.data_interval_end if last else None,
                earliest=found.from_date,
                latest=found.to_date,
                catchup=True,
                now=found.created_at,
                count=PIECE,
            ),
        )

    def _note_failure(self, found: Backfill, error: str) -> None:
        """Ask again later: the worker may have been stopped, or what the timetable looks at may be away for a while."""
        failures = self._failures[found.pk] = self._failures.get(found.pk, 0) + 1
        if failures >= MAX_QUESTIONS:
            self._owner.end(found, f"its timetable failed: {error}")
            return
        _log.error(
            "backfill %d of DAG %s: its timetable failed, asking again in %g s: %s",
            found.pk,
            found.dag_id,
            ASK_AGAIN_S,
            error,
        )
        self._reactor.call_after(ASK_AGAIN_S, lambda: self.go_on(found.pk))


def _infos_of(answer: NextRunComputed, dag: DagState, found: Backfill) -> list[DagRunInfo]:
    """Return the runs of an answer up to the first whose data interval was not over when the backfill was created.

    Raises `TimetableError` for a run without data interval, and where the timetable stands still.
    """
    if answer.error is not None:
        return []
    infos: list[DagRunInfo] = []
    dates = [(answer.run_after, answer.interval_start, answer.interval_end)]
    dates += [(each.run_after, each.interval_start, each.interval_end) for each in answer.following]
    for run_after, start, end in dates:
        if run_after is None:
            break
        if start is None or end is None:
            raise TimetableError(f"timetable {dag.timetable.summary!r} gave a run without a data interval")
        info = DagRunInfo(run_after, DataInterval(start, end))
        before = infos[-1] if infos else None
        require_progress(
            dag.timetable,
            info,
            last_interval=before.data_interval if before else None,
            last_run_after=before.run_after if before else None,
        )
        if end >= found.created_at:
            break
        infos.append(info)
    return infos


def _interval_of(place: Place | None) -> DataInterval | None:
    if place is None or place.data_interval_start is None or place.data_interval_end is None:
        return None
    return DataInterval(place.data_interval_start, place.data_interval_end)


def _place_of(info: DagRunInfo) -> Place:
    interval = info.data_interval
    return Place(
        run_after=info.run_after,
        data_interval_start=interval.start if interval is not None else None,
        data_interval_end=interval.end if interval is not None else None,
        logical_date=info.logical_date,
    )
