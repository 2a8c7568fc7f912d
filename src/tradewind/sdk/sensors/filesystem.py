"""`FileSensor`: waits for a file; `FSHook`: the folder that a connection of type `fs` names."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException
from tradewind.sdk.hooks import BaseHook
from tradewind.sdk.runtime.waiting import defers_by_default
from tradewind.sdk.sensors.sensor import BaseSensorOperator
from tradewind.sdk.triggers.events import StartTriggerArgs
from tradewind.sdk.triggers.filesystem import FileTrigger, find_file

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
    With `deferrable` a `FileTrigger` waits in its place; with `start_from_trigger` from the beginning, without a worker.
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
        self.trigger_kwargs = trigger_kwargs
        self.start_from_trigger = start_from_trigger and self.deferrable
        if self.start_from_trigger:
            self.start_trigger_args = StartTriggerArgs(
                trigger_cls="airflow.providers.standard.triggers.file.FileTrigger",
                trigger_kwargs={
                    "filepath": self.path,
                    "recursive": recursive,
                    "poke_interval": self.poke_interval,
                },
                next_method="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )

    @cached_property
    def path(self) -> str:
        """The path with the connection's folder before it."""
        return os.path.join(FSHook(self.fs_conn_id).get_path(), self.filepath)  # noqa: PTH118 - it may be a glob

    def poke(self, context: Any) -> bool:  # noqa: ARG002 - Airflow's signature
        """Look for the file."""
        self.log.info("Poking for file %s", self.path)
        found = find_file(self.path, self.recursive)
        if found is not None:
            self.log.info("Found File %s", found)
        return found is not None

    def execute(self, context: Any) -> Any:
        """Look for the file; where it is not there and the sensor is deferrable, wait for it outside the worker."""
        if not self.deferrable:
            return super().execute(context)
        if not self.poke(context):
            self.defer(
                trigger=FileTrigger(self.path, recursive=self.recursive, poke_interval=self.poke_interval),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )
        return None

    def execute_complete(self, context: Any, event: bool | None = None) -> None:  # noqa: ARG002 - as above
        """End: the file is there. Raises `AirflowException` where the event says otherwise."""
        if not event:
            raise AirflowException(f"{self.task_id} task failed as {self.filepath} not found.")
        self.log.info("%s completed successfully as %s found.", self.task_id, self.filepath)
