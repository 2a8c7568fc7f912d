"""What an import reads of the folders that can change: modules, data files, listings.

The interpreter reports each open and each listing to audit hooks, so a file that builds its DAGs from YAML files beside
it depends on them without saying so.
"""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING, Any

from tradewind.dag_processor.parsing.messages import FileRead

if TYPE_CHECKING:
    from collections.abc import Iterable

_LISTINGS = frozenset({"os.listdir", "os.scandir"})
_LASTING = frozenset({"os.putenv", "os.unsetenv", "os.chdir", "os.chroot", "sys.addaudithook"})
_WRITING = os.O_WRONLY | os.O_RDWR
_NOT_SOURCE = (".pyc", ".pyo")
MAX_HASHED_BYTES = 64 << 20
"""Of a larger file, the size and the time of its last change stand for its bytes."""


class FileWatch:
    """Notes what is opened and listed below `roots`. There is one per process: a hook cannot be taken back."""

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = tuple({f"{root.rstrip('/')}/" for root in roots})
        self._opened: set[str] = set()
        self._written: set[str] = set()
        self._listed: set[str] = set()
        self._newest_before = ""
        self.has_lasting_effect = False
        """Whether something was done since `start` that every later import in this process would notice."""
        self.reset()

    def reset(self) -> None:
        """Forget what was noted: another file begins."""
        self._opened.clear()
        self._written.clear()
        self._listed.clear()
        # Modules come into the table at its end. To look at the older ones would copy a page for each after a fork.
        self._newest_before = next(reversed(sys.modules), "")

    def start(self) -> None:
        """Begin to note."""
        sys.addaudithook(self._hear)

    def files(self, path: str) -> tuple[FileRead, ...]:
        """Return `path`, every module from below the roots and every file read there, with digests, sorted."""
        imported = {
            file
            for module in self._new_modules()
            if isinstance(file := getattr(module, "__file__", None), str) and self._is_inside(file)
        }
        # What the import wrote itself is its own product: to depend on it would be to run for ever.
        found = {file for file in imported | self._opened if not file.endswith(_NOT_SOURCE)} - self._written
        return tuple(
            FileRead(path=file, digest=digest_of_file(file))
            for file in sorted(found | {path})
            if file == path or os.path.isfile(file)  # noqa: PTH113 - a module of an archive is no file
        )

    def folders(self) -> tuple[FileRead, ...]:
        """Return the folders that were listed, with digests of the names in them, sorted."""
        return tuple(FileRead(path=folder, digest=digest_of_folder(folder)) for folder in sorted(self._listed))

    def _new_modules(self) -> list[object]:
        """Return the modules that were imported since this object was made."""
        new: list[object] = []
        for name in reversed(list(sys.modules) if self._newest_before not in sys.modules else sys.modules):
            if name == self._newest_before:
                break
            new.append(sys.modules[name])
        return new

    def _is_inside(self, path: str) -> bool:
        return path.startswith(self._roots)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _mode, flags = arguments
            if type(path) is str:
                path = os.path.abspath(path)  # noqa: PTH100 - Path would be heard again
                if self._is_inside(path):
                    (self._written if flags & _WRITING else self._opened).add(path)
        elif event in _LASTING:
            self.has_lasting_effect = True
        elif event in _LISTINGS and not _is_import_system(sys._getframe(1).f_code.co_filename):  # noqa: SLF001
            (path,) = arguments
            path = os.path.abspath("." if path is None else os.fspath(path)) if not isinstance(path, int) else ""  # noqa: PTH100
            if isinstance(path, str) and self._is_inside(f"{path}/"):
                self._listed.add(path)


def digest_of_file(path: str) -> str:
    """Return the SHA-256 of the file's bytes, empty when it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - many small files
            info = os.fstat(file.fileno())
            if info.st_size > MAX_HASHED_BYTES:
                return f"{info.st_size}-{info.st_mtime_ns}"
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""


def digest_of_folder(path: str) -> str:
    """Return the SHA-256 of the names in a folder, empty when it cannot be listed."""
    try:
        names = sorted(os.listdir(path))  # noqa: PTH208 - names, not paths
    except OSError:
        return ""
    listing = "\0".join(name for name in names if name != "__pycache__")
    return hashlib.sha256(os.fsencode(listing)).hexdigest()


def _is_import_system(file_name: str) -> bool:
    return file_name.startswith("<frozen importlib")
