"""The finder that makes `airflow` importable.

`install()` puts it first on `sys.meta_path`. A module of the table becomes a module object whose names are looked up
when they are used. Where apache-airflow is installed as well, its core is never executed: only packages below
`airflow.providers` that the table does not have are left to Python's own finders, so real provider packages work.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from opcode import opmap
from types import ModuleType

from tradewind.airflow import table
from tradewind.airflow.advice import advice_for
from tradewind.sdk.deprecations import note_deprecated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import Any

    from tradewind.airflow.entries import Entry

_PACKAGE = __name__.partition(".")[0]
_ROOT = "airflow"
_PROVIDERS = "airflow.providers"
_STANDARD = f"{_PROVIDERS}.standard"
"""The provider that every Airflow brings, and so does this package as far as it goes."""
_YIELDING = f"{_PROVIDERS}.common"
"""Where the package that has these modules is installed, it comes first: it has more names."""
_IMPORT_FROM = opmap["IMPORT_FROM"]


def install() -> None:
    """Make `airflow` and what is below it the names of this package, in this process; more than once is fine.

    Modules of a real Airflow that were imported before are forgotten.
    """
    if any(isinstance(finder, AirflowFinder) for finder in sys.meta_path):
        return
    for name in [name for name in sys.modules if name == _ROOT or name.startswith(f"{_ROOT}.")]:
        del sys.modules[name]
    sys.meta_path.insert(0, AirflowFinder())


def uninstall() -> None:
    """Take the finder and its modules away again."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, AirflowFinder)]
    for name in [name for name in sys.modules if name == _ROOT or name.startswith(f"{_ROOT}.")]:
        del sys.modules[name]


class AirflowFinder:
    """Finds the modules of the table, and refuses others of Airflow's core with a sentence that says why."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of the table; None leaves the search to others.

        Raises ModuleNotFoundError for a core module that Tradewind does not have.
        """
        if fullname != _ROOT and not fullname.startswith(f"{_ROOT}."):
            return None
        if fullname in table.TABLE:
            installed = _installed(fullname) if fullname.startswith(_YIELDING) else None
            if installed is not None:
                return installed
            return ModuleSpec(fullname, _LOADER, origin="tradewind", is_package=fullname in table.PACKAGES)
        if fullname.startswith(f"{_PROVIDERS}."):
            found = _installed(fullname) or PathFinder.find_spec(fullname, path, target)
            if found is None and fullname.startswith(f"{_STANDARD}."):
                raise ModuleNotFoundError(_no_module(fullname), name=fullname)
            return found
        if path:
            # Folders that somebody added to the __path__ of a package of ours.
            spec = PathFinder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        if isinstance(sys.modules.get(fullname.rpartition(".")[0]), NamespaceModule):
            raise ModuleNotFoundError(_no_module(fullname), name=fullname)
        return None


class NamespaceModule(ModuleType):
    """A module of the table. Current names are kept once they were looked up; deprecated ones are noted each time."""

    def __getattr__(self, name: str) -> Any:
        """Return what the name stands for, or the module below of that name. Raises AttributeError for another."""
        entry = table.entry_of(self.__name__, name)
        if entry is None or not entry.target:
            return self._without_entry(name, entry, sys._getframe(1))  # noqa: SLF001 - asked for by an import statement?
        value = _load(self.__name__, name, entry)
        if entry.is_deprecated:
            note_deprecated(f"{self.__name__}.{name}", entry.modern, entry.since, entry.removed_in)
        else:
            self.__dict__[name] = value
        return value

    def _without_entry(self, name: str, entry: Entry | None, caller: FrameType) -> Any:
        """Return the module below, or what `import *` takes; raise for any other name."""
        below = f"{self.__name__}.{name}"
        if below in table.TABLE:
            return import_module(below)
        whole = table.TABLE[self.__name__].get("*")
        if name == "__all__" and whole is not None:
            return [known for known in vars(import_module(_target_module(whole))) if not known.startswith("_")]
        sentence = f"module {self.__name__!r} has no attribute {name!r}: "
        sentence += advice_for(below) if entry is None else entry.modern
        if _is_import_statement(caller):
            # Python would replace the message of an AttributeError by its own.
            raise ImportError(
                f"cannot import name {name!r} from {self.__name__!r}: {sentence.partition(': ')[2]}", name=self.__name__
            )
        raise AttributeError(sentence, name=name, obj=self)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *table.names_in(self.__name__), *table.modules_below(self.__name__)})


class _NamespaceLoader:
    """Makes the modules of the table."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty module that looks its names up."""
        return NamespaceModule(spec.name, f"{spec.name}: Tradewind's own objects under Airflow's names.")

    def exec_module(self, module: ModuleType) -> None:
        """Say where more modules may be: of `airflow.providers` in what is installed, else nowhere."""
        spec = module.__spec__
        if spec is not None and spec.submodule_search_locations is not None:
            module.__path__ = _provider_folders(module.__name__) if module.__name__.startswith(_PROVIDERS) else []
        names = table.TABLE[module.__name__]
        if "*" not in names:
            module.__dict__["__all__"] = table.names_in(module.__name__)


_LOADER: Any = _NamespaceLoader()


def _load(module: str, name: str, entry: Entry) -> Any:
    target = _target_module(entry)
    try:
        found = import_module(target)
    except ModuleNotFoundError as error:
        if error.name is None or not target.startswith(error.name):
            raise
        raise ImportError(f"{module}.{name} needs {target}, which is not installed", name=module) from error
    try:
        return getattr(found, entry.attribute)
    except AttributeError:
        if f"{target}.{entry.attribute}" in sys.modules or _is_module(target, entry.attribute):
            return import_module(f"{target}.{entry.attribute}")
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name) from None


def _target_module(entry: Entry) -> str:
    return f"{_PACKAGE}{entry.target}" if entry.target.startswith(".") else entry.target


def _is_import_statement(frame: FrameType) -> bool:
    """Say whether the frame is at `from ... import name`."""
    return frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM


def _is_module(package: str, name: str) -> bool:
    found = sys.modules[package]
    return hasattr(found, "__path__") and PathFinder.find_spec(f"{package}.{name}", found.__path__) is not None


def _installed(fullname: str) -> ModuleSpec | None:
    """Return the spec of a module below `airflow.providers` in what is installed."""
    return PathFinder.find_spec(fullname, _provider_folders(fullname.rpartition(".")[0]))


def _provider_folders(package: str) -> list[str]:
    """Return the folders of a package below `airflow.providers` in everything that is installed."""
    folders = [f"{entry or '.'}/{package.replace('.', '/')}" for entry in sys.path]
    return [folder for folder in folders if _is_folder(folder)]


def _is_folder(path: str) -> bool:
    import os  # noqa: PLC0415 - a built-in part of it is loaded anyway

    return os.path.isdir(path)  # noqa: PTH112 - pathlib is not loaded on the way to a DAG


def _no_module(fullname: str) -> str:
    return f"No module named {fullname!r}: {advice_for(fullname)}"
