"""What a try has to do with assets: those it names have to be active, and its success makes events of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tradewind.sdk.assets.asset import Asset, BaseAsset
from tradewind.sdk.assets.keys import AssetUniqueKey
from tradewind.sdk.assets.outlet_events import events_of
from tradewind.sdk.exceptions import AirflowInactiveAssetInInletOrOutletException
from tradewind.sdk.ports import worker_store
from tradewind.serialization.messages import AssetEventReport

if TYPE_CHECKING:
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.runtime.context import Context
    from tradewind.serialization.messages import DagRunFacts


def asset_events_of(task: BaseOperator, context: Context, dag_run: DagRunFacts) -> tuple[AssetEventReport, ...]:
    """Return the events to report. Raises TypeError for an extra that is no JSON object."""
    if not any(isinstance(outlet, BaseAsset) for outlet in task.outlets):
        return ()
    return tuple(_report(event, dag_run) for event in events_of(task.outlets, context.get("outlet_events")))


def require_active_assets(task: BaseOperator) -> None:
    """Raise `AirflowInactiveAssetInInletOrOutletException` where another asset has the name or URI of one of the task's."""
    assets = {(one.name, one.uri) for one in (*task.inlets, *task.outlets) if isinstance(one, Asset)}
    found = worker_store().get_inactive_assets(assets=sorted(assets)) if assets else []
    if found:
        raise AirflowInactiveAssetInInletOrOutletException([AssetUniqueKey(name, uri) for name, uri in found])


def _report(event: dict[str, Any], dag_run: DagRunFacts) -> AssetEventReport:
    name, uri = event["name"], event["uri"]
    partition_key = event["partition_key"] or dag_run.partition_key
    return AssetEventReport(
        name=name,
        uri=uri,
        extra=_json_object(event["extra"], f"the event of asset {name or uri!r}"),
        aliases=tuple(event["aliases"]),
        asset_extra=_json_object(event.get("asset_extra", {}), f"asset {name or uri!r}"),
        partition_key=partition_key,
        # The date is the run's and means the run's partition, no other.
        partition_date=dag_run.partition_date if partition_key == dag_run.partition_key else None,
    )


def _json_object(extra: Any, what: str) -> dict[str, Any]:
    if not isinstance(extra, dict):
        raise TypeError(f"the extra of {what} has to be a dict, not {type(extra).__name__}")
    try:
        return json.loads(json.dumps(extra))
    except (TypeError, ValueError) as error:
        raise TypeError(f"the extra of {what} is no JSON: {error}") from None
