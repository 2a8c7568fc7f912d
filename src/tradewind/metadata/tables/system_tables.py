"""Variables, connections, pools, and what the processes tell of themselves."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table

from tradewind.metadata.tables.columns import instant, metadata, optional_text, pk, text

variable = Table(
    "variable",
    metadata,
    pk(),
    text("key", unique=True),
    text("value"),
    Column("is_encrypted", Boolean, nullable=False),
    optional_text("description"),
)

connection = Table(
    "connection",
    metadata,
    pk(),
    text("conn_id", unique=True),
    text("conn_type"),
    optional_text("description"),
    optional_text("host"),
    optional_text("schema"),
    optional_text("login"),
    optional_text("password"),
    Column("port", Integer, nullable=True),
    optional_text("extra"),
    Column("is_encrypted", Boolean, nullable=False),
    Column("is_extra_encrypted", Boolean, nullable=False),
)

pool = Table(
    "pool",
    metadata,
    pk(),
    text("name", unique=True),
    Column("slots", Integer, nullable=False),
    Column("include_deferred", Boolean, nullable=False),
    optional_text("description"),
    CheckConstraint("slots >= -1", name="slots"),
)

lease = Table(
    "lease",
    metadata,
    text("name", primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    optional_text("owner"),
    instant("expires_at"),
)
"""Who may act as the one scheduler. The epoch grows with each owner and fences the writes of those before."""

job = Table(
    "job",
    metadata,
    pk(),
    text("kind"),
    text("hostname"),
    Column("pid", Integer, nullable=False),
    instant("started_at", is_required=True),
    instant("heartbeat_at", is_required=True),
    instant("ended_at"),
    Index("ix_job_kind_heartbeat_at", "kind", "heartbeat_at"),
)
"""One row for each start of a scheduler, DAG processor, ...: what health is read from."""

audit_log = Table(
    "log",
    metadata,
    pk(),
    instant("at", is_required=True),
    text("event"),
    optional_text("dag_id"),
    optional_text("run_id"),
    optional_text("task_id"),
    Column("map_index", Integer, nullable=True),
    Column("try_number", Integer, nullable=True),
    optional_text("user_name"),
    optional_text("extra"),
    Index("ix_log_at", "at"),
    Index("ix_log_dag_id", "dag_id"),
)
"""Who did what."""
