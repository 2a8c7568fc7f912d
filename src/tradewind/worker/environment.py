"""The environment of a worker: what tasks are told in it, and back to what it was after each of them."""

from __future__ import annotations

import os

from tradewind.executors.local_protocol import EXECUTOR_MARK, WORKER_MARK


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
        """Take the environment as it is for the one to go back to."""
        self._before = os.environb.copy()

    def enter(self, told: dict[str, str]) -> None:
        """Keep the environment as it is now, and tell the task in it what it is."""
        self._before = os.environb.copy()
        os.environ.update(told)

    def leave(self) -> None:
        """Put the environment back."""
        now = os.environb.copy()
        if now == self._before:
            return
        for name in now.keys() - self._before.keys():
            del os.environb[name]
        for name, value in self._before.items():
            if now.get(name) != value:
                os.environb[name] = value
