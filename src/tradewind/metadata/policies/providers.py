"""The provider packages of this installation, by what their packages say of themselves: none of them is imported."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import PackageMetadata

GROUP = "apache_airflow_provider"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider package."""

    package_name: str
    version: str
    description: str
    documentation_url: str | None


@functools.cache
def installed_providers() -> tuple[Provider, ...]:
    """Return the provider packages, by name."""
    found: dict[str, Provider] = {}
    for point in entry_points(group=GROUP):
        if point.dist is not None:
            about = point.dist.metadata
            name = str(about["Name"])
            summary = str(about["Summary"] or "")
            found[name] = Provider(name, point.dist.version, summary, _documentation(about))
    return tuple(found[name] for name in sorted(found))


def _documentation(about: PackageMetadata) -> str | None:
    for line in about.get_all("Project-URL") or ():
        label, _, url = str(line).partition(",")
        if label.strip().lower() == "documentation":
            return url.strip()
    return None
