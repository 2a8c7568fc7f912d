"""Backfills: runs for the past, in an order and a room of their own."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint
from sqlalchemy import text as sql

from tradewind.core.runs.backfill import ReprocessBehavior
from tradewind.metadata.tables.columns import Pk, instant, metadata, one_of, optional_text, pk, text

ACTIVE_BACKFILL = "completed_at IS NULL"

backfill = Table(
    "backfill",
    metadata,
    pk(),
    text("dag_id"),
    instant("from_date", is_required=True),
    instant("to_date", is_required=True),
    # NULL: the runs get the conf of nobody, and a run that is reprocessed keeps its own.
    optional_text("dag_run_conf"),
    text("reprocess_behavior"),
    Column("max_active_runs", Integer, nullable=False),
    Column("is_backwards", Boolean, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("is_on_latest_version", Boolean, nullable=False),
    # Whether every place is written, and how many are so far.
    Column("is_laid_out", Boolean, nullable=False),
    Column("size", Integer, nullable=False),
    # Every place before this one, in the order of the runs, has its run or the reason why it has none.
    Column("next_ordinal", Integer, nullable=False),
    instant("created_at", is_required=True),
    instant("updated_at", is_required=True),
    instant("completed_at"),
    optional_text("triggering_user_name"),
    # Why it ended before its end.
    optional_text("error"),
    one_of("reprocess_behavior", ReprocessBehavior),
    Index("ix_backfill_dag_id", "dag_id"),
    # Of each DAG at most one is under way.
    Index(
        "uq_backfill_active",
        "dag_id",
        unique=True,
        sqlite_where=sql(ACTIVE_BACKFILL),
        postgresql_where=sql(ACTIVE_BACKFILL),
    ),
    sqlite_autoincrement=True,
)

backfill_dag_run = Table(
    "backfill_dag_run",
    metadata,
    pk(),
    Column("backfill_pk", Pk, ForeignKey("backfill.pk", ondelete="CASCADE"), nullable=False),
    # In the order of dates, from 1; the order of the runs is this one, or from the last to the first.
    Column("position", Integer, nullable=False),
    instant("logical_date"),
    instant("data_interval_start"),
    instant("data_interval_end"),
    instant("run_after", is_required=True),
    # Its run, once it has been created or taken over. No foreign key: see dag_run.
    Column("run_pk", Pk, nullable=True),
    optional_text("exception_reason"),
    UniqueConstraint("backfill_pk", "position"),
)
"""The places of a backfill: one for each run that its dates ask for."""
