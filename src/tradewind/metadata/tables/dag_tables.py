"""What the DAG processor writes: DAGs, their versions and source, and what went wrong while parsing."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from tradewind.metadata.tables.columns import Pk, instant, metadata, optional_text, pk, text

dag = Table(
    "dag",
    metadata,
    pk(),
    text("dag_id", unique=True),
    Column("is_present", Boolean, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    # Of the newest version. No foreign key: the version refers to the DAG already.
    Column("version_pk", Pk, nullable=True),
    text("folder"),
    text("path"),
    text("relative_path"),
    text("fingerprint"),
    # Of the newest import; no version where the bundle has none, or runs are not to be pinned to one.
    text("bundle_name", server_default="dags-folder"),
    optional_text("bundle_version"),
    instant("last_parsed_at", is_required=True),
    Column("last_parse_duration_s", Float, nullable=True),
    # Copied from the document, so that lists need not decode it.
    text("display_name"),
    optional_text("description"),
    text("owners"),
    text("schedule_summary"),
    Column("max_active_runs", Integer, nullable=False),
    Column("max_active_tasks", Integer, nullable=False),
    Column("max_consecutive_failed_dag_runs", Integer, nullable=False),
    # Comma-separated; NULL for all.
    optional_text("allowed_run_types"),
    # Written by the scheduler.
    instant("next_run_after"),
    instant("next_interval_start"),
    instant("next_interval_end"),
    Index("ix_dag_path", "path"),
    sqlite_autoincrement=True,
)

dag_source = Table(
    "dag_source",
    metadata,
    text("hash", primary_key=True),
    text("source"),
)
"""The text of DAG files, once for each content."""

dag_version = Table(
    "dag_version",
    metadata,
    pk(),
    Column("dag_pk", Pk, ForeignKey("dag.pk", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    text("hash"),
    Column("document", LargeBinary, nullable=False),
    Column("source_hash", Text, ForeignKey("dag_source.hash"), nullable=True),
    optional_text("bundle_version"),
    instant("created_at", is_required=True),
    UniqueConstraint("dag_pk", "number"),
    Index("ix_dag_version_source_hash", "source_hash"),
    sqlite_autoincrement=True,
)
"""Documents, never changed once written; only `source_hash` follows edits that change no document."""

dag_tag = Table(
    "dag_tag",
    metadata,
    Column("dag_pk", Pk, ForeignKey("dag.pk", ondelete="CASCADE"), primary_key=True),
    text("name", primary_key=True),
    Index("ix_dag_tag_name", "name"),
    sqlite_with_rowid=False,
)

dag_warning = Table(
    "dag_warning",
    metadata,
    pk(),
    text("path"),
    optional_text("dag_id"),
    text("kind"),
    text("message"),
    instant("at", is_required=True),
    Index("ix_dag_warning_path", "path"),
)
"""What a file does that works but should be changed: deprecated spellings and the like."""

import_error = Table(
    "import_error",
    metadata,
    pk(),
    text("path"),
    # In an archive, the file inside it that is wrong; else empty.
    text("member"),
    text("relative_path"),
    text("folder"),
    text("bundle_name", server_default="dags-folder"),
    text("message"),
    # Set where the only thing wrong is that another file defines a DAG of this name too.
    optional_text("duplicate_dag_id"),
    instant("at", is_required=True),
    Index("ix_import_error_path", "path"),
    Index("ix_import_error_duplicate_dag_id", "duplicate_dag_id"),
)
