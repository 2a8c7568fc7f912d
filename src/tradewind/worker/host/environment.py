"""The environment of a worker: what tasks are told in it, and back to what it was after each of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tradewind.executors.local_protocol import EXECUTOR_MARK, WORKER_MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

_content: Mapping[bytes, bytes] = getattr(os.environ, "_data", os.environb)
"""The dict inside: copying and comparing it costs a twentieth of what it costs through the wrapper."""


def executor_mark() -> str:
    """Return the mark that the executor gave this process when it started it."""
    return os.environ[EXECUTOR_MARK]


def set_worker_mark(mark: str) -> None:
    """Mark this process's programs as those of one worker."""
    os.environ[WORKER_MARK] = mark


class TaskEnvironment:
    """Keeps what one task does to the environment from the next one.

    What DAG files set when they are imported stays: they are imported once.
    """

    def __init__(self) -> None:
        """Know nothing to put back yet."""
        self._told: dict[str, str] = {}
        self._before: dict[bytes, bytes] | None = None

    def enter(self, told: dict[str, str]) -> None:
        """Tell the task what it is, in place of what the one before was told; keep the environment as it is then."""
        for name in self._told.keys() - told.keys():
            os.environ.pop(name, None)
        for name, value in told.items():
            if self._told.get(name) != value:
                os.environ[name] = value
        self._told = told
        self._before = dict(_content)

    def leave(self) -> None:
        """Put back what the task has changed."""
        before, self._before = self._before, None
        if before is None or _content == before:
            return
        for name in _content.keys() - before.keys():
            del os.environb[name]
        for name, value in before.items():
            if _content.get(name) != value:
                os.environb[name] = value

    def forget(self) -> None:
        """Take away what the last task was told: the process goes on with other things."""
        self.enter({})
        self._before = None
