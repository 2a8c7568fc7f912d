"""`FileSensor`: waits for a file; `FSHook`: the folder that a connection of type `fs` names."""

from __future__ import annotations

import os
from functools import cached_property
from glob import iglob
from pathlib import Path

from tradewind.sdk.exceptions import AirflowNotFoundException
from tradewind.sdk.hooks import BaseHook
from tradewind.sdk.runtime.waiting import defers_by_default
from tradewind.sdk.sensors.sensor import BaseSensorOperator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_DEFAULT = "fs_default"


class FSHook(BaseHook):
    """A folder: `{"path": ...}` in the extra of the connection.

    `fs_default` need not exist: it stands for the root of the file system, as Airflow's default connections have it.
    """

    conn_name_attr = "fs_conn_id"
    default_conn_name = _DEFAULT
    conn_type = "fs"
    hook_name = "File (path)"

    def __init__(self, fs_conn_id: str = _DEFAULT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        try:
            self.conn: Any = self.get_connection(fs_conn_id)
            self.basepath: str = self.conn.extra_dejson.get("path", "")
        except AirflowNotFoundException:
            if fs_conn_id != _DEFAULT:
                raise
            self.conn = None
            self.basepath = "/"

    def get_conn(self) -> None:
        """Return nothing: a folder has no client."""

    def get_path(self) -> str:
        """Return the folder."""
        return self.basepath

    def test_connection(self) -> tuple[bool, str]:
        """Say whether the folder is there."""
        if not self.basepath:
            return False, "File Path is undefined."
        is_there = Path(self.basepath).exists()
        return is_there, f"Path {self.basepath} {'is existing' if is_there else 'does not exist'}."


class FileSensor(BaseSensorOperator):
    """Waits until there is a file at `filepath`, below the folder of the connection `fs_conn_id`.

    `filepath` may be a glob, with `recursive` also `**`. A folder counts as soon as it has a file in it, at any depth.
    With `deferrable` the sensor leaves the worker between two looks.
    """

    template_fields: Sequence[str] = ("filepath", "fs_conn_id")
    ui_color = "#91818a"
    start_from_trigger = False

    def __init__(
        self,
        *,
        filepath: Any,
        fs_conn_id: str = _DEFAULT,
        recursive: bool = False,
        deferrable: bool | None = None,
        start_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filepath = filepath
        self.fs_conn_id = fs_conn_id
        self.recursive = recursive
        self.deferrable = defers_by_default(deferrable)
        self.start_from_trigger = start_from_trigger
        self.trigger_kwargs = trigger_kwargs

    @cached_property
    def path(self) -> str:
        """The path with the connection's folder before it."""
        return os.path.join(FSHook(self.fs_conn_id).get_path(), self.filepath)  # noqa: PTH118 - it may be a glob

    def poke(self, context: Any) -> bool:  # noqa: ARG002 - Airflow's signature
        """Look for the file."""
        self.log.info("Poking for file %s", self.path)
        for found in iglob(self.path, recursive=self.recursive):  # noqa: PTH207 - the pattern may begin at the root
            if Path(found).is_file():
                self.log.info("Found File %s", found)
                return True
            if any(files for _, _, files in os.walk(found)):
                return True
        return False
