"""Plain data about runs, as pages, the API and the command line show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.core.ids import run_pk_of

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from tradewind.core.ids import DagRunPk, TaskInstancePk
    from tradewind.core.states import DagRunState, RunType, TaskInstanceState


@dataclass(slots=True)
class RunDetail:
    """One DAG run, finished or not."""

    run_pk: DagRunPk
    dag_id: str
    run_id: str
    run_type: RunType
    state: DagRunState
    run_after: datetime
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    conf: dict[str, Any]
    dag_version_pk: int | None
    clear_number: int
    triggered_by: str
    triggering_user_name: str | None
    note: str | None
    version: int
    backfill_pk: int | None
    backfill_ordinal: int | None
    bundle_version: str | None
    """The version of its bundle that it is pinned to."""
    partition_key: str | None = None
    partition_date: datetime | None = None


@dataclass(slots=True)
class TaskInstanceDetail:
    """One task instance, as it is now, with the names of its run."""

    ti_pk: TaskInstancePk
    dag_id: str
    run_id: str
    logical_date: datetime | None
    run_after: datetime
    task_id: str
    map_index: int
    state: TaskInstanceState
    version: int
    try_number: int
    max_tries: int
    operator: str
    pool: str
    pool_slots: int
    queue: str
    priority_weight: int
    scheduled_at: datetime | None
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    pid: int | None
    hostname: str | None
    note: str | None
    dag_version_pk: int | None
    map_length: int | None
    rendered_map_index: str | None
    user_note: str | None

    @property
    def run_pk(self) -> DagRunPk:
        """The number of its run."""
        return run_pk_of(self.ti_pk)


@dataclass(slots=True)
class TryDetail:
    """One try of a task instance; the last one is the instance as it is now."""

    try_number: int
    state: TaskInstanceState
    max_tries: int
    operator: str
    pool: str
    pool_slots: int
    queue: str
    priority_weight: int
    scheduled_at: datetime | None
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    pid: int | None
    hostname: str | None
    note: str | None
    dag_version_pk: int | None
    rendered_map_index: str | None


@dataclass(slots=True)
class EventDetail:
    """One step in the life of a task instance."""

    version: int
    event: str
    try_number: int
    at: datetime


@dataclass(slots=True)
class Cleared:
    """What a clear or a mark changed, or with a dry run would change."""

    task_instances: list[TaskInstanceDetail]
    """As they were before."""
    reopened_run_ids: list[str]
