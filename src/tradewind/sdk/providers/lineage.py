"""Hook-level lineage, as hooks of provider packages report it: `airflow.sdk.lineage`.

Hooks say which assets they read and wrote. Nobody listens until something registers as a reader, so the collector
counts nothing by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@dataclass
class AssetLineageInfo:
    """One asset, how often it was touched, and by whom."""

    asset: Any
    count: int
    context: Any


@dataclass
class ExtraLineageInfo:
    """One fact that is no asset."""

    key: str
    value: Any
    count: int
    context: Any


class HookLineage(NamedTuple):
    """What hooks have reported."""

    inputs: list[AssetLineageInfo]
    outputs: list[AssetLineageInfo]
    extra: list[ExtraLineageInfo]


class HookLineageCollector:
    """Takes what hooks report, and keeps nothing of it."""

    def create_asset(
        self, *, scheme: str | None = None, uri: str | None = None, name: str | None = None, **_: Any
    ) -> Any:
        """Return None: no asset is made where none is kept."""
        del scheme, uri, name

    def add_input_asset(self, context: Any, *args: Any, **kwargs: Any) -> None:
        """Take an asset that a hook read."""

    def add_output_asset(self, context: Any, *args: Any, **kwargs: Any) -> None:
        """Take an asset that a hook wrote."""

    def add_extra(self, context: Any, key: str, value: Any) -> None:
        """Take another fact."""

    @property
    def collected_assets(self) -> HookLineage:
        """What was kept: nothing."""
        return HookLineage([], [], [])

    @property
    def has_collected(self) -> bool:
        """Whether anything was kept."""
        return False


class HookLineageReader:
    """What a plugin subclasses to read the lineage."""

    def __init__(self, **_: Any) -> None:
        self.lineage_collector = get_hook_lineage_collector()

    def retrieve_hook_lineage(self) -> HookLineage:
        """Return what hooks have reported."""
        return self.lineage_collector.collected_assets


_collector = HookLineageCollector()


def get_hook_lineage_collector() -> HookLineageCollector:
    """Return the collector of this process."""
    return _collector
