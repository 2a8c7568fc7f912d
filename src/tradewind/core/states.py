"""States of task instances and DAG runs, under the names Airflow's database and REST API use.

Who may move an instance from one to another stands in `tradewind.core.transitions` and nowhere else.
"""

from __future__ import annotations

from enum import Enum


class TaskInstanceState(str, Enum):
    """Where one task instance is in its life. `NONE` is what Airflow writes as SQL NULL."""

    NONE = "none"
    """Set when the run is created, cleared or rescued. Left when the trigger rule decides."""
    SCHEDULED = "scheduled"
    """Set by the scheduler when every upstream condition holds. Left when the limits give it a slot."""
    QUEUED = "queued"
    """Set by the scheduler with the slots taken, before the executor hears of it. Left by the worker's claim."""
    RUNNING = "running"
    """Set by the worker's claim. Left by the worker's outcome, or by the scheduler when the worker is lost."""
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"
    UP_FOR_RETRY = "up_for_retry"
    """Set when a try ended badly and another is allowed. Left when the retry delay is over."""
    UP_FOR_RESCHEDULE = "up_for_reschedule"
    """Set by a sensor in reschedule mode. Left when its next poke is due."""
    DEFERRED = "deferred"
    """Set when the task handed itself to a trigger. Left when the trigger fires or times out."""
    AWAITING_INPUT = "awaiting_input"
    """Set when a human has to answer. Left by the answer or its timeout."""
    RESTARTING = "restarting"
    """Set when a user clears a running instance. Left when its worker has gone."""
    REMOVED = "removed"
    """Set when the DAG version of the run no longer has the task. Left when a later version has it again."""

    def __str__(self) -> str:
        """Return the plain value, so that f-strings show what the database holds."""
        return self.value


class DagRunState(str, Enum):
    """Where one DAG run is in its life."""

    QUEUED = "queued"
    """Created; left when max_active_runs leaves room for it and its run-after date has come."""
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"

    def __str__(self) -> str:
        """Return the plain value, so that f-strings show what the database holds."""
        return self.value


class RunType(str, Enum):
    """Why a DAG run exists; also the prefix of a generated run_id."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    BACKFILL = "backfill"
    ASSET_TRIGGERED = "asset_triggered"
    ASSET_MATERIALIZATION = "asset_materialization"

    def __str__(self) -> str:
        """Return the plain value, so that f-strings show what the database holds."""
        return self.value


_T = TaskInstanceState

FINISHED = frozenset({_T.SUCCESS, _T.FAILED, _T.SKIPPED, _T.UPSTREAM_FAILED, _T.REMOVED})
"""Nothing but a user's clear or a new DAG version leaves these."""

WAITING = frozenset({_T.NONE, _T.UP_FOR_RETRY, _T.UP_FOR_RESCHEDULE})
"""The scheduler may schedule these once their conditions hold."""

PARKED = frozenset({_T.DEFERRED, _T.AWAITING_INPUT})
"""Something outside the scheduler and the workers has to happen first."""

HOLDING_SLOT = frozenset({_T.QUEUED, _T.RUNNING, _T.RESTARTING})
"""These count against pools, parallelism and every max_active limit."""

LIVE = frozenset(_T) - FINISHED

RUN_FINISHED = frozenset({DagRunState.SUCCESS, DagRunState.FAILED})
