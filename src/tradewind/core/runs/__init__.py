"""DAG runs: when the next one is due and what it is called, and which of those that are queued may start."""

from __future__ import annotations

from tradewind.core.runs.creation import (
    NoProgressError,
    has_room_for_new_run,
    make_run_id,
    next_run,
    require_progress,
    run_type_of,
)
from tradewind.core.runs.starting import (
    QueuedRun,
    RunRoom,
    next_start_at,
    run_blockers,
    should_pause,
    start_order,
    startable_runs,
)

__all__ = [
    "NoProgressError",
    "QueuedRun",
    "RunRoom",
    "has_room_for_new_run",
    "make_run_id",
    "next_run",
    "next_start_at",
    "require_progress",
    "run_blockers",
    "run_type_of",
    "should_pause",
    "start_order",
    "startable_runs",
]
