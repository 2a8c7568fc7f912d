"""Where the files of bundles lie below the storage folder.

`NAME/current` leads to the files as they are now; `NAME/versions/VERSION` has those of one version, which never change.
Both look alike from there on, so that the path of a file in one gives its path in the other.
"""

from __future__ import annotations

import os
from pathlib import Path

CURRENT = "current"
VERSIONS = "versions"


def current_folder(storage: str, name: str) -> Path:
    """Return the link to the files as they are now."""
    return Path(storage) / name / CURRENT


def version_folder(storage: str, name: str, version: str) -> Path:
    """Return the folder of one version."""
    return Path(storage) / name / VERSIONS / version


def at_version(path: str, name: str, version: str) -> str:
    """Return the path that a path of the bundle's current files has in one version."""
    mark = f"/{name}/{CURRENT}"
    before, found, after = path.partition(f"{mark}/")
    if not found and path.endswith(mark):
        before, found, after = path.removesuffix(mark), mark, ""
    return f"{before}/{name}/{VERSIONS}/{version}/{after}".rstrip("/") if found else path


def version_of(path: str) -> tuple[Path, str] | None:
    """Return the bundle's folder below the storage folder and the version of a path in one; None for other paths."""
    parts = Path(path).parts
    for index in range(len(parts) - 2, 0, -1):
        if parts[index] == VERSIONS:
            return Path(*parts[:index]), parts[index + 1]
    return None


def switch(link: Path, target: Path) -> None:
    """Let the link lead to another folder, at once for everyone who looks."""
    link.parent.mkdir(parents=True, exist_ok=True)
    new = link.with_name(f"{link.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)
