"""Events of assets that wait for the runs of DAGs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.metadata.assets.changing import delete_queued_events
from tradewind.metadata.assets.listing import list_queued_events
from tradewind.metadata.errors import NotFoundError
from tradewind.web.answers.labels import Labels
from tradewind.web.operations import Operation
from tradewind.web.queries import aware

if TYPE_CHECKING:
    from tradewind.web.operations import Call

_OF_DAG = "/api/v2/dags/{dag_id}/assets/queuedEvents"
_OF_BOTH = "/api/v2/dags/{dag_id}/assets/{asset_id:int}/queuedEvents"
_OF_ASSET = "/api/v2/assets/{asset_id:int}/queuedEvents"


class QueueQuery(msgspec.Struct):
    """Which of what waits: what came before a date."""

    before: datetime | None = None


def show_queued(call: Call) -> dict[str, Any]:
    """List what waits for a DAG, of an asset, or both."""
    found = _queued(call)
    return {"queued_events": found, "total_entries": len(found)}


def show_one_queued(call: Call) -> dict[str, Any]:
    """Get what waits of an asset for a DAG."""
    found = _queued(call)
    if not found:
        raise NotFoundError(f"no event of asset {call.path['asset_id']} waits for DAG {call.path['dag_id']!r}")
    return found[0]


def take_back(call: Call) -> None:
    """Delete what waits for a DAG, of an asset, or both."""
    delete_queued_events(call.backend.database, **_which(call))


def _queued(call: Call) -> list[dict[str, Any]]:
    found = list_queued_events(call.backend.database, **_which(call))
    labels = Labels(call.backend, [one.dag_id for one in found])
    return [
        {
            "dag_id": one.dag_id,
            "asset_id": one.asset_pk,
            "created_at": one.created_at,
            "dag_display_name": labels.display_name(one.dag_id),
        }
        for one in found
    ]


def _which(call: Call) -> dict[str, Any]:
    return {
        "dag_id": call.path.get("dag_id"),
        "asset_pk": call.path.get("asset_id"),
        "before": aware(call.query.before),
    }


OPERATIONS = (
    Operation("GET", _OF_ASSET, show_queued, query=QueueQuery),
    Operation("DELETE", _OF_ASSET, take_back, role="user", query=QueueQuery, status=204),
    Operation("GET", _OF_DAG, show_queued, query=QueueQuery),
    Operation("DELETE", _OF_DAG, take_back, role="user", query=QueueQuery, status=204),
    Operation("GET", _OF_BOTH, show_one_queued, query=QueueQuery),
    Operation("DELETE", _OF_BOTH, take_back, role="user", query=QueueQuery, status=204),
)
