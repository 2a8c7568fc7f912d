"""The records of the stores in the shapes of Airflow's OpenAPI document."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tradewind.core.states import TaskInstanceState

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.metadata.dags.records import DagDetail
    from tradewind.metadata.jobs import JobDetail
    from tradewind.metadata.runs.records import RunDetail, TaskInstanceDetail, TryDetail
    from tradewind.metadata.waits.showing import WaitDetail
    from tradewind.serialization.document import ParamDocument, TaskDocument
    from tradewind.web.answers.labels import Labels

_APERIODIC = frozenset({"", "None", "@once", "@continuous"})


def dag_shape(dag: DagDetail) -> dict[str, Any]:
    """Return one DAG as lists show it."""
    return {
        "dag_id": dag.dag_id,
        "dag_display_name": dag.display_name,
        "is_paused": dag.is_paused,
        "is_stale": not dag.is_present,
        "last_parsed_time": dag.last_parsed_at,
        "last_parse_duration": dag.last_parse_duration_s,
        "last_expired": None,
        "bundle_name": dag.bundle_name,
        "bundle_version": dag.bundle_version,
        "relative_fileloc": dag.relative_path,
        "fileloc": dag.path,
        "description": dag.description,
        "timetable_summary": dag.schedule_summary,
        "timetable_description": None,
        "timetable_partitioned": False,
        "timetable_periodic": dag.schedule_summary not in _APERIODIC,
        "tags": [{"name": tag, "dag_id": dag.dag_id, "dag_display_name": dag.display_name} for tag in dag.tags],
        "max_active_tasks": dag.max_active_tasks,
        "max_active_runs": dag.max_active_runs,
        "max_consecutive_failed_dag_runs": dag.max_consecutive_failed_dag_runs,
        "has_task_concurrency_limits": False,
        "has_import_errors": dag.has_import_errors,
        "next_dagrun_logical_date": dag.next_interval_start,
        "next_dagrun_data_interval_start": dag.next_interval_start,
        "next_dagrun_data_interval_end": dag.next_interval_end,
        "next_dagrun_run_after": dag.next_run_after,
        "allowed_run_types": dag.allowed_run_types.split(",") if dag.allowed_run_types else None,
        "owners": [owner.strip() for owner in dag.owners.split(",") if owner.strip()],
        "is_backfillable": dag.schedule_summary not in _APERIODIC,
        "file_token": base64.urlsafe_b64encode(dag.path.encode()).decode(),
    }


def run_shape(run: RunDetail, labels: Labels) -> dict[str, Any]:
    """Return one DAG run."""
    version = labels.version(run.dag_id, run.dag_version_pk)
    return {
        "dag_run_id": run.run_id,
        "dag_id": run.dag_id,
        "logical_date": run.logical_date,
        "queued_at": run.queued_at,
        "start_date": run.started_at,
        "end_date": run.ended_at,
        "duration": seconds_between(run.started_at, run.ended_at),
        "data_interval_start": run.data_interval_start,
        "data_interval_end": run.data_interval_end,
        "run_after": run.run_after,
        "last_scheduling_decision": run.started_at,
        "run_type": run.run_type.value,
        "state": run.state.value,
        "triggered_by": run.triggered_by,
        "triggering_user_name": run.triggering_user_name,
        "conf": run.conf,
        "note": run.note,
        "dag_versions": [version] if version else [],
        "bundle_version": run.bundle_version,
        "dag_display_name": labels.display_name(run.dag_id),
        "partition_key": run.partition_key,
        "partition_date": run.partition_date,
    }


def task_instance_shape(instance: TaskInstanceDetail, labels: Labels, wait: WaitDetail | None = None) -> dict[str, Any]:
    """Return one task instance as it is now; `wait` is what it waits for where it is deferred."""
    shape = _try_shape(instance)
    shape |= {
        "id": str(UUID(int=instance.ti_pk)),
        "task_id": instance.task_id,
        "dag_id": instance.dag_id,
        "dag_run_id": instance.run_id,
        "map_index": instance.map_index,
        "logical_date": instance.logical_date,
        "run_after": instance.run_after,
        "task_display_name": instance.task_id,
        "dag_display_name": labels.display_name(instance.dag_id),
        "note": instance.note if instance.user_note is None else instance.user_note,
        "rendered_map_index": rendered_map_index(instance),
        "rendered_fields": {},
        "trigger": None if wait is None else _trigger_shape(wait),
        "triggerer_job": None if wait is None or wait.triggerer is None else _job_shape(wait.triggerer),
        "dag_version": labels.version(instance.dag_id, instance.dag_version_pk),
    }
    return shape


def _trigger_shape(wait: WaitDetail) -> dict[str, Any]:
    return {
        "id": wait.trigger_pk,
        "classpath": wait.classpath,
        # Airflow keeps the name and tells nobody what is in it: there may be secrets.
        "kwargs": "{}",
        "created_date": wait.created_at,
        "queue": wait.queue,
        "triggerer_id": None if wait.triggerer is None else wait.triggerer.job_pk,
    }


def _job_shape(job: JobDetail) -> dict[str, Any]:
    return {
        "id": job.job_pk,
        "dag_id": None,
        "state": "running" if job.ended_at is None else "success",
        "job_type": "TriggererJob",
        "start_date": job.started_at,
        "end_date": job.ended_at,
        "latest_heartbeat": job.heartbeat_at,
        "executor_class": None,
        "hostname": job.hostname,
        "unixname": None,
        "dag_display_name": None,
    }


def rendered_map_index(instance: TaskInstanceDetail) -> str | None:
    """Return the name of a mapped instance: what its `map_index_template` gave, else its map index."""
    if instance.rendered_map_index is not None or instance.map_index < 0:
        return instance.rendered_map_index
    return str(instance.map_index)


def try_shape(attempt: TryDetail, instance: TaskInstanceDetail, labels: Labels) -> dict[str, Any]:
    """Return one try of a task instance."""
    shape = _try_shape(attempt)
    shape |= {
        "task_id": instance.task_id,
        "dag_id": instance.dag_id,
        "dag_run_id": instance.run_id,
        "map_index": instance.map_index,
        "task_display_name": instance.task_id,
        "dag_display_name": labels.display_name(instance.dag_id),
        "dag_version": labels.version(instance.dag_id, attempt.dag_version_pk),
    }
    return shape


def task_shape(task: TaskDocument) -> dict[str, Any]:
    """Return one task of a DAG's document."""
    return {
        "task_id": task.task_id,
        "task_display_name": task.display_name or task.task_id,
        "owner": task.owner,
        "start_date": task.start_date,
        "end_date": task.end_date,
        "trigger_rule": task.trigger_rule,
        "depends_on_past": task.depends_on_past,
        "wait_for_downstream": task.wait_for_downstream,
        "retries": task.retries,
        "queue": task.queue,
        "pool": task.pool,
        "pool_slots": task.pool_slots,
        "execution_timeout": time_delta(task.execution_timeout_s),
        "retry_delay": time_delta(task.retry_delay_s),
        "retry_exponential_backoff": task.retry_exponential_backoff,
        "priority_weight": task.priority_weight,
        "weight_rule": task.weight_rule,
        "ui_color": task.ui_color,
        "ui_fgcolor": task.ui_fgcolor,
        "template_fields": list(task.template_fields),
        "downstream_task_ids": list(task.downstream),
        "doc_md": task.doc_md or None,
        "operator_name": task.task_type,
        "params": params_shape(task.params),
        "class_ref": {"module_path": task.operator_module, "class_name": task.task_type},
        "is_mapped": task.is_mapped,
        "extra_links": list(task.extra_links),
    }


def params_shape(params: dict[str, ParamDocument]) -> dict[str, Any]:
    """Return params as the trigger form of Airflow takes them."""
    return {
        name: {"value": param.value, "description": param.description, "schema": param.schema, "source": None}
        for name, param in params.items()
    }


def time_delta(seconds: float | None) -> dict[str, Any] | None:
    """Return a duration in the API's shape."""
    if seconds is None:
        return None
    days, rest = divmod(seconds, 86_400)
    whole = int(rest)
    return {
        "__type": "TimeDelta",
        "days": int(days),
        "seconds": whole,
        "microseconds": round((rest - whole) * 1_000_000),
    }


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Return a duration in seconds; None while one of both is missing."""
    return None if start is None or end is None else (end - start).total_seconds()


def state_shape(state: TaskInstanceState) -> str | None:
    """Return a task instance's state as the API has it: none is null."""
    return None if state is TaskInstanceState.NONE else state.value


def _try_shape(attempt: TaskInstanceDetail | TryDetail) -> dict[str, Any]:
    """Return what a task instance and each of its tries have in common."""
    return {
        "start_date": attempt.started_at,
        "end_date": attempt.ended_at,
        "duration": seconds_between(attempt.started_at, attempt.ended_at),
        "state": state_shape(attempt.state),
        "try_number": attempt.try_number,
        "max_tries": attempt.max_tries,
        "hostname": attempt.hostname or "",
        "unixname": None,
        "pool": attempt.pool,
        "pool_slots": attempt.pool_slots,
        "queue": attempt.queue,
        "priority_weight": attempt.priority_weight,
        "operator": attempt.operator,
        "operator_name": attempt.operator,
        "queued_when": attempt.queued_at,
        "scheduled_when": attempt.scheduled_at,
        "pid": attempt.pid,
        "executor": None,
        "executor_config": "{}",
    }
