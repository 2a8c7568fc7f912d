"""Triggers that wait for files."""

from __future__ import annotations

import os
from glob import iglob
from pathlib import Path

from tradewind.sdk.triggers.events import TriggerEvent
from tradewind.sdk.triggers.trigger import BaseEventTrigger, BaseTrigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any


class FileTrigger(BaseTrigger):
    """Fires once there is a file at `filepath`: a path or a glob, with `recursive` also `**`.

    A folder counts as soon as it has a file in it, at any depth. It looks every `poke_interval` seconds.
    """

    def __init__(self, filepath: str, recursive: bool = False, poke_interval: float = 5.0, **_kwargs: Any) -> None:
        super().__init__()
        self.filepath = filepath
        self.recursive = recursive
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and what it looks for."""
        return (
            "airflow.providers.standard.triggers.file.FileTrigger",
            {"filepath": self.filepath, "recursive": self.recursive, "poke_interval": self.poke_interval},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is a file."""
        from tradewind.sdk.triggers.sleeping import in_thread, pause  # noqa: PLC0415 - only the triggerer runs triggers

        while (found := await in_thread(find_file, self.filepath, self.recursive)) is None:
            await pause(self.poke_interval)
        self.log.info("Found File %s", found)
        yield TriggerEvent(payload=True)


class FileDeleteTrigger(BaseEventTrigger):
    """Fires when there is the file `filepath`, and deletes it."""

    def __init__(self, filepath: str, poke_interval: float = 5.0, **_kwargs: Any) -> None:
        super().__init__()
        self.filepath = filepath
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and what it looks for."""
        return (
            "airflow.providers.standard.triggers.file.FileDeleteTrigger",
            {"filepath": self.filepath, "poke_interval": self.poke_interval},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the file is there, and take it away."""
        from tradewind.sdk.triggers.sleeping import in_thread, pause  # noqa: PLC0415 - as above

        while not await in_thread(_take_away, self.filepath):
            await pause(self.poke_interval)
        self.log.info("File %s has been deleted", self.filepath)
        yield TriggerEvent(payload=True)


class DirectoryFileDeleteTrigger(FileDeleteTrigger):
    """Fires when the folder `directory` has the file `filename`, and deletes it."""

    def __init__(self, *, directory: str, filename: str, poke_interval: float = 5.0) -> None:
        super().__init__(str(Path(directory) / filename), poke_interval)
        self.directory = directory
        self.filename = filename

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and what it looks for."""
        told = {"directory": self.directory, "filename": self.filename, "poke_interval": self.poke_interval}
        return "airflow.providers.standard.triggers.file.DirectoryFileDeleteTrigger", told


def find_file(pattern: str, recursive: bool) -> str | None:
    """Return the first file, or folder with a file in it, that the pattern finds."""
    for found in iglob(pattern, recursive=recursive):  # noqa: PTH207 - the pattern may begin at the root
        if Path(found).is_file() or any(files for _, _, files in os.walk(found)):
            return found
    return None


def _take_away(path: str) -> bool:
    try:
        Path(path).unlink()
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        return False
    return True
