"""Assets and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.metadata.assets.listing import AssetFilter, get_alias, get_asset, list_aliases, list_assets
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.metadata.assets.records import AliasDetail, AssetDetail, AssetUse
    from tradewind.web.operations import Call


class AssetsQuery(PageQuery, kw_only=True):
    """Which assets."""

    name_pattern: str | None = None
    uri_pattern: str | None = None
    dag_ids: list[str] = msgspec.field(default_factory=list)
    only_active: bool = True


class AliasesQuery(PageQuery, kw_only=True):
    """Which aliases."""

    name_pattern: str | None = None


def show_assets(call: Call) -> dict[str, Any]:
    """List assets."""
    query: AssetsQuery = call.query
    which = AssetFilter(
        name_pattern=query.name_pattern,
        uri_pattern=query.uri_pattern,
        dag_ids=query.dag_ids,
        is_used=True if query.only_active else None,
    )
    found, total = list_assets(call.backend.database, which, page_of(call))
    return {"assets": [_asset(call, one) for one in found], "total_entries": total}


def show_asset(call: Call) -> dict[str, Any]:
    """Get one asset."""
    return _asset(call, get_asset(call.backend.database, call.path["asset_id"]))


def show_aliases(call: Call) -> dict[str, Any]:
    """List asset aliases."""
    found, total = list_aliases(call.backend.database, call.query.name_pattern, page_of(call))
    return {"asset_aliases": [_alias(one) for one in found], "total_entries": total}


def show_alias(call: Call) -> dict[str, Any]:
    """Get one asset alias."""
    return _alias(get_alias(call.backend.database, call.path["asset_alias_id"]))


def _asset(call: Call, asset: AssetDetail) -> dict[str, Any]:
    return {
        "id": asset.pk,
        "name": asset.name,
        "uri": asset.uri,
        "group": asset.group,
        "extra": call.backend.redaction.redacted(asset.extra),
        "created_at": asset.created_at,
        "updated_at": asset.updated_at,
        "scheduled_dags": [_use(use) for use in asset.uses if use.role == "schedule"],
        "producing_tasks": [_use(use) for use in asset.uses if use.role == "outlet"],
        "consuming_tasks": [_use(use) for use in asset.uses if use.role == "inlet"],
        "aliases": [_alias(alias) for alias in asset.aliases],
        "watchers": [
            {"name": one.name, "trigger_id": one.trigger_pk, "created_date": one.created_at} for one in asset.watchers
        ],
        "last_asset_event": {"id": asset.last_event_pk, "timestamp": asset.last_event_at},
    }


def _use(use: AssetUse) -> dict[str, Any]:
    task = {"task_id": use.task_id} if use.task_id else {}
    return {"dag_id": use.dag_id, **task, "created_at": use.created_at, "updated_at": use.created_at}


def _alias(alias: AliasDetail) -> dict[str, Any]:
    return {"id": alias.pk, "name": alias.name, "group": alias.group}


OPERATIONS = (
    Operation("GET", "/api/v2/assets", show_assets, query=AssetsQuery),
    Operation("GET", "/api/v2/assets/aliases", show_aliases, query=AliasesQuery),
    Operation("GET", "/api/v2/assets/aliases/{asset_alias_id:int}", show_alias),
    Operation("GET", "/api/v2/assets/{asset_id:int}", show_asset),
)
