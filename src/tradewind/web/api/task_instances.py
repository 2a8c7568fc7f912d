"""Task instances and their tries: reading them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.states import TaskInstanceState
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.runs import (
    RunFilter,
    TaskInstanceFilter,
    get_rendered_fields,
    get_run,
    get_task_instance,
    list_task_instances,
    list_tries,
)
from tradewind.metadata.waits.showing import waits_of
from tradewind.serialization.expansions import is_mapped
from tradewind.web.answers.labels import Labels
from tradewind.web.answers.shapes import task_instance_shape, try_shape
from tradewind.web.api.changes.selecting import collection
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, earliest, latest, only, page_of

if TYPE_CHECKING:
    from tradewind.metadata.runs import TaskInstanceDetail
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


def list_instances(call: Call) -> dict[str, Any]:
    """List task instances; `~` stands for every DAG, and for every run."""
    query: InstancesQuery = call.query
    dag_id, run_id = call.path["dag_id"], call.path["dag_run_id"]
    if "~" not in (dag_id, run_id):
        get_run(call.backend.database, dag_id, run_id)
    which = replace(_asked_for(call, query), task_ids=query.task_id)
    found, total = list_task_instances(call.backend.database, which, page_of(call, renamed=_ORDER_NAMES))
    return collection(call, found, total)


def get_instance(call: Call) -> dict[str, Any]:
    """Get one task instance, with its rendered template fields."""
    instance = find_instance(call)
    wait = waits_of(call.backend.database, [instance]).get(instance.ti_pk)
    shape = task_instance_shape(instance, Labels(call.backend, [instance.dag_id]), wait)
    shape["rendered_fields"] = get_rendered_fields(call.backend.database, instance.ti_pk) or {}
    return shape


def list_mapped(call: Call) -> dict[str, Any]:
    """List the instances of a mapped task; none where it is mapped over nothing, or not expanded yet."""
    database, task_id = call.backend.database, call.path["task_id"]
    run = get_run(database, call.path["dag_id"], call.path["dag_run_id"])
    which = replace(_asked_for(call, call.query), task_ids=(task_id,), only_mapped=True)
    page = page_of(call, renamed=_ORDER_NAMES, default_order=("map_index",))
    found, total = list_task_instances(database, which, page)
    if not total:
        document = call.backend.document(call.backend.dags.get_dag(run.dag_id))
        if not any(task.task_id == task_id for task in document.tasks):
            raise NotFoundError(f"Task id {task_id} not found")
        if not is_mapped(document, task_id):
            raise NotFoundError(f"Task id {task_id} is not mapped")
    return collection(call, found, total)


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


def _asked_for(call: Call, query: InstancesQuery) -> TaskInstanceFilter:
    return TaskInstanceFilter(
        runs=RunFilter(
            dag_ids=only(call.path["dag_id"]),
            run_ids=only(call.path["dag_run_id"]),
            logical_date_from=earliest(query.logical_date_gte, query.logical_date_gt),
            logical_date_to=latest(query.logical_date_lte, query.logical_date_lt),
            run_after_from=earliest(query.run_after_gte, query.run_after_gt),
            run_after_to=latest(query.run_after_lte, query.run_after_lt),
        ),
        states=[TaskInstanceState.NONE.value if state in {"no_status", "null"} else state for state in query.state],
        pools=query.pool,
        queues=query.queue,
        map_indexes=query.map_index,
    )


def find_instance(call: Call) -> TaskInstanceDetail:
    """Return the task instance that path and query name. Raises `NotFoundError`."""
    map_index = call.path.get("map_index", getattr(call.query, "map_index", -1))
    return get_task_instance(
        call.backend.database, call.path["dag_id"], call.path["dag_run_id"], call.path["task_id"], map_index
    )


OPERATIONS = (
    Operation("GET", INSTANCES, list_instances, query=InstancesQuery),
    Operation("GET", INSTANCE, get_instance, query=MapIndexQuery),
    Operation("GET", f"{INSTANCE}/listMapped", list_mapped, query=InstancesQuery),
    Operation("GET", f"{INSTANCE}/tries", list_instance_tries, query=MapIndexQuery),
    Operation("GET", f"{INSTANCE}/tries/{{try_number:int}}", get_instance_try, query=MapIndexQuery),
    Operation("GET", _MAPPED, get_instance),
    Operation("GET", f"{_MAPPED}/tries", list_instance_tries),
    Operation("GET", f"{_MAPPED}/tries/{{try_number:int}}", get_instance_try),
)
