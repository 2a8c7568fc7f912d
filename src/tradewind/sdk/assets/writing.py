"""Assets as the DAG document has them, and the schedules that make no sense."""

from __future__ import annotations

import json

from tradewind.sdk.assets.asset import Asset, AssetBooleanCondition, BaseAsset
from tradewind.sdk.ports import xcom_codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from tradewind.sdk.assets.asset import AssetWatcher


def plain_assets(lets: Iterable[Any]) -> tuple[dict[str, Any], ...]:
    """Return the assets, aliases and references among a task's inlets or outlets; other lineage is left out.

    Raises TypeError for an `extra` that is no JSON.
    """
    found: dict[str, dict[str, Any]] = {}
    for one in lets:
        parts = one.leaves() if isinstance(one, BaseAsset) else ()
        for part in parts:
            plain = plain_asset(part)
            found.setdefault(json.dumps(plain, sort_keys=True), plain)
    return tuple(found.values())


def plain_asset(asset: BaseAsset) -> dict[str, Any]:
    """Return an asset, alias or reference with everything that is stored of it."""
    plain: dict[str, Any] = asset.as_expression()
    if isinstance(asset, Asset) and asset.extra:
        try:
            extra = json.loads(json.dumps(asset.extra))
        except (TypeError, ValueError) as error:
            raise TypeError(f"the extra of asset {asset.name!r} is no JSON: {error}") from None
        plain = {"asset": {**plain["asset"], "extra": extra}}
    if isinstance(asset, Asset) and asset.watchers:
        plain = {"asset": {**plain["asset"], "watchers": [_plain_watcher(asset, one) for one in asset.watchers]}}
    return plain


def _plain_watcher(asset: Asset, watcher: AssetWatcher) -> dict[str, Any]:
    what = f"watcher {watcher.name!r} of asset {asset.name!r}"
    try:
        classpath, kwargs = watcher.trigger.serialize()
        arguments = json.loads(xcom_codec().encode_value(dict(kwargs)))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise TypeError(f"the trigger of {what} cannot be stored: {error}") from None
    return {"name": watcher.name, "classpath": classpath, "kwargs": arguments}


def plain_condition(condition: BaseAsset) -> dict[str, Any]:
    """Return a schedule's condition with everything that is stored of its assets."""
    if isinstance(condition, AssetBooleanCondition):
        word = next(iter(condition.as_expression()))
        return {word: [plain_condition(part) for part in condition.objects]}
    return plain_asset(condition)
