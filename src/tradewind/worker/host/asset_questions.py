"""The part of the worker store that asks the scheduler about assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.serialization.records import AssetEventRecord, AssetRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class AssetQuestions:
    """The methods of `tradewind.sdk.ports.WorkerStore` about assets, by `call(method, arguments)`."""

    def __init__(self, call: Callable[[str, dict[str, Any]], Any]) -> None:
        self._ask = call

    def get_asset(self, *, name: str | None = None, uri: str | None = None) -> AssetRecord | None:
        """Return the asset of that name, or of that URI, or None when nothing defines it."""
        return msgspec.convert(self._ask("get_asset", {"name": name, "uri": uri}), AssetRecord | None)

    def get_asset_events(self, **arguments: Any) -> list[AssetEventRecord]:
        """Return the events of an asset, or through an alias; the arguments are those of the protocol."""
        return msgspec.convert(self._ask("get_asset_events", arguments), list[AssetEventRecord])

    def get_triggering_asset_events(self, *, dag_id: str, run_id: str) -> list[AssetEventRecord]:
        """Return the events that a run was created for."""
        found = self._ask("get_triggering_asset_events", {"dag_id": dag_id, "run_id": run_id})
        return msgspec.convert(found, list[AssetEventRecord])

    def get_inactive_assets(self, *, assets: Sequence[Sequence[str]]) -> list[list[str]]:
        """Return those of the assets, each a name and a URI, whose name or URI an earlier asset has."""
        return msgspec.convert(self._ask("get_inactive_assets", {"assets": assets}), list[list[str]])
