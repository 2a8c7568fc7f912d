"""Marking task instances, and writing notes beside them: one, a task group's, or several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.states import TaskInstanceState
from tradewind.metadata.errors import InvalidRequestError, MetadataError, NotFoundError
from tradewind.metadata.runs import (
    RunFilter,
    TaskInstanceFilter,
    get_task_instance,
    list_task_instances,
    mark_task_instances,
    note_task_instances,
)
from tradewind.web.api.changes.selecting import collection, relatives, runs_around
from tradewind.web.errors import ApiError, status_of
from tradewind.web.operations import Operation

if TYPE_CHECKING:
    from tradewind.metadata.runs import TaskInstanceDetail
    from tradewind.web.operations import Call

_RUN = "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}"
_INSTANCES = f"{_RUN}/taskInstances"
_INSTANCE = f"{_INSTANCES}/{{task_id}}"
_MAPPED = f"{_INSTANCE}/{{map_index:map_index}}"
_GROUP = f"{_RUN}/taskGroupInstances/{{group_id}}"


class InstancePatchQuery(msgspec.Struct, kw_only=True):
    """Which of a mapped task's instances, and which fields of the body count."""

    map_index: int | None = None
    update_mask: list[str] = msgspec.field(default_factory=list)


class InstancePatch(msgspec.Struct, kw_only=True):
    """What can be changed of a task instance, and of which others beside it."""

    new_state: str | None = None
    note: str | None = None
    include_upstream: bool = False
    include_downstream: bool = False
    include_future: bool = False
    include_past: bool = False


class BulkInstance(InstancePatch, kw_only=True):
    """One task instance of several."""

    task_id: str
    map_index: int | None = None
    dag_id: str | None = None
    dag_run_id: str | None = None


class BulkAction(msgspec.Struct, kw_only=True):
    """What is done with several task instances; they can only be updated."""

    action: str
    entities: list[BulkInstance]
    update_mask: list[str] | None = None
    action_on_non_existence: str = "fail"


class BulkBody(msgspec.Struct, kw_only=True):
    """What is done, one after the other."""

    actions: list[BulkAction]


def patch_instance(call: Call) -> dict[str, Any]:
    """Mark a task instance, and those beside it that the body names, or write its note."""
    return collection(call, _patch(call, *_named(call), call.body, _fields(call), is_dry=False))


def preview_patch(call: Call) -> dict[str, Any]:
    """List the task instances that a patch would change."""
    return collection(call, _patch(call, *_named(call), call.body, _fields(call), is_dry=True))


def patch_group(call: Call) -> dict[str, Any]:
    """Mark every task instance of a task group, or write their notes."""
    return collection(call, _patch_group(call, is_dry=False))


def preview_group(call: Call) -> dict[str, Any]:
    """List the task instances that a patch of a task group would change."""
    return collection(call, _patch_group(call, is_dry=True))


def patch_several(call: Call) -> dict[str, Any]:
    """Mark several task instances, each for itself; what cannot be is listed and hinders nothing else."""
    answer: dict[str, Any] = {"create": None, "update": None, "delete": None}
    body: BulkBody = call.body
    for action in body.actions:
        if action.action not in answer:
            raise ApiError(422, f"an action is update, not {action.action!r}")
        done: dict[str, Any] = answer[action.action] or {"success": [], "errors": []}
        answer[action.action] = done
        if action.action != "update":
            error = f"Task instances bulk {action.action} is not supported"
            done["errors"].append({"error": error, "status_code": 405})
            continue
        for entity in action.entities:
            _patch_entity(call, action, entity, done)
    return answer


def _patch_entity(call: Call, action: BulkAction, entity: BulkInstance, done: dict[str, Any]) -> None:
    dag_id, run_id = entity.dag_id or call.path["dag_id"], entity.dag_run_id or call.path["dag_run_id"]
    fields = {name for name in ("new_state", "note") if getattr(entity, name) is not None}
    if action.update_mask:
        fields &= set(action.update_mask)
    try:
        found = _patch(call, dag_id, run_id, entity.task_id, entity.map_index, entity, fields, is_dry=False)
    except NotFoundError as error:
        if action.action_on_non_existence != "skip":
            done["errors"].append({"error": str(error), "status_code": 404})
    except MetadataError as error:
        done["errors"].append({"error": str(error), "status_code": status_of(error)})
    except ApiError as error:
        done["errors"].append({"error": error.detail, "status_code": error.status})
    else:
        done["success"] += [f"{row.dag_id}.{row.run_id}.{row.task_id}[{row.map_index}]" for row in found]


def _named(call: Call) -> tuple[str, str, str, int | None]:
    """Return DAG, run, task and map index that the request names; None for all of a mapped task's."""
    query: InstancePatchQuery = call.query
    map_index = call.path.get("map_index", query.map_index)
    return call.path["dag_id"], call.path["dag_run_id"], call.path["task_id"], map_index


def _fields(call: Call) -> set[str]:
    mask = set(call.query.update_mask)
    return {name for name in call.sent_fields if not mask or name in mask}


def _patch(
    call: Call,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int | None,
    body: InstancePatch,
    fields: set[str],
    *,
    is_dry: bool,
) -> list[TaskInstanceDetail]:
    """Change one task instance, or all of a mapped task, and return what was changed as it is then."""
    runs = RunFilter(dag_ids=(dag_id,), run_ids=(run_id,))
    own = TaskInstanceFilter(runs=runs, task_ids=(task_id,), map_indexes=() if map_index is None else (map_index,))
    database = call.backend.database
    if not list_task_instances(database, own)[0]:
        get_task_instance(database, dag_id, run_id, task_id, -1 if map_index is None else map_index)
    if "note" in fields and not is_dry:
        note_task_instances(database, own, body.note)
    if "new_state" not in fields:
        return list_task_instances(database, own)[0]
    document = call.backend.document(call.backend.dags.get_dag(dag_id))
    upstream, downstream = body.include_upstream, body.include_downstream
    beside: set[str] = set()
    if upstream or downstream:
        found = relatives(document, [task_id])
        beside = (found.above([task_id]) if upstream else set()) | (found.below([task_id]) if downstream else set())
    around = runs_around(call, dag_id, run_id, past=body.include_past, future=body.include_future)
    if map_index is None:
        which = TaskInstanceFilter(runs=around, task_ids=sorted({task_id} | beside))
    else:
        which = TaskInstanceFilter(runs=around, task_ids=sorted(beside), instances=((task_id, map_index),))
    return _mark(call, which, body, is_dry=is_dry)


def _patch_group(call: Call, *, is_dry: bool) -> list[TaskInstanceDetail]:
    dag_id, run_id, group_id = call.path["dag_id"], call.path["dag_run_id"], call.path["group_id"]
    body: InstancePatch = call.body
    document = call.backend.document(call.backend.dags.get_dag(dag_id))
    found = relatives(document, ())
    members = found.members(group_id)
    if not members:
        raise NotFoundError(f"DAG {dag_id!r} has no task group {group_id!r}")
    runs = runs_around(call, dag_id, run_id, past=body.include_past, future=body.include_future)
    task_ids = set(members)
    if body.include_upstream:
        task_ids |= found.above(members)
    if body.include_downstream:
        task_ids |= found.below(members)
    fields = _fields(call)
    own = TaskInstanceFilter(runs=RunFilter(dag_ids=(dag_id,), run_ids=(run_id,)), task_ids=members)
    if "note" in fields and not is_dry:
        note_task_instances(call.backend.database, own, body.note)
    if "new_state" not in fields:
        return list_task_instances(call.backend.database, own)[0]
    return _mark(call, TaskInstanceFilter(runs=runs, task_ids=sorted(task_ids)), body, is_dry=is_dry)


def _mark(call: Call, which: TaskInstanceFilter, body: InstancePatch, *, is_dry: bool) -> list[TaskInstanceDetail]:
    try:
        state = TaskInstanceState(str(body.new_state).lower())
    except ValueError:
        raise InvalidRequestError(f"{body.new_state!r} is no state of a task instance") from None
    database = call.backend.database
    marked = mark_task_instances(database, call.backend.clock, which, state, dry_run=is_dry)
    changed = TaskInstanceFilter(ti_pks=[row.ti_pk for row in marked.task_instances] or [-1])
    return list_task_instances(database, changed)[0]


OPERATIONS = (
    Operation("PATCH", _INSTANCES, patch_several, role="user", body=BulkBody),
    Operation("PATCH", _INSTANCE, patch_instance, role="user", query=InstancePatchQuery, body=InstancePatch),
    Operation(
        "PATCH", f"{_INSTANCE}/dry_run", preview_patch, role="user", query=InstancePatchQuery, body=InstancePatch
    ),
    Operation("PATCH", _MAPPED, patch_instance, role="user", query=InstancePatchQuery, body=InstancePatch),
    Operation("PATCH", f"{_MAPPED}/dry_run", preview_patch, role="user", query=InstancePatchQuery, body=InstancePatch),
    Operation("PATCH", _GROUP, patch_group, role="user", query=InstancePatchQuery, body=InstancePatch),
    Operation("PATCH", f"{_GROUP}/dry_run", preview_group, role="user", query=InstancePatchQuery, body=InstancePatch),
)
