"""DAGs, their tasks, versions, tags and source."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import PlainTextResponse, Response

from tradewind.core.assets import outline
from tradewind.core.states import DagRunState
from tradewind.core.timetables.asset_schedules import condition_of
from tradewind.core.timetables.codec import decode_timetable
from tradewind.metadata.assets.waiting import awaited_assets
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.runs import RunFilter, delete_dag, list_runs
from tradewind.web.answers.labels import version_shape
from tradewind.web.answers.shapes import dag_shape, params_shape, task_shape
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.web.operations import Call

_ORDER_NAMES = {"last_run_start_date": "next_dagrun", "next_dagrun_run_after": "next_dagrun"}


class DagsQuery(PageQuery, kw_only=True):
    """Which DAGs."""

    tags: list[str] = msgspec.field(default_factory=list)
    tags_match_mode: str = "any"
    dag_id_pattern: str | None = None
    dag_display_name_pattern: str | None = None
    exclude_stale: bool = True
    paused: bool | None = None


class DagPatch(msgspec.Struct):
    """What can be changed of a DAG."""

    is_paused: bool


class VersionQuery(msgspec.Struct):
    """Which version; the newest where none is named."""

    version_number: int | None = None


class TasksQuery(msgspec.Struct):
    """In which order."""

    order_by: str = "task_id"


def list_dags(call: Call) -> dict[str, Any]:
    """List DAGs."""
    query: DagsQuery = call.query
    dags, total = call.backend.dags.list_dags(
        pattern=query.dag_id_pattern or query.dag_display_name_pattern,
        tags=query.tags,
        has_all_tags=query.tags_match_mode == "all",
        is_paused=query.paused,
        is_present=True if query.exclude_stale else None,
        page=page_of(call, default_order=("dag_id",), renamed=_ORDER_NAMES),
    )
    return {"dags": [dag_shape(dag) for dag in dags], "total_entries": total}


def get_dag(call: Call) -> dict[str, Any]:
    """Get one DAG."""
    return dag_shape(call.backend.dags.get_dag(call.path["dag_id"]))


def get_dag_details(call: Call) -> dict[str, Any]:
    """Get one DAG with what its document says."""
    dag = call.backend.dags.get_dag(call.path["dag_id"])
    document = call.backend.document(dag)
    active = RunFilter(dag_ids=(dag.dag_id,), states=(DagRunState.QUEUED.value, DagRunState.RUNNING.value))
    versions = call.backend.dags.list_versions(dag.dag_id)
    timeout_s = document.dagrun_timeout_s
    condition = condition_of(decode_timetable(document.timetable))
    return dag_shape(dag) | {
        "timetable_description": decode_timetable(document.timetable).description or None,
        "has_task_concurrency_limits": any(
            task.max_active_tis_per_dag is not None or task.max_active_tis_per_dagrun is not None
            for task in document.tasks
        ),
        "catchup": document.catchup,
        "dag_run_timeout": None if timeout_s is None else timedelta(seconds=timeout_s),
        "awaited_assets": awaited_assets(call.backend.database, document),
        "asset_expression": None if condition is None else outline(condition),
        "doc_md": document.doc_md,
        "start_date": document.start_date,
        "end_date": document.end_date,
        "is_paused_upon_creation": document.is_paused_upon_creation,
        "params": params_shape(document.params),
        "render_template_as_native_obj": document.render_template_as_native_obj,
        "template_search_path": None,
        "timezone": document.timezone,
        "airflow_defaults": document.airflow_defaults,
        "airflow_defaults_decided_by": call.backend.dags.defaults_decided_by(dag.dag_id),
        "last_parsed": dag.last_parsed_at,
        "default_args": None,
        "rerun_with_latest_version": None,
        "owner_links": document.owner_links,
        "is_favorite": False,
        "active_runs_count": len(list_runs(call.backend.database, active)[0]),
        "concurrency": document.max_active_tasks,
        "latest_dag_version": version_shape(versions[0], dag.display_name) if versions else None,
    }


def patch_dag(call: Call) -> dict[str, Any]:
    """Pause or unpause a DAG."""
    dag_id = call.path["dag_id"]
    call.backend.dags.set_paused([dag_id], is_paused=call.body.is_paused)
    return dag_shape(call.backend.dags.get_dag(dag_id))


def patch_dags(call: Call) -> dict[str, Any]:
    """Pause or unpause the DAGs that the query finds."""
    found = list_dags(call)
    call.backend.dags.set_paused([dag["dag_id"] for dag in found["dags"]], is_paused=call.body.is_paused)
    for dag in found["dags"]:
        dag["is_paused"] = call.body.is_paused
    return found


def remove_dag(call: Call) -> None:
    """Delete a DAG with its runs; it comes back, new, when its file is parsed again."""
    delete_dag(call.backend.database, call.path["dag_id"])


def list_tasks(call: Call) -> dict[str, Any]:
    """List the tasks of a DAG."""
    document = call.backend.document(call.backend.dags.get_dag(call.path["dag_id"]))
    tasks = [task_shape(task) for task in document.tasks]
    name = call.query.order_by.removeprefix("-")
    if tasks and name not in tasks[0]:
        name = "task_id"
    tasks.sort(key=lambda task: (task[name] is None, str(task[name])), reverse=call.query.order_by.startswith("-"))
    return {"tasks": tasks, "total_entries": len(tasks)}


def get_task(call: Call) -> dict[str, Any]:
    """Get one task of a DAG."""
    document = call.backend.document(call.backend.dags.get_dag(call.path["dag_id"]))
    for task in document.tasks:
        if task.task_id == call.path["task_id"]:
            return task_shape(task)
    raise NotFoundError(f"DAG {document.dag_id!r} has no task {call.path['task_id']!r}")


def list_tags(call: Call) -> dict[str, Any]:
    """List the tags in use."""
    page = page_of(call)
    tags = call.backend.dags.list_tags()
    end = None if page.limit is None else page.offset + page.limit
    return {"tags": tags[page.offset : end], "total_entries": len(tags)}


def list_versions(call: Call) -> dict[str, Any]:
    """List the versions of a DAG, newest first."""
    dag = call.backend.dags.get_dag(call.path["dag_id"])
    versions = call.backend.dags.list_versions(dag.dag_id)
    page = replace(page_of(call), order_by=())
    end = None if page.limit is None else page.offset + page.limit
    shown = [version_shape(version, dag.display_name) for version in versions[page.offset : end]]
    return {"dag_versions": shown, "total_entries": len(versions)}


def get_source(call: Call) -> Response | dict[str, Any]:
    """Get the source of a DAG, as JSON or as text."""
    dag = call.backend.dags.get_dag(call.path["dag_id"])
    content = call.backend.dags.get_source(dag.dag_id, call.query.version_number)
    if "text/plain" in call.headers.get("accept", ""):
        return PlainTextResponse(content)
    return {
        "content": content,
        "dag_id": dag.dag_id,
        "version_number": call.query.version_number or dag.version_number,
        "dag_display_name": dag.display_name,
    }


def get_version(call: Call) -> dict[str, Any]:
    """Get one version of a DAG."""
    dag = call.backend.dags.get_dag(call.path["dag_id"])
    number = call.path["version_number"]
    for version in call.backend.dags.list_versions(dag.dag_id):
        if version.number == number:
            return version_shape(version, dag.display_name)
    raise NotFoundError(f"there is no version {number} of DAG {dag.dag_id!r}")


OPERATIONS = (
    Operation("GET", "/api/v2/dags", list_dags, query=DagsQuery),
    Operation("PATCH", "/api/v2/dags", patch_dags, role="user", query=DagsQuery, body=DagPatch),
    Operation("GET", "/api/v2/dags/{dag_id}", get_dag),
    Operation("PATCH", "/api/v2/dags/{dag_id}", patch_dag, role="user", body=DagPatch),
    Operation("DELETE", "/api/v2/dags/{dag_id}", remove_dag, role="user"),
    Operation("GET", "/api/v2/dags/{dag_id}/details", get_dag_details),
    Operation("GET", "/api/v2/dags/{dag_id}/tasks", list_tasks, query=TasksQuery),
    Operation("GET", "/api/v2/dags/{dag_id}/tasks/{task_id}", get_task),
    Operation("GET", "/api/v2/dags/{dag_id}/dagVersions", list_versions, query=PageQuery),
    Operation("GET", "/api/v2/dags/{dag_id}/dagVersions/{version_number:int}", get_version),
    Operation("GET", "/api/v2/dagTags", list_tags, query=PageQuery),
    Operation("GET", "/api/v2/dagSources/{dag_id}", get_source, query=VersionQuery),
)
