"""What a file leaves behind in the process that imported it: whether the next file may be imported there too.

A child that imports several files does so only while nothing tells them apart from files that have a process each.
"""

from __future__ import annotations

import builtins
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Leftovers:
    """Compares the process with what it was when this object was made."""

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = tuple({f"{root.rstrip('/')}/" for root in roots})
        self._newest_before = next(reversed(sys.modules), "")
        self._before = _traits()

    def clear_modules(self) -> None:
        """Forget the modules from below the roots, so that the next file imports its own."""
        local: list[str] = []
        for name in reversed(sys.modules):
            if name == self._newest_before:
                break
            if self._is_local(sys.modules[name]):
                local.append(name)
        for name in local:
            sys.modules.pop(name, None)

    def _is_local(self, module: object) -> bool:
        file = getattr(module, "__file__", None)
        # A package without __init__.py has no file, but folders.
        paths = [file] if isinstance(file, str) else list(getattr(module, "__path__", ()))
        return any(isinstance(path, str) and f"{path}/".startswith(self._roots) for path in paths)

    def are_harmless(self) -> bool:
        """Return whether nothing is different that another file would notice. What is inside of libraries is not seen."""
        return _traits() == self._before


def _traits() -> tuple[object, ...]:
    return (
        os.getcwd(),  # noqa: PTH109 - a plain string
        list(sys.path),
        dict(os.environ),  # noqa: TID251 - compared whole
        len(vars(builtins)),
        threading.active_count(),
        signal.getsignal(signal.SIGTERM),
        signal.getsignal(signal.SIGINT),
        sys.gettrace(),
        sys.stdout,
        sys.stderr,
        sys.getrecursionlimit(),
    )
