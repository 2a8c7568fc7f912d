"""Plain data about assets, as pages, the API and the command line show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any


@dataclass(slots=True)
class AliasDetail:
    """One alias."""

    pk: int
    name: str
    group: str


@dataclass(slots=True)
class AssetUse:
    """A DAG that waits for an asset, or a task of it that makes or reads it."""

    dag_id: str
    role: str
    """schedule, outlet, inlet."""
    task_id: str
    created_at: datetime


@dataclass(slots=True)
class WatcherDetail:
    """A watcher of an asset: a trigger whose events are events of the asset."""

    name: str
    trigger_pk: int
    created_at: datetime


@dataclass(slots=True)
class AssetDetail:
    """One asset."""

    pk: int
    name: str
    uri: str
    group: str
    extra: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    last_event_pk: int | None = None
    last_event_at: datetime | None = None
    uses: list[AssetUse] = field(default_factory=list)
    aliases: list[AliasDetail] = field(default_factory=list)
    watchers: list[WatcherDetail] = field(default_factory=list)


@dataclass(slots=True)
class CreatedRun:
    """A run that consumed an event."""

    dag_id: str
    run_id: str
    state: str
    logical_date: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    partition_key: str | None
    newest_event_pk: int
    """The last event that the run consumed: the one that triggered it."""


@dataclass(slots=True)
class AssetEventDetail:
    """One event of an asset."""

    pk: int
    asset_pk: int
    name: str
    uri: str
    group: str
    extra: dict[str, Any]
    at: datetime
    source_dag_id: str | None
    source_task_id: str | None
    source_run_id: str | None
    source_map_index: int | None
    partition_key: str | None
    created_runs: list[CreatedRun] = field(default_factory=list)


@dataclass(slots=True)
class QueuedEvent:
    """Events of one asset that wait for a run of one DAG."""

    dag_id: str
    asset_pk: int
    created_at: datetime
