"""What an auth manager of Airflow is asked about, for provider packages that name these types and never meet one here."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class AssetDetails(NamedTuple):
    """One asset."""

    id: str | None = None


class AssetAliasDetails(NamedTuple):
    """One alias of assets."""

    id: str | None = None


class AccessView(Enum):
    """A page with rights of its own."""

    CLUSTER_ACTIVITY = "CLUSTER_ACTIVITY"
    DOCS = "DOCS"
    IMPORT_ERRORS = "IMPORT_ERRORS"
    JOBS = "JOBS"
    PLUGINS = "PLUGINS"
    PROVIDERS = "PROVIDERS"
    TRIGGERS = "TRIGGERS"
    WEBSITE = "WEBSITE"
