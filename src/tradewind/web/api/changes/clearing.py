"""Clearing task instances, and whole runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.states import TaskInstanceState
from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError
from tradewind.metadata.runs import (
    RunFilter,
    TaskInstanceFilter,
    clear_task_instances,
    get_run,
    list_task_instances,
    note_run,
    note_task_instances,
    queue_new_tasks,
)
from tradewind.web.answers.labels import Labels
from tradewind.web.answers.shapes import run_shape
from tradewind.web.api.changes.selecting import collection, relatives, runs_around
from tradewind.web.errors import ApiError
from tradewind.web.operations import Operation
from tradewind.web.queries import ALL, aware

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.metadata.runs import Cleared
    from tradewind.serialization.document import DagDocument
    from tradewind.web.operations import Call

_DAG = "/api/v2/dags/{dag_id}"


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


class RunClear(msgspec.Struct, kw_only=True):
    """How to clear a run."""

    dry_run: bool = True
    only_failed: bool = False
    only_new: bool = False
    run_on_latest_version: bool | None = None
    note: str | None = None


class RunName(msgspec.Struct, kw_only=True):
    """One run of several."""

    dag_run_id: str
    dag_id: str | None = None


class RunsClear(RunClear, kw_only=True):
    """How to clear several runs."""

    dag_runs: list[RunName]


def clear_instances(call: Call) -> dict[str, Any]:
    """Let task instances of a DAG start over; return them as they were."""
    body: ClearBody = call.body
    _check(body, call.sent_fields)
    backend = call.backend
    dag = backend.dags.get_dag(call.path["dag_id"])
    if body.dag_run_id is None:
        first, last = aware(body.start_date), aware(body.end_date)
        runs = RunFilter(
            dag_ids=(dag.dag_id,),
            logical_date_from=None if body.include_past else first,
            logical_date_to=None if body.include_future else last,
        )
    else:
        runs = runs_around(call, dag.dag_id, body.dag_run_id, past=body.include_past, future=body.include_future)
    which = TaskInstanceFilter(runs=runs)
    if body.task_ids is not None:
        which = _of_tasks(which, backend.document(dag), body, body.task_ids)
    if body.prevent_running_task and _any_running(call, which):
        raise AlreadyExistsError("a task instance is running: wait for its end, or clear without prevent_running_task")
    cleared = clear_task_instances(
        backend.database,
        backend.clock,
        which,
        only_failed=body.only_failed and not body.only_running,
        only_running=body.only_running,
        run_on_latest_version=backend.is_on_latest_version(dag.dag_id, asked=body.run_on_latest_version, usually=False),
        reset_dag_runs=body.reset_dag_runs,
        dry_run=body.dry_run,
    )
    if body.note is not None and not body.dry_run and cleared.task_instances:
        pks = [instance.ti_pk for instance in cleared.task_instances]
        note_task_instances(backend.database, TaskInstanceFilter(ti_pks=pks), body.note)
    return collection(call, cleared.task_instances)


def clear_dag_run(call: Call) -> dict[str, Any]:
    """Let the task instances of a DAG run start over."""
    dag_id, run_id = call.path["dag_id"], call.path["dag_run_id"]
    if call.body.dry_run:
        return _preview(call, [(dag_id, run_id)])
    _clear_run(call, dag_id, run_id)
    return run_shape(get_run(call.backend.database, dag_id, run_id), Labels(call.backend, [dag_id]))


def clear_dag_runs(call: Call) -> dict[str, Any]:
    """Let the task instances of several DAG runs start over."""
    body: RunsClear = call.body
    names = [(_dag_of(call, run), run.dag_run_id) for run in body.dag_runs]
    if not names:
        raise ApiError(422, "dag_runs names at least one run")
    for dag_id, run_id in names:
        get_run(call.backend.database, dag_id, run_id)  # unknown ones end here, before one is cleared
    if body.dry_run:
        return _preview(call, names)
    for dag_id, run_id in names:
        _clear_run(call, dag_id, run_id)
    labels = Labels(call.backend, [dag_id for dag_id, _ in names])
    runs = [run_shape(get_run(call.backend.database, *name), labels) for name in names]
    return {"dag_runs": runs, "total_entries": len(runs)}


def _check(body: ClearBody, sent: Iterable[str]) -> None:
    """Raise `ApiError` for fields that contradict each other."""
    wrong = None
    if "only_failed" in sent and body.only_failed and body.only_running:
        wrong = "only_failed and only_running both are set to True"
    elif body.start_date and body.end_date and body.start_date > body.end_date:
        wrong = "end_date is sooner than start_date"
    elif body.dag_run_id is not None and (body.start_date or body.end_date):
        wrong = "Exactly one of dag_run_id or start_date and end_date must be provided"
    elif body.task_ids == []:
        wrong = "task_ids list should have at least 1 element."
    if wrong is not None:
        raise ApiError(422, wrong)


def _of_tasks(
    which: TaskInstanceFilter, document: DagDocument, body: ClearBody, wanted: list[str | tuple[str, int]]
) -> TaskInstanceFilter:
    """Narrow the filter to tasks, single instances of mapped ones, and those before and after them."""
    whole = {task for task in wanted if isinstance(task, str)}
    single = {task for task in wanted if not isinstance(task, str)}
    found = relatives(document, whole | {task_id for task_id, _ in single})
    upstream, downstream = body.include_upstream, body.include_downstream
    if upstream or downstream:
        if body.dag_run_id is None:  # which indexes belong together differs from run to run
            whole |= {task_id for task_id, _ in single}
            single = set()
        beside, mapped = found.of_instances(single, upstream=upstream, downstream=downstream)
        whole = found.part(whole, upstream=upstream, downstream=downstream) | beside
        single |= mapped
    instances = sorted(pair for pair in single if pair[0] not in whole)
    return replace(which, task_ids=sorted(whole), instances=instances)


def _any_running(call: Call, which: TaskInstanceFilter) -> bool:
    running = replace(which, states=(TaskInstanceState.RUNNING.value,))
    return bool(list_task_instances(call.backend.database, running)[0])


def _clear(call: Call, dag_id: str, run_id: str, *, is_dry: bool) -> Cleared:
    body: RunClear = call.body
    return clear_task_instances(
        call.backend.database,
        call.backend.clock,
        TaskInstanceFilter(runs=RunFilter(dag_ids=(dag_id,), run_ids=(run_id,))),
        only_failed=body.only_failed,
        run_on_latest_version=call.backend.is_on_latest_version(
            dag_id, asked=body.run_on_latest_version, usually=False
        ),
        dry_run=is_dry,
    )


def _clear_run(call: Call, dag_id: str, run_id: str) -> None:
    body: RunClear = call.body
    get_run(call.backend.database, dag_id, run_id)
    if body.only_new and body.only_failed:
        raise ApiError(422, "only_new and only_failed are mutually exclusive")
    if body.only_new:
        queue_new_tasks(call.backend.database, call.backend.clock, dag_id, run_id)
    else:
        _clear(call, dag_id, run_id, is_dry=False)
    if body.note is not None:
        note_run(call.backend.database, dag_id, run_id, body.note)


def _preview(call: Call, names: list[tuple[str, str]]) -> dict[str, Any]:
    """Return what clearing runs would change; with only_new the tasks that they would get."""
    body: RunClear = call.body
    shown: list[dict[str, Any]] = []
    for dag_id, run_id in names:
        run = get_run(call.backend.database, dag_id, run_id)
        if body.only_new:
            document = call.backend.document(call.backend.dags.get_dag(dag_id))
            which = TaskInstanceFilter(runs=RunFilter(run_pks=(run.run_pk,)))
            known = {row.task_id for row in list_task_instances(call.backend.database, which)[0]}
            new = sorted(task.task_id for task in document.tasks if task.task_id not in known)
            shown += [{"task_id": task_id, "task_display_name": task_id} for task_id in new]
        else:
            shown += collection(call, _clear(call, dag_id, run_id, is_dry=True).task_instances)["task_instances"]
    return {"task_instances": shown, "total_entries": len(shown)}


def _dag_of(call: Call, run: RunName) -> str:
    dag_id = call.path["dag_id"]
    if dag_id == ALL:
        if not run.dag_id or run.dag_id == ALL:
            raise InvalidRequestError(f"where the path has ~, each run names its DAG: {run.dag_run_id!r} does not")
        return run.dag_id
    if run.dag_id not in {None, dag_id}:
        raise InvalidRequestError(f"the run's dag_id {run.dag_id!r} is not the one of the path, {dag_id!r}")
    return dag_id


OPERATIONS = (
    Operation("POST", f"{_DAG}/clearTaskInstances", clear_instances, role="user", body=ClearBody),
    Operation("POST", f"{_DAG}/clearDagRuns", clear_dag_runs, role="user", body=RunsClear),
    Operation("POST", f"{_DAG}/dagRuns/{{dag_run_id}}/clear", clear_dag_run, role="user", body=RunClear),
)
