"""Task instances and their tries: list, mark, clear."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.states import TaskInstanceState
from tradewind.metadata.errors import InvalidRequestError, NotFoundError
from tradewind.metadata.runs import (
    RunFilter,
    TaskInstanceFilter,
    clear_task_instances,
    get_rendered_fields,
    get_run,
    get_task_instance,
    list_task_instances,
    list_tries,
    mark_task_instances,
)
from tradewind.web.answers.labels import Labels
from tradewind.web.answers.shapes import task_instance_shape, try_shape
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, aware, earliest, latest, only, page_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.metadata.runs import TaskInstanceDetail
    from tradewind.serialization.document import DagDocument
    from tradewind.web.operations import Call

INSTANCES = "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances"
INSTANCE = f"{INSTANCES}/{{task_id}}"
_MAPPED = f"{INSTANCE}/{{map_index:map_index}}"
_ORDER_NAMES = {"dag_run_id": "run_id"}


class InstancesQuery(PageQuery, kw_only=True):
    """Which task instances."""

    task_id: list[str] = msgspec.field(default_factory=list)
    state: list[str] = msgspec.field(default_factory=list)
    pool: list[str] = msgspec.field(default_factory=list)
    queue: list[str] = msgspec.field(default_factory=list)
    map_index: list[int] = msgspec.field(default_factory=list)
    logical_date_gte: datetime | None = None
    logical_date_gt: datetime | None = None
    logical_date_lte: datetime | None = None
    logical_date_lt: datetime | None = None
    run_after_gte: datetime | None = None
    run_after_gt: datetime | None = None
    run_after_lte: datetime | None = None
    run_after_lt: datetime | None = None


class MapIndexQuery(msgspec.Struct):
    """Which of a mapped task's instances."""

    map_index: int = -1


class InstancePatch(msgspec.Struct, kw_only=True):
    """What can be changed of a task instance, and of which others beside it."""

    new_state: str | None = None
    note: str | None = None
    include_upstream: bool = False
    include_downstream: bool = False
    include_future: bool = False
    include_past: bool = False


class ClearBody(msgspec.Struct, kw_only=True):
    """Which task instances of a DAG to clear."""

    dry_run: bool = True
    start_date: datetime | None = None
    end_date: datetime | None = None
    only_failed: bool = True
    only_running: bool = False
    reset_dag_runs: bool = True
    task_ids: list[str | tuple[str, int]] | None = None
    dag_run_id: str | None = None
    include_upstream: bool = False
    include_downstream: bool = False
    include_future: bool = False
    include_past: bool = False
    run_on_latest_version: bool | None = None
    prevent_running_task: bool = False
    note: str | None = None


def list_instances(call: Call) -> dict[str, Any]:
    """List task instances; `~` stands for every DAG, and for every run."""
    query: InstancesQuery = call.query
    dag_id, run_id = call.path["dag_id"], call.path["dag_run_id"]
    if "~" not in (dag_id, run_id):
        get_run(call.backend.database, dag_id, run_id)
    which = TaskInstanceFilter(
        runs=RunFilter(
            dag_ids=only(dag_id),
            run_ids=only(run_id),
            logical_date_from=earliest(query.logical_date_gte, query.logical_date_gt),
            logical_date_to=latest(query.logical_date_lte, query.logical_date_lt),
            run_after_from=earliest(query.run_after_gte, query.run_after_gt),
            run_after_to=latest(query.run_after_lte, query.run_after_lt),
        ),
        task_ids=query.task_id,
        states=[TaskInstanceState.NONE.value if state in {"no_status", "null"} else state for state in query.state],
        pools=query.pool,
        queues=query.queue,
        map_indexes=query.map_index,
    )
    found, total = list_task_instances(call.backend.database, which, page_of(call, renamed=_ORDER_NAMES))
    return _collection(call, found, total)


def get_instance(call: Call) -> dict[str, Any]:
    """Get one task instance, with its rendered template fields."""
    instance = find_instance(call)
    shape = task_instance_shape(instance, Labels(call.backend, [instance.dag_id]))
    shape["rendered_fields"] = get_rendered_fields(call.backend.database, instance.ti_pk) or {}
    return shape


def list_mapped(call: Call) -> dict[str, Any]:
    """List the instances of a mapped task."""
    which = TaskInstanceFilter(
        runs=RunFilter(dag_ids=(call.path["dag_id"],), run_ids=(call.path["dag_run_id"],)),
        task_ids=(call.path["task_id"],),
        states=call.query.state,
    )
    found, total = list_task_instances(call.backend.database, which, page_of(call))
    return _collection(call, found, total)


def patch_instance(call: Call) -> dict[str, Any]:
    """Mark a task instance, and those beside it that the body names, as success, failed or skipped."""
    return _patch(call, dry_run=False)


def preview_patch(call: Call) -> dict[str, Any]:
    """List the task instances that a patch would change."""
    return _patch(call, dry_run=True)


def list_instance_tries(call: Call) -> dict[str, Any]:
    """List every try of a task instance, the one under way or last included."""
    instance = find_instance(call)
    labels = Labels(call.backend, [instance.dag_id])
    tries = [try_shape(attempt, instance, labels) for attempt in list_tries(call.backend.database, instance.ti_pk)]
    return {"task_instances": tries, "total_entries": len(tries)}


def get_instance_try(call: Call) -> dict[str, Any]:
    """Get one try of a task instance."""
    instance = find_instance(call)
    wanted = call.path["try_number"]
    for attempt in list_tries(call.backend.database, instance.ti_pk):
        if attempt.try_number == wanted:
            return try_shape(attempt, instance, Labels(call.backend, [instance.dag_id]))
    raise NotFoundError(f"task instance {instance.task_id!r} of run {instance.run_id!r} has no try {wanted}")


def clear_instances(call: Call) -> dict[str, Any]:
    """Let task instances of a DAG start over; return them as they were."""
    body: ClearBody = call.body
    backend = call.backend
    dag = backend.dags.get_dag(call.path["dag_id"])
    runs = _runs_of(call, dag.dag_id, body.dag_run_id, past=body.include_past, future=body.include_future)
    if body.dag_run_id is None:
        runs = replace(runs, logical_date_from=aware(body.start_date), logical_date_to=aware(body.end_date))
    which = TaskInstanceFilter(runs=runs)
    if body.task_ids is not None:
        document = backend.document(dag)
        whole = {task for task in body.task_ids if isinstance(task, str)}
        single = [task for task in body.task_ids if not isinstance(task, str)]
        beside = _related(
            document,
            whole | {task_id for task_id, _ in single},
            upstream=body.include_upstream,
            downstream=body.include_downstream,
        )
        which = _narrowed(call, which, whole | beside, single)
    if body.prevent_running_task and _any_running(call, which):
        raise InvalidRequestError("a task instance is running: wait for its end, or clear without prevent_running_task")
    cleared = clear_task_instances(
        backend.database,
        backend.clock,
        which,
        only_failed=body.only_failed,
        only_running=body.only_running,
        run_on_latest_version=bool(body.run_on_latest_version),
        dry_run=body.dry_run,
    )
    return _collection(call, cleared.task_instances, len(cleared.task_instances))


def find_instance(call: Call) -> TaskInstanceDetail:
    """Return the task instance that path and query name. Raises `NotFoundError`."""
    map_index = call.path.get("map_index", getattr(call.query, "map_index", -1))
    return get_task_instance(
        call.backend.database, call.path["dag_id"], call.path["dag_run_id"], call.path["task_id"], map_index
    )


def _patch(call: Call, *, dry_run: bool) -> dict[str, Any]:
    body: InstancePatch = call.body
    backend = call.backend
    if body.note is not None:
        raise InvalidRequestError("the note of a task instance says why it stands as it stands and cannot be changed")
    instance = find_instance(call)
    if body.new_state is None:
        return _collection(call, [instance], 1)
    try:
        state = TaskInstanceState(body.new_state)
    except ValueError:
        raise InvalidRequestError(f"{body.new_state!r} is no state of a task instance") from None
    document = backend.document(backend.dags.get_dag(instance.dag_id))
    beside = _related(document, {instance.task_id}, upstream=body.include_upstream, downstream=body.include_downstream)
    which = TaskInstanceFilter(
        runs=_runs_of(call, instance.dag_id, instance.run_id, past=body.include_past, future=body.include_future),
        task_ids=sorted({instance.task_id} | beside),
        map_indexes=() if beside or instance.map_index < 0 else (instance.map_index,),
    )
    marked = mark_task_instances(backend.database, backend.clock, which, state, dry_run=dry_run)
    now = list_task_instances(
        backend.database, TaskInstanceFilter(ti_pks=[changed.ti_pk for changed in marked.task_instances] or [-1])
    )[0]
    return _collection(call, now, len(now))


def _runs_of(call: Call, dag_id: str, run_id: str | None, *, past: bool, future: bool) -> RunFilter:
    """Return one run, and with it those of earlier or later logical dates."""
    if run_id is None:
        return RunFilter(dag_ids=(dag_id,))
    run = get_run(call.backend.database, dag_id, run_id)
    if not (past or future) or run.logical_date is None:
        return RunFilter(run_pks=(run.run_pk,))
    return RunFilter(
        dag_ids=(dag_id,),
        logical_date_from=None if past else run.logical_date,
        logical_date_to=None if future else run.logical_date,
    )


def _related(document: DagDocument, starts: set[str], *, upstream: bool, downstream: bool) -> set[str]:
    """Return the tasks that are reached from `starts` along the edges, in the directions asked for."""
    down = {task.task_id: set(task.downstream) for task in document.tasks}
    unknown = sorted(starts - down.keys())
    if unknown:
        raise NotFoundError(f"DAG {document.dag_id!r} has no task {', '.join(unknown)}")
    up: dict[str, set[str]] = {task_id: set() for task_id in down}
    for task_id, targets in down.items():
        for target in targets:
            up[target].add(task_id)
    found: set[str] = set()
    for edges in ([down] if downstream else []) + ([up] if upstream else []):
        pending = list(starts)
        while pending:
            for other in edges[pending.pop()] - found:
                found.add(other)
                pending.append(other)
    return found


def _narrowed(
    call: Call, which: TaskInstanceFilter, task_ids: set[str], single: Iterable[tuple[str, int]]
) -> TaskInstanceFilter:
    """Return the filter for whole tasks and single instances of mapped ones."""
    single = list(single)
    if not single:
        return replace(which, task_ids=sorted(task_ids))
    pairs = set(single)
    wide = replace(which, task_ids=sorted(task_ids | {task_id for task_id, _ in pairs}))
    found = list_task_instances(call.backend.database, wide)[0]
    pks = [row.ti_pk for row in found if row.task_id in task_ids or (row.task_id, row.map_index) in pairs]
    return TaskInstanceFilter(ti_pks=pks or [-1])


def _any_running(call: Call, which: TaskInstanceFilter) -> bool:
    running = replace(which, states=(TaskInstanceState.RUNNING.value,))
    return bool(list_task_instances(call.backend.database, running)[0])


def _collection(call: Call, found: list[TaskInstanceDetail], total: int) -> dict[str, Any]:
    labels = Labels(call.backend, [instance.dag_id for instance in found])
    return {"task_instances": [task_instance_shape(instance, labels) for instance in found], "total_entries": total}


OPERATIONS = (
    Operation("GET", INSTANCES, list_instances, query=InstancesQuery),
    Operation("GET", INSTANCE, get_instance, query=MapIndexQuery),
    Operation("PATCH", INSTANCE, patch_instance, role="user", query=MapIndexQuery, body=InstancePatch),
    Operation("PATCH", f"{INSTANCE}/dry_run", preview_patch, role="user", query=MapIndexQuery, body=InstancePatch),
    Operation("GET", f"{INSTANCE}/listMapped", list_mapped, query=InstancesQuery),
    Operation("GET", f"{INSTANCE}/tries", list_instance_tries, query=MapIndexQuery),
    Operation("GET", f"{INSTANCE}/tries/{{try_number:int}}", get_instance_try, query=MapIndexQuery),
    Operation("GET", _MAPPED, get_instance),
    Operation("PATCH", _MAPPED, patch_instance, role="user", body=InstancePatch),
    Operation("PATCH", f"{_MAPPED}/dry_run", preview_patch, role="user", body=InstancePatch),
    Operation("GET", f"{_MAPPED}/tries", list_instance_tries),
    Operation("GET", f"{_MAPPED}/tries/{{try_number:int}}", get_instance_try),
    Operation("POST", "/api/v2/dags/{dag_id}/clearTaskInstances", clear_instances, role="user", body=ClearBody),
)
