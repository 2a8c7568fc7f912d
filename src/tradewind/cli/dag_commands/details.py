"""A DAG as Airflow's lists show it: the fields of its DAGResponse, under its names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tradewind.metadata.dags import DagDetail, FileResult
    from tradewind.serialization.document import DagDocument

FROM_DOCUMENT = ("timetable_description", "timetable_periodic", "has_task_concurrency_limits", "airflow_defaults")
"""The fields that only the document has."""

DEFAULT_COLUMNS = ("dag_id", "fileloc", "owners", "is_paused", "bundle_name", "bundle_version")


def stored_dag(
    detail: DagDetail,
    document: DagDocument | None,
    decided_by: str | None = None,
    awaited_assets: list[str] | None = None,
    warnings: list[str] | None = None,
) -> dict[str, Any]:
    """Return every field of a DAG of the database; `document` may be left out where its fields are not asked for.

    `decided_by` is the line by which it has the defaults of Airflow 2, where one decided; `awaited_assets` is what its next
    run still waits for, `warnings` what was found wrong with it.
    """
    return {
        "dag_id": detail.dag_id,
        "dag_display_name": detail.display_name,
        "is_paused": detail.is_paused,
        "is_stale": not detail.is_present,
        "last_parsed_time": detail.last_parsed_at,
        "last_parse_duration": detail.last_parse_duration_s,
        "last_expired": None,
        "bundle_name": detail.bundle_name,
        "bundle_version": detail.bundle_version,
        "relative_fileloc": detail.relative_path,
        "fileloc": detail.path,
        "description": detail.description,
        "timetable_summary": detail.schedule_summary or None,
        **_of_document(document),
        "airflow_defaults_decided_by": decided_by,
        "awaited_assets": awaited_assets,
        "warnings": warnings,
        "tags": _tags(detail.dag_id, detail.display_name, detail.tags),
        "max_active_tasks": detail.max_active_tasks,
        "max_active_runs": detail.max_active_runs,
        "max_consecutive_failed_dag_runs": detail.max_consecutive_failed_dag_runs,
        "has_import_errors": detail.has_import_errors,
        "next_dagrun_logical_date": detail.next_interval_start,
        "next_dagrun_data_interval_start": detail.next_interval_start,
        "next_dagrun_data_interval_end": detail.next_interval_end,
        "next_dagrun_run_after": detail.next_run_after,
        "owners": [owner.strip() for owner in detail.owners.split(",") if owner.strip()],
    }


def parsed_dag(result: FileResult, document: DagDocument) -> dict[str, Any]:
    """Return every field of a DAG that was parsed just now: what only the database knows is None."""
    from tradewind.serialization.document import DEFAULTS_WARNING

    name = document.display_name or document.dag_id
    return {
        "dag_id": document.dag_id,
        "dag_display_name": name,
        **dict.fromkeys(("is_paused", "is_stale", "last_parsed_time"), None),
        "last_parse_duration": result.parse_duration_s,
        "last_expired": None,
        "bundle_name": None,
        "bundle_version": None,
        "relative_fileloc": document.relative_fileloc,
        "fileloc": result.path,
        "description": document.description,
        "timetable_summary": document.schedule_summary or None,
        **_of_document(document),
        "airflow_defaults_decided_by": next(
            (w.message for w in result.warnings if (w.kind, w.dag_id) == (DEFAULTS_WARNING, document.dag_id)), None
        ),
        "awaited_assets": None,
        "warnings": [warning.message for warning in result.warnings if warning.dag_id == document.dag_id],
        "tags": _tags(document.dag_id, name, document.tags),
        "max_active_tasks": document.max_active_tasks,
        "max_active_runs": document.max_active_runs,
        "max_consecutive_failed_dag_runs": document.max_consecutive_failed_dag_runs,
        "has_import_errors": False,
        **dict.fromkeys(
            (
                "next_dagrun_logical_date",
                "next_dagrun_data_interval_start",
                "next_dagrun_data_interval_end",
                "next_dagrun_run_after",
            ),
            None,
        ),
        "owners": list(document.owners),
    }


def chosen(fields: Mapping[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields asked for, in the order asked for; Airflow 2's names of them work too."""
    return {name: fields[_FORMER.get(name, name)] for name in columns}


def is_known(column: str, fields: Mapping[str, Any]) -> bool:
    """Return whether a column can be shown."""
    return _FORMER.get(column, column) in fields


_FORMER = {"filepath": "fileloc", "owner": "owners", "paused": "is_paused"}


def _of_document(document: DagDocument | None) -> dict[str, Any]:
    if document is None:
        return dict.fromkeys(FROM_DOCUMENT)
    from tradewind.core.timetables.codec import decode_timetable

    timetable = decode_timetable(document.timetable)
    return {
        "timetable_description": timetable.description or None,
        "timetable_periodic": timetable.periodic,
        "has_task_concurrency_limits": any(
            task.max_active_tis_per_dag is not None or task.max_active_tis_per_dagrun is not None
            for task in document.tasks
        ),
        "airflow_defaults": document.airflow_defaults,
    }


def _tags(dag_id: str, display_name: str, names: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": name, "dag_id": dag_id, "dag_display_name": display_name} for name in names]
