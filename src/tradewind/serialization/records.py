"""Plain records that cross the worker store: from the database to a task, as data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class ConnectionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One connection, decrypted."""

    conn_id: str
    conn_type: str = ""
    description: str | None = None
    host: str | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = None
    port: int | None = None
    extra: str | None = None


class XComRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stored XCom; `value` is JSON."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    key: str
    value: bytes
    logical_date: datetime | None = None
    created_at: datetime | None = None


class DagRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One DAG in outline, as tasks of other DAGs may see it."""

    dag_id: str
    is_paused: bool = False
    task_ids: list[str] = []
    task_groups: dict[str, list[str]] = {}
    """Group_id to the ids of the tasks in it and in the groups in it."""


class DagRunRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One DAG run as a task may see it."""

    dag_id: str
    run_id: str
    run_type: str
    state: str
    logical_date: datetime | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None
    run_after: datetime
    start_date: datetime | None = None
    end_date: datetime | None = None
    conf: dict[str, Any] = {}
    partition_key: str | None = None
    partition_date: datetime | None = None


class TaskInstanceRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task instance as a task may see it."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    state: str | None = None
    try_number: int = 0
    max_tries: int = 0
    start_date: datetime | None = None
    end_date: datetime | None = None
    operator: str | None = None
    pool: str = "default_pool"
    logical_date: datetime | None = None


class AssetRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One asset as a task may see it."""

    name: str
    uri: str
    group: str = "asset"
    extra: dict[str, Any] = {}


class AssetEventRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of an asset as a task may see it."""

    id: int
    asset: AssetRecord
    timestamp: datetime
    extra: dict[str, Any] = {}
    partition_key: str | None = None
    source_dag_id: str | None = None
    source_task_id: str | None = None
    source_run_id: str | None = None
    source_map_index: int | None = None
    aliases: list[str] = []
