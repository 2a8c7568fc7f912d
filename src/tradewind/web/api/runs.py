"""DAG runs: list, trigger, mark, delete."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.states import DagRunState, RunType
from tradewind.core.timetables.codec import NeedsAuthorCode, decode_timetable
from tradewind.metadata.errors import InvalidRequestError
from tradewind.metadata.runs import (
    RunFilter,
    RunRequest,
    create_manual_run,
    delete_run,
    get_run,
    list_runs,
    mark_run,
    note_run,
)
from tradewind.serialization.run_conf import RunConfError, check_run_conf
from tradewind.web.answers.labels import Labels
from tradewind.web.answers.shapes import run_shape
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, aware, earliest, latest, only, page_of

if TYPE_CHECKING:
    from tradewind.metadata.runs import RunDetail
    from tradewind.serialization.document import DagDocument
    from tradewind.web.operations import Call

_ORDER_NAMES = {"dag_run_id": "run_id"}
_RUNS = "/api/v2/dags/{dag_id}/dagRuns"
_RUN = f"{_RUNS}/{{dag_run_id}}"


class RunsQuery(PageQuery, kw_only=True):
    """Which runs."""

    state: list[str] = msgspec.field(default_factory=list)
    run_type: list[str] = msgspec.field(default_factory=list)
    run_id_pattern: str | None = None
    logical_date_gte: datetime | None = None
    logical_date_gt: datetime | None = None
    logical_date_lte: datetime | None = None
    logical_date_lt: datetime | None = None
    run_after_gte: datetime | None = None
    run_after_gt: datetime | None = None
    run_after_lte: datetime | None = None
    run_after_lt: datetime | None = None


class TriggerBody(msgspec.Struct, kw_only=True):
    """A run to create."""

    dag_run_id: str | None = None
    logical_date: datetime | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None
    run_after: datetime | None = None
    conf: dict[str, Any] | None = None
    note: str | None = None
    partition_key: str | None = None


class RunPatchQuery(msgspec.Struct):
    """Which fields of the body count; all unless given."""

    update_mask: list[str] = msgspec.field(default_factory=list)


class RunPatch(msgspec.Struct, kw_only=True):
    """What can be changed of a run."""

    state: str | None = None
    note: str | None = None


def list_dag_runs(call: Call) -> dict[str, Any]:
    """List DAG runs; `~` lists those of every DAG."""
    query: RunsQuery = call.query
    if call.path["dag_id"] != "~":
        call.backend.dags.get_dag(call.path["dag_id"])
    which = RunFilter(
        dag_ids=only(call.path["dag_id"]),
        states=query.state,
        run_types=query.run_type,
        run_id_pattern=query.run_id_pattern,
        logical_date_from=earliest(query.logical_date_gte, query.logical_date_gt),
        logical_date_to=latest(query.logical_date_lte, query.logical_date_lt),
        run_after_from=earliest(query.run_after_gte, query.run_after_gt),
        run_after_to=latest(query.run_after_lte, query.run_after_lt),
    )
    runs, total = list_runs(call.backend.database, which, page_of(call, renamed=_ORDER_NAMES))
    labels = Labels(call.backend, [run.dag_id for run in runs])
    return {"dag_runs": [run_shape(run, labels) for run in runs], "total_entries": total}


def get_dag_run(call: Call) -> dict[str, Any]:
    """Get one DAG run."""
    return _shown(call, get_run(call.backend.database, call.path["dag_id"], call.path["dag_run_id"]))


def trigger_dag_run(call: Call) -> dict[str, Any]:
    """Create a DAG run."""
    return create_dag_run(call, call.path["dag_id"], RunType.MANUAL)


def create_dag_run(call: Call, dag_id: str, run_type: RunType) -> dict[str, Any]:
    """Create the run that a body describes; return it as the API shows it."""
    body: TriggerBody = call.body
    backend = call.backend
    dag = backend.dags.get_dag(dag_id)
    conf = body.conf or {}
    if body.dag_run_id is not None and not re.fullmatch(backend.options.allowed_run_id_pattern, body.dag_run_id):
        raise InvalidRequestError(
            f"the run_id {body.dag_run_id!r} does not match {backend.options.allowed_run_id_pattern!r}"
        )
    document = backend.document(dag)
    try:
        check_run_conf(document, conf, overrides_params=backend.options.conf_overrides_params)
    except RunConfError as error:
        raise InvalidRequestError(str(error)) from None
    run = create_manual_run(
        backend.database,
        backend.clock,
        RunRequest(
            dag_id=dag.dag_id,
            run_id=body.dag_run_id,
            logical_date=aware(body.logical_date),
            data_interval=_data_interval(body, document),
            run_after=aware(body.run_after),
            conf=conf,
            note=body.note,
            run_type=run_type,
            triggering_user_name=call.user.name,
            partition_key=body.partition_key,
            partition_date=_partition_date(body, document),
        ),
    )
    return run_shape(run, Labels(backend, [dag.dag_id], known=[dag]))


def patch_dag_run(call: Call) -> dict[str, Any]:
    """Mark a DAG run as success, failed or queued, or write its note."""
    body: RunPatch = call.body
    dag_id, run_id = call.path["dag_id"], call.path["dag_run_id"]
    fields = call.sent_fields if not call.query.update_mask else call.sent_fields & set(call.query.update_mask)
    if "note" in fields:
        note_run(call.backend.database, dag_id, run_id, body.note)
    if body.state is None or "state" not in fields:
        return get_dag_run(call)
    try:
        state = DagRunState(body.state)
    except ValueError:
        raise InvalidRequestError(f"a run can be marked success, failed or queued, not {body.state!r}") from None
    return _shown(call, mark_run(call.backend.database, call.backend.clock, dag_id, run_id, state))


def delete_dag_run(call: Call) -> None:
    """Delete a DAG run with everything that hangs on it."""
    delete_run(call.backend.database, call.path["dag_id"], call.path["dag_run_id"])


def _shown(call: Call, run: RunDetail) -> dict[str, Any]:
    return run_shape(run, Labels(call.backend, [run.dag_id]))


def _partition_date(body: TriggerBody, document: DagDocument) -> datetime | None:
    """Return the date that the partition key of the request stands for, None where it stands for none."""
    resolve = getattr(decode_timetable(document.timetable), "resolve_partition_date", None)
    if resolve is None:
        return None
    try:
        return resolve(body.partition_key)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from None


def _data_interval(body: TriggerBody, document: DagDocument) -> tuple[datetime, datetime] | None:
    """Return the interval of the request, else the one that the DAG's timetable has for the logical date."""
    start, end = aware(body.data_interval_start), aware(body.data_interval_end)
    if (start is None) != (end is None):
        raise InvalidRequestError("data_interval_start and data_interval_end are given both or not at all")
    if start is not None and end is not None:
        return start, end
    if body.logical_date is None:
        return None
    try:
        interval = decode_timetable(document.timetable).infer_manual_data_interval(run_after=body.logical_date)
    except NeedsAuthorCode:
        return None
    return interval.start, interval.end


OPERATIONS = (
    Operation("GET", _RUNS, list_dag_runs, query=RunsQuery),
    Operation("POST", _RUNS, trigger_dag_run, role="user", body=TriggerBody),
    Operation("GET", _RUN, get_dag_run),
    Operation("PATCH", _RUN, patch_dag_run, role="user", query=RunPatchQuery, body=RunPatch),
    Operation("DELETE", _RUN, delete_dag_run, role="user", status=204),
)
