"""The runs that wait to start, each room's in a line of its own, so that a run's end costs no look at all of them."""

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

Room = tuple[str, int | None]
"""A DAG, and the backfill whose runs they are: those of a backfill start in a line of their own."""


class _Line:
    """The queued runs of one room: those whose date has come in the order in which they start, the others by date."""

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
        self._lines: dict[Room, _Line] = {}

    def __contains__(self, run_pk: object) -> bool:
        return run_pk in self._rows

    def put(self, run: RunRow) -> None:
        """Line a run up; one that stands here already stands as it says now."""
        self.newest_pk = max(self.newest_pk, run.run_pk)
        before = self._rows.get(run.run_pk)
        self._rows[run.run_pk] = run
        if before is not None and room_of(before) != room_of(run):
            self._leave(before)
        queued = QueuedRun(run.run_pk, run.run_after, run.logical_date, run.backfill_ordinal)
        self._lines.setdefault(room_of(run), _Line()).put(queued)

    def drop(self, run_pk: DagRunPk) -> RunRow | None:
        """Let a run leave; returns its row if it was here."""
        row = self._rows.pop(run_pk, None)
        if row is not None:
            self._leave(row)
        return row

    def keep_only(self, run_pks: Iterable[DagRunPk]) -> None:
        """Let all other runs leave."""
        for run_pk in self._rows.keys() - set(run_pks):
            self.drop(run_pk)

    def take(self, room: RunRoom, now: datetime) -> list[RunRow]:
        """Take out the runs of the room that start now, in their order."""
        name = (room.dag_id, room.backfill_pk)
        line = self._lines.get(name)
        if line is None:
            return []
        rows = [self._rows.pop(run.run_pk) for run in line.take(room, now)]
        self._sweep(name)
        return rows

    def backfills_of(self, dag_id: str) -> list[int]:
        """Return the backfills of the DAG whose runs wait."""
        return [pk for name, pk in self._lines if name == dag_id and pk is not None]

    def next_start_at(self, room: Room, now: datetime) -> datetime | None:
        """Return the next moment at which the date of a run of the room is reached, None when none lies ahead."""
        line = self._lines.get(room)
        return None if line is None else line.next_start_at(now)

    def count(self, room: Room) -> int:
        """Return how many runs of the room wait."""
        line = self._lines.get(room)
        return 0 if line is None else len(line.runs)

    def _leave(self, row: RunRow) -> None:
        del self._lines[room_of(row)].runs[row.run_pk]
        self._sweep(room_of(row))

    def _sweep(self, room: Room) -> None:
        if not self._lines[room].runs:
            del self._lines[room]


def room_of(run: RunRow) -> Room:
    """Return the room that a run starts in."""
    return (run.dag_id, run.backfill_pk)
