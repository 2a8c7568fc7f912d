"""Every table of the metadata database. No other module defines one.

What the scheduler writes (dag_run, task_instance and what hangs on them) carries no foreign keys: a check for every row
would cost more than the write, and a DAG deleted meanwhile must not spoil a whole batch. Who deletes a run deletes what
hangs on it: `tradewind.metadata.runs.deletion`.
"""

from __future__ import annotations

from tradewind.metadata.tables.asset_tables import (
    asset,
    asset_alias,
    asset_alias_asset,
    asset_event,
    asset_event_alias,
    asset_partition,
    asset_partition_event,
    asset_queue,
    asset_use,
    asset_watcher,
    consumed_asset_event,
)
from tradewind.metadata.tables.backfill_tables import backfill, backfill_dag_run
from tradewind.metadata.tables.columns import metadata
from tradewind.metadata.tables.dag_tables import (
    dag,
    dag_source,
    dag_tag,
    dag_version,
    dag_warning,
    import_error,
)
from tradewind.metadata.tables.deferral_tables import hitl_detail, trigger
from tradewind.metadata.tables.policy_tables import deadline, plugin
from tradewind.metadata.tables.run_tables import (
    callback_request,
    dag_run,
    rendered_fields,
    task_instance,
    task_instance_event,
    task_instance_history,
    xcom,
)
from tradewind.metadata.tables.state_tables import asset_state, task_state
from tradewind.metadata.tables.system_tables import audit_log, connection, job, lease, pool, variable

__all__ = [
    "asset",
    "asset_alias",
    "asset_alias_asset",
    "asset_event",
    "asset_event_alias",
    "asset_partition",
    "asset_partition_event",
    "asset_queue",
    "asset_state",
    "asset_use",
    "asset_watcher",
    "audit_log",
    "backfill",
    "backfill_dag_run",
    "callback_request",
    "connection",
    "consumed_asset_event",
    "dag",
    "dag_run",
    "dag_source",
    "dag_tag",
    "dag_version",
    "dag_warning",
    "deadline",
    "hitl_detail",
    "import_error",
    "job",
    "lease",
    "metadata",
    "plugin",
    "pool",
    "rendered_fields",
    "task_instance",
    "task_instance_event",
    "task_instance_history",
    "task_state",
    "trigger",
    "variable",
    "xcom",
]
