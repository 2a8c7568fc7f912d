"""What a bundle answers, and the simplest one: a folder on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tradewind.serialization.records import ConnectionRecord


class BundleError(Exception):
    """A bundle cannot be brought up to date; the message says what is wrong, in one line. What it had stays."""


class ReadConnection(Protocol):
    """Reads a connection by its name."""

    def __call__(self, conn_id: str) -> ConnectionRecord | None:
        """Return the decrypted connection, or None when there is no such one."""
        ...


class Bundle(Protocol):
    """One bundle. `folder` is the same for its whole life, whatever is in it."""

    name: str
    refresh_interval_s: float
    has_versions: bool
    """Whether `refresh` gives versions whose files can be had again later."""

    @property
    def folder(self) -> str:
        """The folder with its DAG files, as they are now."""
        ...

    def refresh(self) -> str | None:
        """Bring the folder up to date; return the version that it has then, None where there are no versions.

        Raises `BundleError`; the folder is then as it was.
        """
        ...


class LocalBundle:
    """A folder on this machine: always up to date, without versions."""

    has_versions = False

    def __init__(self, name: str, folder: str, refresh_interval_s: float) -> None:
        self.name = name
        self.refresh_interval_s = refresh_interval_s
        self._folder = str(Path(folder).expanduser().absolute())

    @property
    def folder(self) -> str:
        """The folder."""
        return self._folder

    def refresh(self) -> str | None:
        """Return None: changes in the folder are heard of."""
        return None
