"""What an import leaves behind: whether the next file of a share finds the process as the first one did.

What every import leaves behind is taken away: modules of the folders, entries of `sys.path`. What only some leave behind
is looked for, and a process that has any of it imports no further file.
"""

from __future__ import annotations

import builtins
import faulthandler
import locale
import logging
import os
import signal
import socket
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

from tradewind.sdk.definitions.contexts import DagContext, TaskGroupContext
from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.definitions.operator import BaseOperator

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

_OWN_NAMES = frozenset({"tradewind", "airflow"})
_SIGNALS = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGPIPE, signal.SIGALRM, signal.SIGTERM, signal.SIGCHLD),
)
_OTHERS_MODULE, _AUTHORS_MODULE, _ODD_MODULE = range(3)


class Leftovers:
    """Compares the process with what it was when this object was made: before the first import, ready for it.

    Author code lies below `roots`, and wherever `sys.path` does not lead yet.
    """

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = _as_prefixes(roots)
        self._libraries = _as_prefixes(sys.path)
        self._path = sys.path
        self._path_entries = list(sys.path)
        self._modules = dict(sys.modules)
        self._state = _state()

    def clear(self) -> bool:
        """Take away what every import leaves behind; return whether it was all that the next one would notice.

        What was changed inside of libraries is not seen.
        """
        sys.path = self._path
        sys.path[:] = self._path_entries
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        try:
            return self._remove_modules() and _state() == self._state
        except Exception:  # noqa: BLE001 - author code may have put anything anywhere
            return False

    def _remove_modules(self) -> bool:
        """Take author code out of the table of modules; return whether nothing else was done to the table."""
        for name in sys.modules.keys() - self._modules.keys():
            module = sys.modules[name]
            kind = self._kind_of(name, module)
            if kind == _ODD_MODULE:
                return False
            if kind == _OTHERS_MODULE:
                self._modules[name] = module
                continue
            del sys.modules[name]
            parent, _, last = name.rpartition(".")
            if parent in sys.modules and vars(sys.modules[parent]).get(last) is module:
                delattr(sys.modules[parent], last)
        return sys.modules == self._modules

    def _kind_of(self, name: str, module: ModuleType) -> int:
        """Return whose module it is: a library's, imported once for all; the author's; or nobody knows."""
        if name.partition(".")[0] in _OWN_NAMES:
            return _OTHERS_MODULE
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            if self._is_of_library(file):
                return _OTHERS_MODULE
            # A compiled module may refuse to be imported a second time.
            return _AUTHORS_MODULE if file.endswith((".py", ".pyc")) else _ODD_MODULE
        folders = getattr(module, "__path__", None)
        if folders is not None:
            return _OTHERS_MODULE if all(self._is_of_library(folder) for folder in folders) else _AUTHORS_MODULE
        origin = getattr(getattr(module, "__spec__", None), "origin", None)
        return _OTHERS_MODULE if origin in {"built-in", "frozen"} else _ODD_MODULE

    def _is_of_library(self, path: str) -> bool:
        """Return whether every file finds it in the same place: not so what an author's own `sys.path` leads to."""
        return path.startswith(self._libraries) and not f"{path}/".startswith(self._roots)


def _as_prefixes(folders: Iterable[str]) -> tuple[str, ...]:
    return tuple({f"{folder.rstrip('/')}/" for folder in folders if folder})


def _state() -> list[Any]:
    """Return what an import may change that the next one would notice, to be compared.

    What the interpreter reports is heard by `FileWatch` instead.
    """
    umask = os.umask(0o077)
    os.umask(umask)
    root = logging.root
    return [
        _has_children(),
        threading.active_count(),
        umask,
        [signal.getsignal(number) for number in _SIGNALS],
        faulthandler.is_enabled(),
        locale.setlocale(locale.LC_ALL),
        socket.getdefaulttimeout(),
        (root.level, tuple(root.handlers), tuple(root.filters), root.manager.disable, logging.getLoggerClass()),
        (sys.stdin, sys.stdout, sys.stderr, sys.excepthook, sys.getrecursionlimit(), sys.gettrace(), sys.getprofile()),
        (list(sys.argv), list(sys.meta_path), list(sys.path_hooks)),
        warnings.showwarning,
        dict(vars(builtins)),
        (DagContext.get_current(), TaskGroupContext.is_active()),
        dict(vars(DAG)),
        dict(vars(BaseOperator)),
    ]


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
