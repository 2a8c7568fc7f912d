"""The events of assets that a test run makes: kept in memory, read besides those of the database."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from tradewind.sdk.assets.asset import Asset, BaseAsset
from tradewind.sdk.definitions.dag import DAG
from tradewind.serialization.records import AssetEventRecord, AssetRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tradewind.serialization.messages import AssetEventReport, RunTask

    Ask = Callable[..., Any]
    """Puts a question (method, keywords) to whatever stands behind the test; None where nothing does."""

_log = logging.getLogger("tradewind.task")


class MemoryAssets:
    """The methods of `tradewind.sdk.ports.WorkerStore` about assets, for a test."""

    def __init__(self, behind: object) -> None:
        """Read from `behind`, where there is something, what the test has not made itself."""
        self.asset_events: list[AssetEventRecord] = []
        self._defined: list[AssetRecord] = []
        self._asset_source = behind

    def know_assets_of(self, path: str) -> None:
        """Know the assets that the modules of a DAG file define, those of the other DAGs in it among them."""
        spaces = [getattr(module, "__dict__", {}) for module in list(sys.modules.values())]
        for space in [space for space in spaces if space.get("__file__") == path]:
            for value in list(space.values()):
                tasks = value.tasks if isinstance(value, DAG) else ()
                for one in (value, *(outlet for task in tasks for outlet in task.outlets)):
                    leaves = one.leaves() if isinstance(one, BaseAsset) else ()
                    self._defined += [_record(asset) for asset in leaves if isinstance(asset, Asset)]

    def note_asset_event(self, order: RunTask, event: AssetEventReport, at: datetime) -> None:
        """Keep an event that a task of the test made: no DAG is started by it."""
        told = self._known_asset(event)
        _log.info("Event of asset %s: a test starts no other DAGs for it", told.name)
        self.asset_events.append(
            AssetEventRecord(
                # Numbers of a database are above 0.
                id=-1 - len(self.asset_events),
                asset=told,
                timestamp=at,
                extra=event.extra,
                partition_key=event.partition_key,
                source_dag_id=order.dag_id,
                source_task_id=order.task_id,
                source_run_id=order.dag_run.run_id,
                source_map_index=order.map_index,
                aliases=list(event.aliases),
            )
        )

    def get_asset(self, *, name: str | None = None, uri: str | None = None) -> AssetRecord | None:
        """Return the asset of that name, or of that URI, or None when nothing defines it."""
        for event in self.asset_events:
            if name in {None, event.asset.name} and uri in {None, event.asset.uri}:
                return event.asset
        for asset in self._defined:
            if name in {None, asset.name} and uri in {None, asset.uri}:
                return asset
        return self._ask("get_asset", None, name=name, uri=uri)

    def get_asset_events(
        self,
        *,
        name: str | None = None,
        uri: str | None = None,
        alias: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
        is_ascending: bool = True,
        limit: int | None = None,
    ) -> list[AssetEventRecord]:
        """Return the events of an asset, or those through an alias, oldest first; both dates are included."""
        found: list[AssetEventRecord] = self._ask(
            "get_asset_events", [], name=name, uri=uri, alias=alias, after=after, before=before
        )
        found = found + [
            event
            for event in self.asset_events
            if name in {None, event.asset.name}
            and uri in {None, event.asset.uri}
            and (alias is None or alias in event.aliases)
            and (after is None or event.timestamp >= after)
            and (before is None or event.timestamp <= before)
        ]
        found.sort(key=lambda event: event.timestamp, reverse=not is_ascending)
        return found[:limit]

    def get_triggering_asset_events(self, *, dag_id: str, run_id: str) -> list[AssetEventRecord]:
        """Return nothing for the run under test: nobody but the test started it."""
        return self._ask("get_triggering_asset_events", [], dag_id=dag_id, run_id=run_id)

    def get_inactive_assets(self, *, assets: Sequence[Sequence[str]]) -> list[list[str]]:
        """Return those of the assets, each a name and a URI, whose name or URI another one has in the database."""
        return self._ask("get_inactive_assets", [], assets=assets)

    def _known_asset(self, event: AssetEventReport) -> AssetRecord:
        if event.name and event.uri:
            return AssetRecord(name=event.name, uri=event.uri, extra=event.asset_extra)
        found = self.get_asset(name=event.name or None, uri=event.uri or None)
        return found or AssetRecord(name=event.name or event.uri, uri=event.uri or event.name)

    def _ask(self, method: str, without: Any, **arguments: Any) -> Any:
        answer = getattr(self._asset_source, method, None)
        return without if answer is None else answer(**arguments)


def _record(asset: Asset) -> AssetRecord:
    return AssetRecord(name=asset.name, uri=asset.uri, group=asset.group, extra=asset.extra)
