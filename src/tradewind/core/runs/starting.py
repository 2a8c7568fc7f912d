"""Which queued runs start now, and when a DAG is paused because its runs keep failing.

The runs of a DAG share one room. Those of a backfill have a room of their own, as in Airflow: its own max_active_runs,
its own runs, and paused as soon as the DAG or the backfill is.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tradewind.core.limits.blockers import Blocker, BlockerKind, dag_paused, full_limit
from tradewind.core.states import DagRunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tradewind.core.ids import DagRunPk


class QueuedRun(NamedTuple):
    """A run that waits to start."""

    run_pk: DagRunPk
    run_after: datetime
    logical_date: datetime | None = None
    backfill_ordinal: int | None = None
    """Its place in its backfill, which may run backwards in time."""


class RunRoom(NamedTuple):
    """What bounds the runs of one DAG, or of one backfill of it."""

    dag_id: str
    max_active_runs: int
    active: Sequence[DagRunPk] = ()
    """The runs that are running."""
    is_paused: bool = False
    backfill_pk: int | None = None
    """The backfill whose room it is; None: the DAG's own."""
    is_backfill_paused: bool = False


def startable_runs(queued: Iterable[QueuedRun], room: RunRoom, now: datetime) -> list[QueuedRun]:
    """Give the runs that start now, in their order: by date, and in a backfill by their place in it."""
    free = room.max_active_runs - len(room.active)
    if room.is_paused or room.is_backfill_paused or free <= 0:
        return []
    return sorted((run for run in queued if run.run_after <= now), key=start_order)[:free]


def next_start_at(queued: Iterable[QueuedRun], now: datetime) -> datetime | None:
    """Give the next moment at which a run's date is reached, None when none lies ahead."""
    return min((run.run_after for run in queued if run.run_after > now), default=None)


def run_blockers(run: QueuedRun, room: RunRoom, now: datetime) -> list[Blocker]:
    """Say what keeps a queued run from starting; nothing of one that only waits for its turn in `startable_runs`."""
    found: list[Blocker] = []
    if room.is_paused:
        found.append(dag_paused(room.dag_id))
    if room.backfill_pk is not None and room.is_backfill_paused:
        text = f"Backfill {room.backfill_pk} is paused."
        found.append(Blocker(BlockerKind.BACKFILL_PAUSED, str(room.backfill_pk), text))
    if run.run_after > now:
        text = f"The run starts after {run.run_after.isoformat()}."
        found.append(Blocker(BlockerKind.DATE, run.run_after.isoformat(), text))
    used = len(room.active)
    if used >= room.max_active_runs:
        total, holders = room.max_active_runs, tuple(room.active)
        kind = BlockerKind.MAX_ACTIVE_RUNS
        found.append(full_limit(kind, room.dag_id, used=used, total=total, wanted=1, holders=holders))
    return found


def should_pause(latest_first: Iterable[DagRunState], max_consecutive_failed_dag_runs: int) -> bool:
    """Say whether the DAG is to be paused after a run failed: all of the last so many runs have, the failed one included.

    `latest_first` are the states of the DAG's runs, the one with the latest run-after date first. 0 means never.
    """
    last = list(islice(latest_first, max(0, max_consecutive_failed_dag_runs)))
    return 0 < max_consecutive_failed_dag_runs == len(last) and all(state is DagRunState.FAILED for state in last)


def start_order(run: QueuedRun) -> tuple[int, datetime, int]:
    """Give the place of a queued run in the line of its room: the smallest starts first."""
    return (run.backfill_ordinal or 0, run.logical_date or run.run_after, run.run_pk)
