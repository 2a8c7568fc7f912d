"""What authors may say beside plain tasks: mapping, deferral, assets, backfills, deadlines, state stores, bundles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tradewind.metadata.tables.datetimes import UtcDateTime

revision = "0002"
down_revision = "0001"

_RUN_TYPES_BEFORE = (
    "run_type = 'scheduled' OR run_type = 'manual' OR run_type = 'backfill' OR run_type = 'asset_triggered'"
)
_RUN_TYPES = f"{_RUN_TYPES_BEFORE} OR run_type = 'asset_materialization'"
_PK = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _mapping()
    _deferral()
    _assets()
    _backfills()
    _bundles()
    _state_stores()
    _deadlines()
    _run_types()


def downgrade() -> None:
    _drop_run_types()
    _drop_deadlines()
    _drop_state_stores()
    _drop_bundles()
    _drop_backfills()
    _drop_assets()
    _drop_deferral()
    _drop_mapping()


# ---- mapping ---------------------------------------------------------------------------------------------------------


def _mapping() -> None:
    """Dynamic task mapping."""
    op.add_column("task_instance", sa.Column("map_length", sa.Integer(), nullable=True))
    op.add_column("task_instance", sa.Column("rendered_map_index", sa.Text(), nullable=True))
    op.add_column("task_instance_history", sa.Column("rendered_map_index", sa.Text(), nullable=True))


def _drop_mapping() -> None:
    """Undo `_mapping`."""
    op.drop_column("task_instance_history", "rendered_map_index")
    op.drop_column("task_instance", "rendered_map_index")
    op.drop_column("task_instance", "map_length")


# ---- deferral --------------------------------------------------------------------------------------------------------


def _deferral() -> None:
    """Triggers and questions to humans."""
    op.create_table(
        "trigger",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("ti_pk", _PK, nullable=True),
        sa.Column("ti_version", sa.Integer(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("classpath", sa.Text(), nullable=False),
        sa.Column("kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("next_method", sa.Text(), nullable=False),
        sa.Column("next_kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("owner_pk", _PK, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("fired_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state = 'waiting' OR state = 'fired' OR state = 'resumed' OR state = 'killed'",
            name=op.f("ck_trigger_state"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_trigger")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_trigger_ti_pk", "trigger", ["ti_pk"], unique=False)
    op.create_index("ix_trigger_owner_pk", "trigger", ["owner_pk"], unique=False)
    for name, condition in (
        ("ix_trigger_unclaimed", "state IN ('killed', 'waiting') AND owner_pk IS NULL AND classpath <> ''"),
        ("ix_trigger_fired", "state = 'fired'"),
    ):
        op.create_index(
            name,
            "trigger",
            ["pk"],
            unique=False,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "hitl_detail",
        sa.Column("ti_pk", _PK, autoincrement=False, nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("defaults", sa.Text(), nullable=True),
        sa.Column("multiple", sa.Boolean(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("assigned_users", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("responded_at", UtcDateTime(), nullable=True),
        sa.Column("responded_by", sa.Text(), nullable=True),
        sa.Column("chosen_options", sa.Text(), nullable=True),
        sa.Column("params_input", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("ti_pk", "try_number", name=op.f("pk_hitl_detail")),
    )
    op.create_index("ix_hitl_detail_created_at", "hitl_detail", ["created_at"], unique=False)


def _drop_deferral() -> None:
    """Undo `_deferral`."""
    op.drop_table("hitl_detail")
    op.drop_table("trigger")


# ---- assets ----------------------------------------------------------------------------------------------------------


def _assets() -> None:
    """Assets, who waits for them, and their events."""
    op.create_table(
        "asset",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("extra", sa.Text(), server_default="{}", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_asset")),
        sa.UniqueConstraint("name", "uri", name=op.f("uq_asset_name_uri")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_asset_uri", "asset", ["uri"])
    op.create_table(
        "asset_alias",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_asset_alias")),
        sa.UniqueConstraint("name", name=op.f("uq_asset_alias_name")),
    )
    op.create_table(
        "asset_use",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("is_partitioned", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "role", "task_id", "kind", "name", "uri", name=op.f("pk_asset_use")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_asset_use_name", "asset_use", ["name"])
    op.create_index("ix_asset_use_uri", "asset_use", ["uri"])
    op.create_table(
        "asset_alias_asset",
        sa.Column("alias_pk", _PK, nullable=False),
        sa.Column("asset_pk", _PK, nullable=False),
        sa.ForeignKeyConstraint(
            ["alias_pk"], ["asset_alias.pk"], name=op.f("fk_asset_alias_asset_alias_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["asset_pk"], ["asset.pk"], name=op.f("fk_asset_alias_asset_asset_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("alias_pk", "asset_pk", name=op.f("pk_asset_alias_asset")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_asset_alias_asset_asset_pk", "asset_alias_asset", ["asset_pk"])
    op.add_column("dag_run", sa.Column("partition_key", sa.Text(), nullable=True))
    op.add_column("dag_run", sa.Column("partition_date", UtcDateTime(), nullable=True))
    _allow_run_types(_RUN_TYPES_BEFORE, _RUN_TYPES)
    _asset_events()
    _asset_partitions()
    _asset_watchers()


def _allow_run_types(before: str, after: str) -> None:
    """Let `run_type` hold other values."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_dag_run_run_type"), "dag_run", type_="check")
        op.create_check_constraint(op.f("ck_dag_run_run_type"), "dag_run", after)
        return
    # SQLite has no statement for it, and to copy a table of many runs takes long: its manual's way to change a check
    # where no stored row becomes wrong by it is to write the definition. The tables that are made or dropped beside it
    # let other connections read it again.
    op.execute("PRAGMA writable_schema = ON")
    change = "UPDATE sqlite_master SET sql = replace(sql, :before, :after) WHERE type = 'table' AND name = 'dag_run'"
    op.get_bind().execute(sa.text(change), {"before": f"({before})", "after": f"({after})"})
    op.execute("PRAGMA writable_schema = RESET")


def _asset_events() -> None:
    """Events, and which of them nobody has consumed."""
    op.create_table(
        "asset_event",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("asset_pk", _PK, nullable=False),
        sa.Column("extra", sa.Text(), server_default="{}", nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("source_dag_id", sa.Text(), nullable=True),
        sa.Column("source_task_id", sa.Text(), nullable=True),
        sa.Column("source_run_id", sa.Text(), nullable=True),
        sa.Column("source_map_index", sa.Integer(), nullable=True),
        sa.Column("partition_key", sa.Text(), nullable=True),
        sa.Column("partition_date", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_asset_event")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_asset_event_asset_pk_at", "asset_event", ["asset_pk", "at"])
    op.create_index("ix_asset_event_at", "asset_event", ["at"])
    op.create_table(
        "asset_event_alias",
        sa.Column("event_pk", _PK, autoincrement=False, nullable=False),
        sa.Column("alias_pk", _PK, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("event_pk", "alias_pk", name=op.f("pk_asset_event_alias")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_asset_event_alias_alias_pk", "asset_event_alias", ["alias_pk"])
    op.create_table(
        "asset_queue",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("asset_pk", _PK, autoincrement=False, nullable=False),
        sa.Column("place", _PK, autoincrement=False, nullable=False),
        sa.Column("event_pk", _PK, nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "asset_pk", "place", name=op.f("pk_asset_queue")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "consumed_asset_event",
        sa.Column("run_pk", _PK, autoincrement=False, nullable=False),
        sa.Column("event_pk", _PK, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("run_pk", "event_pk", name=op.f("pk_consumed_asset_event")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_consumed_asset_event_event_pk", "consumed_asset_event", ["event_pk"])


def _asset_partitions() -> None:
    """Partitions that wait for events."""
    op.create_table(
        "asset_partition",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("partition_key", sa.Text(), nullable=False),
        sa.Column("partition_date", UtcDateTime(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("run_pk", _PK, nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_asset_partition")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_asset_partition_dag_id_partition_key", "asset_partition", ["dag_id", "partition_key"])
    op.create_table(
        "asset_partition_event",
        sa.Column("partition_pk", _PK, nullable=False),
        sa.Column("event_pk", _PK, autoincrement=False, nullable=False),
        sa.Column("asset_pk", _PK, nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partition_pk"],
            ["asset_partition.pk"],
            name=op.f("fk_asset_partition_event_partition_pk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("partition_pk", "event_pk", name=op.f("pk_asset_partition_event")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_asset_partition_event_event_pk", "asset_partition_event", ["event_pk"])


def _asset_watchers() -> None:
    """Triggers whose events are events of an asset."""
    op.create_table(
        "asset_watcher",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("asset_name", sa.Text(), nullable=False),
        sa.Column("asset_uri", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("trigger_pk", _PK, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "asset_name", "asset_uri", "name", name=op.f("pk_asset_watcher")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_asset_watcher_trigger_pk", "asset_watcher", ["trigger_pk"])


def _drop_assets() -> None:
    """Undo `_assets`."""
    op.execute("UPDATE dag_run SET run_type = 'manual' WHERE run_type = 'asset_materialization'")
    _allow_run_types(_RUN_TYPES, _RUN_TYPES_BEFORE)
    op.drop_table("asset_watcher")
    op.drop_column("dag_run", "partition_date")
    op.drop_column("dag_run", "partition_key")
    op.drop_table("asset_partition_event")
    op.drop_table("asset_alias_asset")
    op.drop_table("consumed_asset_event")
    op.drop_table("asset_use")
    op.drop_table("asset_queue")
    op.drop_table("asset_partition")
    op.drop_table("asset_event_alias")
    op.drop_table("asset_event")
    op.drop_table("asset_alias")
    op.drop_table("asset")


# ---- backfills -------------------------------------------------------------------------------------------------------


def _backfills() -> None:
    """Backfills, the place of runs in them, and notes of users."""
    op.create_table(
        "backfill",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("from_date", UtcDateTime(), nullable=False),
        sa.Column("to_date", UtcDateTime(), nullable=False),
        sa.Column("dag_run_conf", sa.Text(), nullable=True),
        sa.Column("reprocess_behavior", sa.Text(), nullable=False),
        sa.Column("max_active_runs", sa.Integer(), nullable=False),
        sa.Column("is_backwards", sa.Boolean(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("is_on_latest_version", sa.Boolean(), nullable=False),
        sa.Column("is_laid_out", sa.Boolean(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("next_ordinal", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.Column("triggering_user_name", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "reprocess_behavior = 'none' OR reprocess_behavior = 'failed' OR reprocess_behavior = 'completed'",
            name=op.f("ck_backfill_reprocess_behavior"),
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_backfill")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_backfill_dag_id", "backfill", ["dag_id"])
    op.create_index(
        "uq_backfill_active",
        "backfill",
        ["dag_id"],
        unique=True,
        sqlite_where=sa.text("completed_at IS NULL"),
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.create_table(
        "backfill_dag_run",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("backfill_pk", _PK, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("logical_date", UtcDateTime(), nullable=True),
        sa.Column("data_interval_start", UtcDateTime(), nullable=True),
        sa.Column("data_interval_end", UtcDateTime(), nullable=True),
        sa.Column("run_after", UtcDateTime(), nullable=False),
        sa.Column("run_pk", _PK, nullable=True),
        sa.Column("exception_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["backfill_pk"], ["backfill.pk"], name=op.f("fk_backfill_dag_run_backfill_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_backfill_dag_run")),
        sa.UniqueConstraint("backfill_pk", "position", name=op.f("uq_backfill_dag_run_backfill_pk_position")),
    )
    op.add_column("task_instance", sa.Column("user_note", sa.Text(), nullable=True))
    op.add_column("dag_run", sa.Column("backfill_pk", _PK, nullable=True))
    op.add_column("dag_run", sa.Column("backfill_ordinal", sa.Integer(), nullable=True))


def _drop_backfills() -> None:
    """Undo `_backfills`."""
    op.drop_column("task_instance", "user_note")
    op.drop_column("dag_run", "backfill_ordinal")
    op.drop_column("dag_run", "backfill_pk")
    op.drop_table("backfill_dag_run")
    op.drop_table("backfill")


# ---- bundles ---------------------------------------------------------------------------------------------------------


def _bundles() -> None:
    """DAG bundles and their versions."""
    op.add_column("dag", sa.Column("bundle_name", sa.Text(), nullable=False, server_default="dags-folder"))
    op.add_column("dag", sa.Column("bundle_version", sa.Text(), nullable=True))
    op.add_column("import_error", sa.Column("bundle_name", sa.Text(), nullable=False, server_default="dags-folder"))
    op.add_column("dag_version", sa.Column("bundle_version", sa.Text(), nullable=True))
    op.add_column("dag_run", sa.Column("bundle_version", sa.Text(), nullable=True))
    op.add_column("task_instance", sa.Column("dag_version_pk", _PK, nullable=True))


def _drop_bundles() -> None:
    """Undo `_bundles`."""
    op.drop_column("task_instance", "dag_version_pk")
    op.drop_column("dag_run", "bundle_version")
    op.drop_column("dag_version", "bundle_version")
    op.drop_column("import_error", "bundle_name")
    op.drop_column("dag", "bundle_version")
    op.drop_column("dag", "bundle_name")


# ---- state stores ----------------------------------------------------------------------------------------------------


def _state_stores() -> None:
    """State of tasks, which outlives a try, and of assets, which outlives a run."""
    op.create_table(
        "task_state",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("ti_pk", _PK, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_task_state")),
    )
    op.create_index("uq_task_state_ti_pk_key", "task_state", ["ti_pk", "key"], unique=True)
    op.create_index("ix_task_state_expires_at", "task_state", ["expires_at"])
    op.create_table(
        "asset_state",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("asset_name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_asset_state")),
    )
    op.create_index("uq_asset_state_asset_name_key", "asset_state", ["asset_name", "key"], unique=True)


def _drop_state_stores() -> None:
    """Undo `_state_stores`."""
    op.drop_table("asset_state")
    op.drop_table("task_state")


# ---- deadlines -------------------------------------------------------------------------------------------------------


def _deadlines() -> None:
    """Deadlines, and callbacks that are under way."""
    op.add_column("callback_request", sa.Column("kind", sa.Text(), nullable=False, server_default="task"))
    op.add_column("callback_request", sa.Column("payload", sa.Text(), nullable=False, server_default="{}"))
    op.create_table(
        "plugin",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False, server_default="{}"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_plugin")),
    )
    op.create_table(
        "deadline",
        sa.Column("pk", _PK, autoincrement=True, nullable=False),
        sa.Column("run_pk", _PK, nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("alert", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("missed_at", UtcDateTime(), nullable=True),
        sa.Column("called_at", UtcDateTime(), nullable=True),
        sa.Column("callback_error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_deadline")),
        sa.UniqueConstraint("run_pk", "alert", name=op.f("uq_deadline_run_pk_alert")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deadline_dag_id", "deadline", ["dag_id"])


def _drop_deadlines() -> None:
    """Undo `_deadlines`."""
    op.drop_table("deadline")
    op.drop_table("plugin")
    op.drop_column("callback_request", "payload")
    op.drop_column("callback_request", "kind")


# ---- run types -------------------------------------------------------------------------------------------------------


def _run_types() -> None:
    """Which types of runs a DAG allows."""
    op.add_column("dag", sa.Column("allowed_run_types", sa.Text(), nullable=True))


def _drop_run_types() -> None:
    """Undo `_run_types`."""
    op.drop_column("dag", "allowed_run_types")
