"""Backfills: list, create_backfill, try out, pause_backfill, unpause_backfill, cancel."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.runs.backfill import DEFAULT_MAX_ACTIVE_RUNS, ReprocessBehavior
from tradewind.metadata import backfills as stored
from tradewind.metadata.backfills import BackfillRequest
from tradewind.metadata.errors import InvalidRequestError
from tradewind.serialization.run_conf import RunConfError, check_run_conf
from tradewind.web.answers.labels import Labels
from tradewind.web.errors import ApiError
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, aware, page_of

if TYPE_CHECKING:
    from tradewind.metadata.backfills import Backfill
    from tradewind.web.operations import Call

_BACKFILLS = "/api/v2/backfills"
_ONE = f"{_BACKFILLS}/{{backfill_id:int}}"


class BackfillsQuery(PageQuery, kw_only=True):
    """Which backfills."""

    dag_id: str | None = None


class BackfillBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A backfill to create."""

    dag_id: str
    from_date: datetime
    to_date: datetime
    run_backwards: bool = False
    dag_run_conf: dict[str, Any] | None = None
    reprocess_behavior: ReprocessBehavior = ReprocessBehavior.NONE
    max_active_runs: int = DEFAULT_MAX_ACTIVE_RUNS
    run_on_latest_version: bool | None = None


def list_backfills(call: Call) -> dict[str, Any]:
    """List the backfills of a DAG, or of all."""
    found, total = stored.list_backfills(call.backend.database, call.query.dag_id, page=page_of(call))
    labels = Labels(call.backend, [one.dag_id for one in found])
    return {"backfills": [_shape(one, labels) for one in found], "total_entries": total}


def get_backfill(call: Call) -> dict[str, Any]:
    """Get one backfill."""
    return _shown(call, stored.get_backfill(call.backend.database, call.path["backfill_id"]))


def create_backfill(call: Call) -> dict[str, Any]:
    """Create a backfill; the scheduler creates its runs as they get their turn."""
    try:
        return _shown(call, stored.create_backfill(call.backend.database, call.backend.clock, _request(call)))
    except InvalidRequestError as error:
        raise ApiError(422, str(error)) from None


def dry_run_backfill(call: Call) -> dict[str, Any]:
    """List the runs that a backfill would create or let start over."""
    try:
        planned = stored.plan_backfill(call.backend.database, call.backend.clock, _request(call))
    except InvalidRequestError as error:
        raise ApiError(422, str(error)) from None
    dates = [{"logical_date": each.logical_date, "partition_key": None, "partition_date": None} for each in planned]
    return {"backfills": dates, "total_entries": len(dates)}


def pause_backfill(call: Call) -> dict[str, Any]:
    """Pause a backfill: none of its runs starts."""
    return _switched(call, is_paused=True)


def unpause_backfill(call: Call) -> dict[str, Any]:
    """Let a paused backfill go on."""
    return _switched(call, is_paused=False)


def cancel_backfill(call: Call) -> dict[str, Any]:
    """End a backfill: its queued runs fail, those that are running go on to their end."""
    return _shown(call, stored.cancel_backfill(call.backend.database, call.backend.clock, call.path["backfill_id"]))


def _switched(call: Call, *, is_paused: bool) -> dict[str, Any]:
    backend = call.backend
    return _shown(
        call, stored.pause_backfill(backend.database, backend.clock, call.path["backfill_id"], is_paused=is_paused)
    )


def _request(call: Call) -> BackfillRequest:
    body: BackfillBody = call.body
    backend = call.backend
    from_date, to_date = aware(body.from_date), aware(body.to_date)
    document = backend.document(backend.dags.get_dag(body.dag_id))
    if body.dag_run_conf is not None:
        try:
            check_run_conf(document, body.dag_run_conf, overrides_params=backend.options.conf_overrides_params)
        except RunConfError as error:
            raise InvalidRequestError(str(error)) from None
    return BackfillRequest(
        dag_id=body.dag_id,
        from_date=from_date or body.from_date,
        to_date=to_date or body.to_date,
        dag_run_conf=body.dag_run_conf,
        reprocess_behavior=body.reprocess_behavior,
        max_active_runs=body.max_active_runs,
        is_backwards=body.run_backwards,
        is_on_latest_version=backend.is_on_latest_version(body.dag_id, asked=body.run_on_latest_version, usually=True),
        triggering_user_name=call.user.name,
    )


def _shown(call: Call, found: Backfill) -> dict[str, Any]:
    return _shape(found, Labels(call.backend, [found.dag_id]))


def _shape(found: Backfill, labels: Labels) -> dict[str, Any]:
    return {
        "id": found.pk,
        "dag_id": found.dag_id,
        "from_date": found.from_date,
        "to_date": found.to_date,
        "dag_run_conf": found.dag_run_conf,
        "is_paused": found.is_paused,
        "reprocess_behavior": found.reprocess_behavior.value,
        "max_active_runs": found.max_active_runs,
        "created_at": found.created_at,
        "completed_at": found.completed_at,
        "updated_at": found.updated_at,
        "dag_display_name": labels.display_name(found.dag_id),
        "error": found.error,
    }


OPERATIONS = (
    Operation("GET", _BACKFILLS, list_backfills, query=BackfillsQuery),
    Operation("POST", _BACKFILLS, create_backfill, role="user", body=BackfillBody),
    Operation("POST", f"{_BACKFILLS}/dry_run", dry_run_backfill, role="user", body=BackfillBody),
    Operation("GET", _ONE, get_backfill),
    Operation("PUT", f"{_ONE}/pause", pause_backfill, role="user"),
    Operation("PUT", f"{_ONE}/unpause", unpause_backfill, role="user"),
    Operation("PUT", f"{_ONE}/cancel", cancel_backfill, role="user"),
)
