"""DAG runs, task instances and what each try leaves behind."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
)
from sqlalchemy import (
    text as sql,
)

from tradewind.core.states import RUN_FINISHED, DagRunState, RunType, TaskInstanceState
from tradewind.metadata.tables.columns import (
    Pk,
    instant,
    metadata,
    one_of,
    optional_text,
    pk,
    quoted,
    stored_with,
    text,
)

UNFINISHED_RUN = f"state IN ({quoted(frozenset(DagRunState) - RUN_FINISHED)})"
SCHEDULED_RUN = f"run_type IN ({quoted({RunType.SCHEDULED, RunType.BACKFILL})})"

dag_run = Table(
    "dag_run",
    metadata,
    pk(),
    text("dag_id"),
    text("run_id"),
    text("run_type"),
    text("state"),
    # Raised when a user clears or marks: the scheduler's end of a run it knows in an older version is refused.
    Column("version", Integer, nullable=False, server_default="0"),
    instant("run_after", is_required=True),
    instant("logical_date"),
    instant("data_interval_start"),
    instant("data_interval_end"),
    instant("queued_at", is_required=True),
    instant("started_at"),
    instant("ended_at"),
    text("conf", server_default="{}"),
    Column("dag_version_pk", Pk, nullable=True),
    Column("clear_number", Integer, nullable=False, server_default="0"),
    text("triggered_by"),
    optional_text("triggering_user_name"),
    optional_text("note"),
    # The backfill that owns the run now, and the run's place in it.
    Column("backfill_pk", Pk, nullable=True),
    Column("backfill_ordinal", Integer, nullable=True),
    # The version of its bundle that the run is pinned to.
    optional_text("bundle_version"),
    # Of a run that works on one partition.
    optional_text("partition_key"),
    instant("partition_date"),
    UniqueConstraint("dag_id", "run_id"),
    UniqueConstraint("dag_id", "logical_date"),
    one_of("state", DagRunState),
    one_of("run_type", RunType),
    Index("ix_dag_run_dag_id_run_after", "dag_id", "run_after"),
    Index("ix_dag_run_unfinished", "pk", sqlite_where=sql(UNFINISHED_RUN), postgresql_where=sql(UNFINISHED_RUN)),
    Index(
        "ix_dag_run_scheduled",
        "dag_id",
        "logical_date",
        sqlite_where=sql(SCHEDULED_RUN),
        postgresql_where=sql(SCHEDULED_RUN),
    ),
    Index("ix_dag_run_dag_version_pk", "dag_version_pk"),
    # A number is never given twice: the numbers of task instances are made from it.
    sqlite_autoincrement=True,
    **stored_with(fillfactor="80"),
)

task_instance = Table(
    "task_instance",
    metadata,
    pk(is_given=True),
    Column("run_pk", Pk, nullable=False),
    text("task_id"),
    Column("map_index", Integer, nullable=False),
    text("state"),
    Column("version", Integer, nullable=False),
    Column("try_number", Integer, nullable=False),
    Column("max_tries", Integer, nullable=False),
    text("operator"),
    text("pool"),
    Column("pool_slots", Integer, nullable=False),
    text("queue"),
    Column("priority_weight", BigInteger, nullable=False),
    instant("scheduled_at"),
    instant("queued_at"),
    instant("started_at"),
    instant("ended_at"),
    instant("due_at"),
    Column("pid", Integer, nullable=True),
    optional_text("hostname"),
    optional_text("note"),
    # What a user wrote beside it; `note` is the scheduler's word on the try.
    optional_text("user_note"),
    # Where it is not the run's: the instance ended before the run went on with a newer version.
    Column("dag_version_pk", Pk, nullable=True),
    # What is mapped over the return value makes of it: its length, or of a mapped instance whether there is one.
    Column("map_length", Integer, nullable=True),
    optional_text("rendered_map_index"),
    UniqueConstraint("run_pk", "task_id", "map_index"),
    one_of("state", TaskInstanceState),
    # No index has the state in it, not even in its condition: so a PostgreSQL page takes the new row beside the old one
    # and no index is touched. Unfinished instances are found through their unfinished runs.
    **stored_with(fillfactor="70", autovacuum_vacuum_scale_factor="0.02"),
)

task_instance_history = Table(
    "task_instance_history",
    metadata,
    pk(),
    Column("ti_pk", Pk, nullable=False),
    text("task_id"),
    Column("map_index", Integer, nullable=False),
    text("state"),
    Column("try_number", Integer, nullable=False),
    Column("max_tries", Integer, nullable=False),
    text("operator"),
    text("pool"),
    Column("pool_slots", Integer, nullable=False),
    text("queue"),
    Column("priority_weight", BigInteger, nullable=False),
    instant("scheduled_at"),
    instant("queued_at"),
    instant("started_at"),
    instant("ended_at"),
    Column("pid", Integer, nullable=True),
    optional_text("hostname"),
    optional_text("note"),
    Column("dag_version_pk", Pk, nullable=True),
    optional_text("rendered_map_index"),
    Index("ix_task_instance_history_ti_pk_try_number", "ti_pk", "try_number"),
)
"""Tries that are over, as they were when the next one, or a clear, took their place."""

task_instance_event = Table(
    "task_instance_event",
    metadata,
    Column("ti_pk", Pk, primary_key=True, autoincrement=False),
    # One event raises the version by one, so this key also refuses a second writer of the same step.
    Column("version", Integer, primary_key=True, autoincrement=False),
    text("event"),
    Column("try_number", Integer, nullable=False),
    instant("at", is_required=True),
    sqlite_with_rowid=False,
)

xcom = Table(
    "xcom",
    metadata,
    Column("ti_pk", Pk, primary_key=True, autoincrement=False),
    text("key", primary_key=True),
    Column("value", LargeBinary, nullable=False),
    instant("created_at", is_required=True),
)

rendered_fields = Table(
    "rendered_fields",
    metadata,
    Column("ti_pk", Pk, primary_key=True, autoincrement=False),
    Column("fields", LargeBinary, nullable=False),
)

callback_request = Table(
    "callback_request",
    metadata,
    pk(),
    Column("run_pk", Pk, nullable=False),
    text("dag_id"),
    text("run_id"),
    text("name"),
    text("reason"),
    optional_text("task_id"),
    Column("map_index", Integer, nullable=False),
    Column("try_number", Integer, nullable=False),
    instant("created_at", is_required=True),
    text("kind", server_default="task"),
    text("payload", server_default="{}"),
    sqlite_autoincrement=True,
)
