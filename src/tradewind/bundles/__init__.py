"""DAG bundles: where DAG files come from. A folder, a git repository, a bucket; several at once."""

from __future__ import annotations

from tradewind.bundles.bundle import Bundle, BundleError, LocalBundle
from tradewind.bundles.configuration import BundleConfigError, BundleSettings, read_bundles
from tradewind.bundles.making import make_bundle

__all__ = [
    "Bundle",
    "BundleConfigError",
    "BundleError",
    "BundleSettings",
    "LocalBundle",
    "make_bundle",
    "read_bundles",
]
