"""The tables of the first release, and the rows every database starts with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tradewind.metadata.tables.columns import stored_with
from tradewind.metadata.tables.datetimes import UtcDateTime

revision = "0001"
down_revision = None

_PK = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "callback_request",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("run_pk", _PK, nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_callback_request")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "connection",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("conn_id", sa.Text(), nullable=False),
        sa.Column("conn_type", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("schema", sa.Text(), nullable=True),
        sa.Column("login", sa.Text(), nullable=True),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.Column("is_encrypted", sa.Boolean(), nullable=False),
        sa.Column("is_extra_encrypted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_connection")),
        sa.UniqueConstraint("conn_id", name=op.f("uq_connection_conn_id")),
    )
    op.create_table(
        "dag",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("is_present", sa.Boolean(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("version_pk", _PK, nullable=True),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("relative_path", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("last_parsed_at", UtcDateTime(), nullable=False),
        sa.Column("last_parse_duration_s", sa.Float(), nullable=True),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("owners", sa.Text(), nullable=False),
        sa.Column("schedule_summary", sa.Text(), nullable=False),
        sa.Column("max_active_runs", sa.Integer(), nullable=False),
        sa.Column("max_active_tasks", sa.Integer(), nullable=False),
        sa.Column("max_consecutive_failed_dag_runs", sa.Integer(), nullable=False),
        sa.Column("next_run_after", UtcDateTime(), nullable=True),
        sa.Column("next_interval_start", UtcDateTime(), nullable=True),
        sa.Column("next_interval_end", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_dag")),
        sa.UniqueConstraint("dag_id", name=op.f("uq_dag_dag_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dag_path", "dag", ["path"], unique=False)
    op.create_table(
        "dag_run",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("run_type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", UtcDateTime(), nullable=False),
        sa.Column("logical_date", UtcDateTime(), nullable=True),
        sa.Column("data_interval_start", UtcDateTime(), nullable=True),
        sa.Column("data_interval_end", UtcDateTime(), nullable=True),
        sa.Column("queued_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("conf", sa.Text(), server_default="{}", nullable=False),
        sa.Column("dag_version_pk", _PK, nullable=True),
        sa.Column("clear_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("triggered_by", sa.Text(), nullable=False),
        sa.Column("triggering_user_name", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "run_type = 'scheduled' OR run_type = 'manual' OR run_type = 'backfill' OR run_type = 'asset_triggered'",
            name=op.f("ck_dag_run_run_type"),
        ),
        sa.CheckConstraint(
            "state = 'queued' OR state = 'running' OR state = 'success' OR state = 'failed'",
            name=op.f("ck_dag_run_state"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_dag_run")),
        sa.UniqueConstraint("dag_id", "logical_date", name=op.f("uq_dag_run_dag_id_logical_date")),
        sa.UniqueConstraint("dag_id", "run_id", name=op.f("uq_dag_run_dag_id_run_id")),
        **stored_with(fillfactor="80"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dag_run_dag_id_run_after", "dag_run", ["dag_id", "run_after"], unique=False)
    op.create_index("ix_dag_run_dag_version_pk", "dag_run", ["dag_version_pk"], unique=False)
    op.create_index(
        "ix_dag_run_scheduled",
        "dag_run",
        ["dag_id", "logical_date"],
        unique=False,
        sqlite_where=sa.text("run_type IN ('backfill', 'scheduled')"),
        postgresql_where=sa.text("run_type IN ('backfill', 'scheduled')"),
    )
    op.create_index(
        "ix_dag_run_unfinished",
        "dag_run",
        ["pk"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "dag_source",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_dag_source")),
    )
    op.create_table(
        "dag_warning",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_dag_warning")),
    )
    op.create_index("ix_dag_warning_path", "dag_warning", ["path"], unique=False)
    op.create_table(
        "import_error",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("relative_path", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("duplicate_dag_id", sa.Text(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_import_error")),
    )
    op.create_index("ix_import_error_duplicate_dag_id", "import_error", ["duplicate_dag_id"], unique=False)
    op.create_index("ix_import_error_path", "import_error", ["path"], unique=False)
    op.create_table(
        "job",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("heartbeat_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_job")),
    )
    op.create_index("ix_job_kind_heartbeat_at", "job", ["kind", "heartbeat_at"], unique=False)
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "log",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("map_index", sa.Integer(), nullable=True),
        sa.Column("try_number", sa.Integer(), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_log")),
    )
    op.create_index("ix_log_at", "log", ["at"], unique=False)
    op.create_index("ix_log_dag_id", "log", ["dag_id"], unique=False)
    op.create_table(
        "pool",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("include_deferred", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.CheckConstraint("slots >= -1", name=op.f("ck_pool_slots")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_pool")),
        sa.UniqueConstraint("name", name=op.f("uq_pool_name")),
    )
    op.create_table(
        "rendered_fields",
        sa.Column("ti_pk", _PK, autoincrement=False, nullable=False),
        sa.Column("fields", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ti_pk", name=op.f("pk_rendered_fields")),
    )
    op.create_table(
        "task_instance",
        sa.Column("pk", _PK, autoincrement=False, nullable=False),
        sa.Column("run_pk", _PK, nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("max_tries", sa.Integer(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("pool_slots", sa.Integer(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("priority_weight", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_at", UtcDateTime(), nullable=True),
        sa.Column("queued_at", UtcDateTime(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("hostname", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state = 'none' OR state = 'scheduled' OR state = 'queued' OR state = 'running' OR state = 'success' OR state = 'failed' OR state = 'skipped' OR state = 'upstream_failed' OR state = 'up_for_retry' OR state = 'up_for_reschedule' OR state = 'deferred' OR state = 'awaiting_input' OR state = 'restarting' OR state = 'removed'",
            name=op.f("ck_task_instance_state"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_task_instance")),
        sa.UniqueConstraint("run_pk", "task_id", "map_index", name=op.f("uq_task_instance_run_pk_task_id_map_index")),
        **stored_with(fillfactor="70", autovacuum_vacuum_scale_factor="0.02"),
    )
    op.create_table(
        "task_instance_event",
        sa.Column("ti_pk", _PK, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("ti_pk", "version", name=op.f("pk_task_instance_event")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "task_instance_history",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("ti_pk", _PK, nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("max_tries", sa.Integer(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("pool_slots", sa.Integer(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("priority_weight", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_at", UtcDateTime(), nullable=True),
        sa.Column("queued_at", UtcDateTime(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("hostname", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("dag_version_pk", _PK, nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_task_instance_history")),
    )
    op.create_index(
        "ix_task_instance_history_ti_pk_try_number", "task_instance_history", ["ti_pk", "try_number"], unique=False
    )
    op.create_table(
        "variable",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("is_encrypted", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_variable")),
        sa.UniqueConstraint("key", name=op.f("uq_variable_key")),
    )
    op.create_table(
        "xcom",
        sa.Column("ti_pk", _PK, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("ti_pk", "key", name=op.f("pk_xcom")),
    )
    op.create_table(
        "dag_tag",
        sa.Column("dag_pk", _PK, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dag_pk"], ["dag.pk"], name=op.f("fk_dag_tag_dag_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dag_pk", "name", name=op.f("pk_dag_tag")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_dag_tag_name", "dag_tag", ["name"], unique=False)
    op.create_table(
        "dag_version",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("dag_pk", _PK, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("source_hash", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["dag_pk"], ["dag.pk"], name=op.f("fk_dag_version_dag_pk"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_hash"], ["dag_source.hash"], name=op.f("fk_dag_version_source_hash")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_dag_version")),
        sa.UniqueConstraint("dag_pk", "number", name=op.f("uq_dag_version_dag_pk_number")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dag_version_source_hash", "dag_version", ["source_hash"], unique=False)
    pool = sa.table(
        "pool",
        sa.column("name", sa.Text()),
        sa.column("slots", sa.Integer()),
        sa.column("include_deferred", sa.Boolean()),
        sa.column("description", sa.Text()),
    )
    op.bulk_insert(
        pool,
        [{"name": "default_pool", "slots": 128, "include_deferred": False, "description": "Default pool"}],
    )
    op.bulk_insert(
        sa.table("lease", sa.column("name", sa.Text()), sa.column("epoch", sa.BigInteger())),
        [{"name": "scheduler", "epoch": 0}],
    )


def downgrade() -> None:
    for name in [
        "dag_version",
        "dag_tag",
        "xcom",
        "variable",
        "task_instance_history",
        "task_instance_event",
        "task_instance",
        "rendered_fields",
        "pool",
        "log",
        "lease",
        "job",
        "import_error",
        "dag_warning",
        "dag_source",
        "dag_run",
        "dag",
        "connection",
        "callback_request",
    ]:
        op.drop_table(name)
