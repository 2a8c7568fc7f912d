"""Assets: what they are, who makes them and who waits for them, their events, and what has not been consumed yet."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from tradewind.metadata.tables.columns import Pk, instant, metadata, optional_text, pk, text

asset = Table(
    "asset",
    metadata,
    pk(),
    text("name"),
    text("uri"),
    text("group"),
    text("extra", server_default="{}"),
    instant("created_at", is_required=True),
    instant("updated_at", is_required=True),
    UniqueConstraint("name", "uri"),
    Index("ix_asset_uri", "uri"),
    sqlite_autoincrement=True,
)

asset_alias = Table(
    "asset_alias",
    metadata,
    pk(),
    text("name", unique=True),
    text("group"),
)

asset_alias_asset = Table(
    "asset_alias_asset",
    metadata,
    Column("alias_pk", Pk, ForeignKey("asset_alias.pk", ondelete="CASCADE"), primary_key=True),
    Column("asset_pk", Pk, ForeignKey("asset.pk", ondelete="CASCADE"), primary_key=True),
    Index("ix_asset_alias_asset_asset_pk", "asset_pk"),
    sqlite_with_rowid=False,
)
"""Of which assets a task has made an event through which alias."""

asset_use = Table(
    "asset_use",
    metadata,
    text("dag_id", primary_key=True),
    # schedule, outlet, inlet
    text("role", primary_key=True),
    # Of the outlet or inlet; empty for a schedule.
    text("task_id", primary_key=True),
    # asset, alias, asset_ref
    text("kind", primary_key=True),
    # Of a reference one of the two is empty, of an alias the URI.
    text("name", primary_key=True),
    text("uri", primary_key=True),
    Column("is_partitioned", Boolean, nullable=False),
    instant("created_at", is_required=True),
    Index("ix_asset_use_name", "name"),
    Index("ix_asset_use_uri", "uri"),
    sqlite_with_rowid=False,
)
"""What the newest versions of the DAGs say of assets."""

asset_watcher = Table(
    "asset_watcher",
    metadata,
    text("dag_id", primary_key=True),
    text("asset_name", primary_key=True),
    text("asset_uri", primary_key=True),
    text("name", primary_key=True),
    # Shared by the DAGs that have the same watcher.
    Column("trigger_pk", Pk, nullable=False),
    instant("created_at", is_required=True),
    Index("ix_asset_watcher_trigger_pk", "trigger_pk"),
    sqlite_with_rowid=False,
)
"""Triggers whose events are events of an asset."""

asset_event = Table(
    "asset_event",
    metadata,
    pk(),
    Column("asset_pk", Pk, nullable=False),
    text("extra", server_default="{}"),
    instant("at", is_required=True),
    optional_text("source_dag_id"),
    optional_text("source_task_id"),
    optional_text("source_run_id"),
    Column("source_map_index", Integer, nullable=True),
    optional_text("partition_key"),
    instant("partition_date"),
    Index("ix_asset_event_asset_pk_at", "asset_pk", "at"),
    Index("ix_asset_event_at", "at"),
    sqlite_autoincrement=True,
)

asset_event_alias = Table(
    "asset_event_alias",
    metadata,
    Column("event_pk", Pk, primary_key=True, autoincrement=False),
    Column("alias_pk", Pk, primary_key=True, autoincrement=False),
    Index("ix_asset_event_alias_alias_pk", "alias_pk"),
    sqlite_with_rowid=False,
)

asset_queue = Table(
    "asset_queue",
    metadata,
    text("dag_id", primary_key=True),
    Column("asset_pk", Pk, primary_key=True, autoincrement=False),
    # For a DAG that works on partitions each event waits by itself, here with its number; else 0.
    Column("place", Pk, primary_key=True, autoincrement=False),
    # The newest event that waits here.
    Column("event_pk", Pk, nullable=False),
    instant("first_at", is_required=True),
    instant("last_at", is_required=True),
    sqlite_with_rowid=False,
)
"""Which DAG has events of which asset that no run of it has consumed."""

consumed_asset_event = Table(
    "consumed_asset_event",
    metadata,
    Column("run_pk", Pk, primary_key=True, autoincrement=False),
    Column("event_pk", Pk, primary_key=True, autoincrement=False),
    Index("ix_consumed_asset_event_event_pk", "event_pk"),
    sqlite_with_rowid=False,
)

asset_partition = Table(
    "asset_partition",
    metadata,
    pk(),
    text("dag_id"),
    text("partition_key"),
    instant("partition_date"),
    # Of the schedule that mapped its events: under another one they would be mapped otherwise.
    text("fingerprint"),
    instant("created_at", is_required=True),
    # The run that was created for it.
    Column("run_pk", Pk, nullable=True),
    Index("ix_asset_partition_dag_id_partition_key", "dag_id", "partition_key"),
    sqlite_autoincrement=True,
)
"""Partitions of which a DAG has some of the events."""

asset_partition_event = Table(
    "asset_partition_event",
    metadata,
    Column("partition_pk", Pk, ForeignKey("asset_partition.pk", ondelete="CASCADE"), primary_key=True),
    Column("event_pk", Pk, primary_key=True, autoincrement=False),
    Column("asset_pk", Pk, nullable=False),
    text("source_key"),
    Index("ix_asset_partition_event_event_pk", "event_pk"),
    sqlite_with_rowid=False,
)
