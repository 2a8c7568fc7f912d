"""Hearing of changes below the folders: a descriptor that can be waited for, on any system."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from tradewind.dag_processor.inotify import InotifyWatcher

if TYPE_CHECKING:
    from collections.abc import Iterable

_log = logging.getLogger(__name__)
_STEP_MS = 50
_LISTEN_MS = 30_000


class Watcher(Protocol):
    """Says which paths something happened to."""

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        ...

    def sync(self) -> None:
        """Take note of folders that have come since."""
        ...

    def drain(self) -> set[str]:
        """Return the paths that something happened to, without waiting."""
        ...

    def close(self) -> None:
        """Stop hearing."""
        ...


def watch(folders: Iterable[str]) -> Watcher:
    """Return the system's watcher of `folders` and everything below, hearing from now on."""
    folders = tuple(folders)
    if sys.platform == "linux":
        try:
            return InotifyWatcher(folders)
        except OSError as error:
            _log.warning("no inotify here (%s): file events come through a thread", error.strerror)
    return ThreadWatcher(folders)


class ThreadWatcher:
    """The watchfiles library in a thread: for systems without inotify."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        self._folders = folders
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="tradewind-folder-watcher", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._ours.fileno()

    def sync(self) -> None:
        """Do nothing: the library follows new folders itself."""

    def drain(self) -> set[str]:
        """Return the paths that something happened to, without waiting."""
        with contextlib.suppress(BlockingIOError):
            while self._ours.recv(4096):
                pass
        with self._lock:
            changed, self._changed = self._changed, set()
        return changed

    def close(self) -> None:
        """Stop hearing and wait for the thread to end."""
        self._stop.set()
        self._thread.join()
        self._ours.close()
        self._theirs.close()

    def _run(self) -> None:
        folders = [folder for folder in self._folders if os.path.isdir(folder)]  # noqa: PTH112 - plain strings here
        if not folders:
            return
        # Loaded where it is used: it brings an event loop with it.
        library = import_module("watchfiles")
        try:
            for changes in library.watch(
                *folders,
                watch_filter=lambda _change, path: "/__pycache__" not in path and "/.git/" not in path,
                debounce=4 * _STEP_MS,
                step=_STEP_MS,
                stop_event=self._stop,
                rust_timeout=_LISTEN_MS,
                raise_interrupt=False,
            ):
                with self._lock:
                    self._changed.update(path for _change, path in changes)
                self._theirs.send(b"\0")
        except Exception:  # noqa: BLE001 - the walk over the folders goes on without events
            _log.exception("file events have stopped; changes are found by walking over the folders from now on")
