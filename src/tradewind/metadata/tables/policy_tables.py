"""Plugins and deadlines."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, UniqueConstraint

from tradewind.metadata.tables.columns import Pk, instant, metadata, optional_text, pk, text

plugin = Table(
    "plugin",
    metadata,
    pk(),
    text("name"),
    text("source"),
    text("details", server_default="{}"),
    optional_text("error"),
)
"""What the DAG processor found last, failures with their error."""

deadline = Table(
    "deadline",
    metadata,
    pk(),
    Column("run_pk", Pk, nullable=False),
    text("dag_id"),
    text("run_id"),
    # Which of the DAG's alerts it is, by its place among them.
    Column("alert", Integer, nullable=False),
    optional_text("name"),
    instant("due_at", is_required=True),
    instant("missed_at"),
    instant("called_at"),
    optional_text("callback_error"),
    instant("created_at", is_required=True),
    UniqueConstraint("run_pk", "alert"),
    Index("ix_deadline_dag_id", "dag_id"),
    sqlite_autoincrement=True,
)
"""One row for each deadline of a run; one that was kept goes with the run's success."""
