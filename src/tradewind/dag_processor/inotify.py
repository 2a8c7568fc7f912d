"""File events on Linux, through the kernel's own interface: a descriptor to wait for, nothing that runs meanwhile."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_log = logging.getLogger(__name__)

# From linux/inotify.h.
_CLOSE_WRITE = 0x008
_MOVED_FROM = 0x040
_MOVED_TO = 0x080
_CREATE = 0x100
_DELETE = 0x200
_OVERFLOW = 0x4000
_IGNORED = 0x8000
_IS_FOLDER = 0x4000_0000
_ONLY_FOLDERS = 0x0100_0000
_WANTED = _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _ONLY_FOLDERS

_EVENT = struct.Struct("iIII")
_READ_BYTES = 1 << 16
_UNWATCHED = frozenset({"__pycache__", ".git"})


class InotifyWatcher:
    """Hears of every file that is written, made, moved or deleted below the roots. Links to folders are followed.

    Raises `OSError` where the system has no inotify or gives no descriptor.
    """

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = tuple(roots)
        self._library = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._library, "inotify_init1"):
            raise OSError(errno.ENOSYS, "no inotify")
        self._fd = self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _last_error()
        self._paths: dict[int, str] = {}
        self._is_full = False
        self.sync()

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._fd

    def sync(self) -> None:
        """Watch every folder below the roots that is not watched yet."""
        for root in self._roots:
            self._watch_tree(root)

    def drain(self) -> set[str]:
        """Return the paths that something happened to, without waiting; the roots when events were lost."""
        changed: set[str] = set()
        with contextlib.suppress(BlockingIOError):
            while True:
                self._take(os.read(self._fd, _READ_BYTES), changed)
        return changed

    def close(self) -> None:
        """Stop hearing."""
        os.close(self._fd)

    def _take(self, data: bytes, changed: set[str]) -> None:
        offset = 0
        while offset < len(data):
            watch, mask, _cookie, size = _EVENT.unpack_from(data, offset)
            offset += _EVENT.size + size
            if mask & _OVERFLOW:
                changed.update(self._roots)
            elif mask & _IGNORED:
                self._paths.pop(watch, None)
            elif watch in self._paths:
                name = os.fsdecode(data[offset - size : offset].rstrip(b"\0"))
                if name in _UNWATCHED:
                    continue
                path = f"{self._paths[watch]}/{name}"
                changed.add(path)
                if mask & (_CREATE | _MOVED_TO) and (mask & _IS_FOLDER or os.path.islink(path)):  # noqa: PTH114
                    self._watch_tree(path)

    def _watch_tree(self, root: str) -> None:
        pending = [root]
        seen: set[str] = set()
        while pending:
            folder = pending.pop()
            real = os.path.realpath(folder)
            if real in seen or not self._watch(folder):
                continue
            seen.add(real)
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                pending += [entry.path for entry in entries if entry.name not in _UNWATCHED and entry.is_dir()]

    def _watch(self, folder: str) -> bool:
        """Watch one folder; return whether it is one."""
        watch = self._library.inotify_add_watch(self._fd, os.fsencode(folder), _WANTED)
        if watch >= 0:
            self._paths[watch] = folder
            return True
        error = _last_error()
        if error.errno == errno.ENOSPC and not self._is_full:
            self._is_full = True
            _log.warning(
                "the system watches no more folders (fs.inotify.max_user_watches): "
                "changes in the rest are found by walking over them"
            )
        return error.errno == errno.ENOSPC


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
