"""The runs that wait to start, each DAG's in a line of its own, so that a run's end costs no look at all of them."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from tradewind.core.runs import QueuedRun, start_order, startable_runs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tradewind.core.ids import DagRunPk
    from tradewind.core.runs import RunRoom
    from tradewind.metadata.batch import RunRow


class _Line:
    """The queued runs of one DAG: those whose date has come in the order in which they start, the others by date."""

    __slots__ = ("due", "later", "runs")

    def __init__(self) -> None:
        self.runs: dict[DagRunPk, QueuedRun] = {}
        # Entries of runs that have left, or stand elsewhere now, are dropped when they come first.
        self.due: list[tuple[tuple[int, datetime, int], QueuedRun]] = []
        self.later: list[tuple[datetime, DagRunPk, QueuedRun]] = []

    def put(self, run: QueuedRun) -> None:
        if self.runs.get(run.run_pk) != run:
            self.runs[run.run_pk] = run
            heappush(self.later, (run.run_after, run.run_pk, run))

    def advance(self, now: datetime) -> None:
        while self.later and self.later[0][0] <= now:
            run = heappop(self.later)[2]
            if self._stands(run):
                heappush(self.due, (start_order(run), run))

    def take(self, room: RunRoom, now: datetime) -> list[QueuedRun]:
        self.advance(now)
        first: dict[DagRunPk, QueuedRun] = {}
        free = room.max_active_runs - len(room.active)
        while self.due and len(first) < free:
            run = heappop(self.due)[1]
            if self._stands(run):
                first[run.run_pk] = run
        chosen = startable_runs(first.values(), room, now)
        for run in chosen:
            del self.runs[run.run_pk], first[run.run_pk]
        for run in first.values():
            heappush(self.due, (start_order(run), run))
        return chosen

    def next_start_at(self, now: datetime) -> datetime | None:
        self.advance(now)
        while self.later and not self._stands(self.later[0][2]):
            heappop(self.later)
        return self.later[0][0] if self.later else None

    def _stands(self, run: QueuedRun) -> bool:
        return self.runs.get(run.run_pk) is run


class RunQueue:
    """All queued runs."""

    def __init__(self) -> None:
        """Start with none."""
        self.newest_pk = 0
        """The highest number that was ever put in."""
        self._rows: dict[DagRunPk, RunRow] = {}
        self._lines: dict[str, _Line] = {}

    def __contains__(self, run_pk: object) -> bool:
        return run_pk in self._rows

    def put(self, run: RunRow) -> None:
        """Line a run up; one that stands here already stands as it says now."""
        self.newest_pk = max(self.newest_pk, run.run_pk)
        self._rows[run.run_pk] = run
        self._lines.setdefault(run.dag_id, _Line()).put(QueuedRun(run.run_pk, run.run_after, run.logical_date))

    def drop(self, run_pk: DagRunPk) -> RunRow | None:
        """Let a run leave; returns its row if it was here."""
        row = self._rows.pop(run_pk, None)
        if row is not None:
            del self._lines[row.dag_id].runs[run_pk]
            self._sweep(row.dag_id)
        return row

    def keep_only(self, run_pks: Iterable[DagRunPk]) -> None:
        """Let all other runs leave."""
        for run_pk in self._rows.keys() - set(run_pks):
            self.drop(run_pk)

    def take(self, room: RunRoom, now: datetime) -> list[RunRow]:
        """Take out the runs of the room's DAG that start now, in their order."""
        line = self._lines.get(room.dag_id)
        if line is None:
            return []
        rows = [self._rows.pop(run.run_pk) for run in line.take(room, now)]
        self._sweep(room.dag_id)
        return rows

    def next_start_at(self, dag_id: str, now: datetime) -> datetime | None:
        """Return the next moment at which the date of a run of the DAG is reached, None when none lies ahead."""
        line = self._lines.get(dag_id)
        return None if line is None else line.next_start_at(now)

    def count(self, dag_id: str) -> int:
        """Return how many runs of the DAG wait."""
        line = self._lines.get(dag_id)
        return 0 if line is None else len(line.runs)

    def _sweep(self, dag_id: str) -> None:
        if not self._lines[dag_id].runs:
            del self._lines[dag_id]
