"""Hook-level lineage, as hooks of provider packages report it: `airflow.sdk.lineage`.

Hooks say which assets they read and wrote, and other facts; readers of plugins (`hook_lineage_readers`, such as
OpenLineage's) fetch it when the task ends. Where no plugin has a reader nothing is kept.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_log = logging.getLogger(__name__)

MAX_COLLECTED_ASSETS = 100
"""So many assets read, and so many written, are kept of one task."""
MAX_COLLECTED_EXTRA = 200


@dataclass
class AssetLineageInfo:
    """One asset, how often it was touched, and by whom."""

    asset: Any
    count: int
    context: Any


@dataclass
class ExtraLineageInfo:
    """One fact that is no asset, how often it was told, and by whom."""

    key: str
    value: Any
    count: int
    context: Any


@dataclass
class HookLineage:
    """What hooks have reported."""

    inputs: list[AssetLineageInfo] = field(default_factory=list[AssetLineageInfo])
    outputs: list[AssetLineageInfo] = field(default_factory=list[AssetLineageInfo])
    extra: list[ExtraLineageInfo] = field(default_factory=list[ExtraLineageInfo])


class HookLineageCollector:
    """Keeps what hooks report, once for each asset (or fact) and hook, with a count."""

    def __init__(self, **_options: Any) -> None:
        self._inputs: dict[object, AssetLineageInfo] = {}
        self._outputs: dict[object, AssetLineageInfo] = {}
        self._extra: dict[object, ExtraLineageInfo] = {}

    def create_asset(
        self,
        *,
        scheme: str | None = None,
        uri: str | None = None,
        name: str | None = None,
        group: str | None = None,
        asset_kwargs: dict[str, Any] | None = None,
        asset_extra: dict[str, Any] | None = None,
    ) -> Any:
        """Return the asset of a URI or a name, or the one that the provider of `scheme` makes; None for neither."""
        if uri or name:
            from tradewind.sdk.assets.asset import Asset  # noqa: PLC0415 - only where lineage is read

            given: dict[str, Any] = {"uri": uri, "name": name, "group": group, "extra": asset_extra}
            return Asset(**{key: value for key, value in given.items() if value})
        from tradewind.sdk.providers.installed import ProvidersManager  # noqa: PLC0415 - as above

        factory = ProvidersManager().asset_factories.get(scheme or "")
        if factory is None:
            _log.debug("no asset without a URI or a name, and no provider knows the scheme %r", scheme)
            return None
        try:
            return factory(**(asset_kwargs or {}), extra=asset_extra)
        except Exception as error:  # noqa: BLE001 - a provider's code: what it cannot name is left out of the lineage
            _log.debug("no asset of scheme %r: %s", scheme, error)
            return None

    def add_input_asset(self, context: Any, scheme: str | None = None, uri: str | None = None, **given: Any) -> None:
        """Take an asset that a hook (`context`) read. The other arguments are those of `create_asset`."""
        self._add_asset(self._inputs, context, scheme=scheme, uri=uri, **given)

    def add_output_asset(self, context: Any, scheme: str | None = None, uri: str | None = None, **given: Any) -> None:
        """Take an asset that a hook (`context`) wrote. The other arguments are those of `create_asset`."""
        self._add_asset(self._outputs, context, scheme=scheme, uri=uri, **given)

    def add_extra(self, context: Any, key: str, value: Any) -> None:
        """Take another fact; one without key or value is left out."""
        if not key or not value or self._is_full(self._extra, MAX_COLLECTED_EXTRA):
            return
        place = (key, _text_of(value), id(context))
        known = self._extra.get(place) or ExtraLineageInfo(key, value, 0, context)
        self._extra[place] = replace(known, count=known.count + 1)

    @property
    def collected_assets(self) -> HookLineage:
        """What was reported so far."""
        return HookLineage(list(self._inputs.values()), list(self._outputs.values()), list(self._extra.values()))

    @property
    def has_collected(self) -> bool:
        """Whether anything was reported."""
        return bool(self._inputs or self._outputs or self._extra)

    def clear(self) -> None:
        """Forget what was reported: another try begins."""
        for kept in (self._inputs, self._outputs, self._extra):
            kept.clear()

    def _add_asset(self, assets: dict[object, AssetLineageInfo], context: Any, **given: Any) -> None:
        if self._is_full(assets, MAX_COLLECTED_ASSETS):
            return
        asset = self.create_asset(**given)
        if asset is None:
            return
        place = (asset.uri, _text_of(asset.extra), id(context))
        known = assets.get(place) or AssetLineageInfo(asset, 0, context)
        assets[place] = replace(known, count=known.count + 1)

    def _is_full(self, kept: dict[object, Any], limit: int) -> bool:
        if len(kept) < limit:
            return False
        _log.debug("%d entries of lineage are kept, what follows is left out", limit)
        return True


class NoOpCollector(HookLineageCollector):
    """Keeps nothing: there is nobody to read it."""

    def add_input_asset(self, *_args: Any, **_given: Any) -> None:
        """Take nothing."""

    def add_output_asset(self, *_args: Any, **_given: Any) -> None:
        """Take nothing."""

    def add_extra(self, *_args: Any, **_given: Any) -> None:
        """Take nothing."""


class HookLineageReader:
    """What a plugin subclasses to read the lineage."""

    def __init__(self, **_: Any) -> None:
        self.lineage_collector = get_hook_lineage_collector()

    def retrieve_hook_lineage(self) -> HookLineage:
        """Return what hooks have reported."""
        return self.lineage_collector.collected_assets


_collector: HookLineageCollector = NoOpCollector()


def install_lineage_collector(collector: HookLineageCollector) -> HookLineageCollector:
    """Make `collector` the one of this process; return the one before. Called where a plugin has a reader."""
    global _collector
    before, _collector = _collector, collector
    return before


def get_hook_lineage_collector() -> HookLineageCollector:
    """Return the collector of this process."""
    return _collector


def _text_of(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
