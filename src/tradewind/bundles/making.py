"""From the settings of a bundle to the bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.bundles.bundle import Bundle, LocalBundle
from tradewind.bundles.configuration import GIT, LOCAL
from tradewind.bundles.git import GitBundle
from tradewind.bundles.s3 import S3Bundle

if TYPE_CHECKING:
    from tradewind.bundles.bundle import ReadConnection
    from tradewind.bundles.configuration import BundleSettings


def make_bundle(
    settings: BundleSettings,
    *,
    storage: str,
    dags_folder: str,
    refresh_interval_s: float,
    read_connection: ReadConnection,
) -> Bundle:
    """Return the bundle; nothing is fetched yet. A local one without a path is the DAG folder."""
    interval_s = settings.refresh_interval_s or refresh_interval_s
    if settings.kind == LOCAL:
        return LocalBundle(settings.name, settings.arguments.get("path") or dags_folder, interval_s)
    if settings.kind == GIT:
        return GitBundle(settings.name, storage, settings.arguments, interval_s, read_connection)
    return S3Bundle(settings.name, storage, settings.arguments, interval_s, read_connection)
