"""Events of assets: listed, made by hand, and those that a run was created for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.states import RunType
from tradewind.metadata.assets.changing import create_event, maker_of
from tradewind.metadata.assets.listing import EventFilter, list_events
from tradewind.metadata.runs import get_run
from tradewind.web.api.runs import TriggerBody, create_dag_run
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, earliest, latest, page_of

if TYPE_CHECKING:
    from tradewind.metadata.assets.records import AssetEventDetail, CreatedRun
    from tradewind.web.operations import Call


class EventsQuery(PageQuery, kw_only=True):
    """Which events."""

    asset_id: int | None = None
    source_dag_id: str | None = None
    source_task_id: str | None = None
    source_run_id: str | None = None
    source_map_index: int | None = None
    timestamp_gte: datetime | None = None
    timestamp_gt: datetime | None = None
    timestamp_lte: datetime | None = None
    timestamp_lt: datetime | None = None


class EventBody(msgspec.Struct, kw_only=True):
    """An event to make."""

    asset_id: int
    extra: dict[str, Any] = {}
    partition_key: str | None = None
    access_control: dict[str, Any] | None = None


def show_events(call: Call) -> dict[str, Any]:
    """List events of assets."""
    query: EventsQuery = call.query
    which = EventFilter(
        asset_pk=query.asset_id,
        source_dag_id=query.source_dag_id,
        source_task_id=query.source_task_id,
        source_run_id=query.source_run_id,
        source_map_index=query.source_map_index,
        at_from=earliest(query.timestamp_gte, query.timestamp_gt),
        at_to=latest(query.timestamp_lte, query.timestamp_lt),
    )
    found, total = list_events(call.backend.database, which, page_of(call))
    return {"asset_events": [_event(call, one) for one in found], "total_entries": total}


def make_event(call: Call) -> dict[str, Any]:
    """Make an event of an asset."""
    body: EventBody = call.body
    backend = call.backend
    made = create_event(
        backend.database,
        backend.clock,
        body.asset_id,
        extra={**body.extra, "from_rest_api": True},
        partition_key=body.partition_key,
    )
    return _event(call, made)


def materialize_asset(call: Call) -> dict[str, Any]:
    """Trigger the DAG that makes an asset."""
    dag_id = maker_of(call.backend.database, call.path["asset_id"])
    return create_dag_run(call, dag_id, RunType.ASSET_MATERIALIZATION)


def show_upstream_events(call: Call) -> dict[str, Any]:
    """List the events that a DAG run was created for."""
    database = call.backend.database
    run = get_run(database, call.path["dag_id"], call.path["dag_run_id"])
    found, total = list_events(database, EventFilter(consumed_by=run.run_pk))
    return {"asset_events": [_event(call, one) for one in found], "total_entries": total}


def _event(call: Call, event: AssetEventDetail) -> dict[str, Any]:
    return {
        "id": event.pk,
        "asset_id": event.asset_pk,
        "uri": event.uri,
        "name": event.name,
        "group": event.group,
        "extra": call.backend.redaction.redacted(event.extra),
        "source_task_id": event.source_task_id,
        "source_dag_id": event.source_dag_id,
        "source_run_id": event.source_run_id,
        "source_map_index": -1 if event.source_map_index is None else event.source_map_index,
        "created_dagruns": [_created(run, event.pk) for run in event.created_runs],
        "timestamp": event.at,
        "partition_key": event.partition_key,
    }


def _created(run: CreatedRun, event_pk: int) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "dag_id": run.dag_id,
        "logical_date": run.logical_date,
        "start_date": run.started_at,
        "end_date": run.ended_at,
        "state": run.state,
        "data_interval_start": run.data_interval_start,
        "data_interval_end": run.data_interval_end,
        "partition_key": run.partition_key,
        "triggering": run.newest_event_pk == event_pk,
    }


OPERATIONS = (
    Operation("GET", "/api/v2/assets/events", show_events, query=EventsQuery),
    Operation("POST", "/api/v2/assets/events", make_event, role="user", body=EventBody),
    Operation("POST", "/api/v2/assets/{asset_id:int}/materialize", materialize_asset, role="user", body=TriggerBody),
    Operation("GET", "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/upstreamAssetEvents", show_upstream_events),
)
