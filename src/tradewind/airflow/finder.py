"""The finder that makes `airflow` importable.

`install()` puts it first on `sys.meta_path`. A module of the table becomes a module object whose names are looked up
when they are used. Where apache-airflow is installed as well, its core is never executed: only packages below
`airflow.providers` that the table does not have are left to Python's own finders, so real provider packages work.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder

from tradewind.airflow import table
from tradewind.airflow.advice import advice_for
from tradewind.airflow.utils.deprecation_tools import NamespaceModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

_ROOT = "airflow"
_PROVIDERS = "airflow.providers"
_STANDARD = f"{_PROVIDERS}.standard"
"""The provider that every Airflow brings, and so does this package as far as it goes."""
_YIELDING = f"{_PROVIDERS}.common"
"""Where the package that has these modules is installed, it comes first: it has more names."""


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
        if table.has_module(fullname):
            installed = _installed(fullname) if fullname.startswith(_YIELDING) else None
            if installed is not None:
                return installed
            return ModuleSpec(fullname, _LOADER, origin="tradewind", is_package=fullname in table.PACKAGES)
        if fullname.startswith(f"{_PROVIDERS}."):
            is_ours = isinstance(sys.modules.get(fullname.rpartition(".")[0]), NamespaceModule)
            found = _installed(fullname) if is_ours else PathFinder.find_spec(fullname, path, target)
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


def _installed(fullname: str) -> ModuleSpec | None:
    """Return the spec of a module below `airflow.providers` in what is installed."""
    return PathFinder.find_spec(fullname, _provider_folders(fullname.rpartition(".")[0]))


def _provider_folders(package: str) -> list[str]:
    """Return the folders of a package below `airflow.providers` in everything that is installed.

    Folders without a package in them do not count: those of a DAG repository may be called so too.
    """
    folders = [f"{entry or '.'}/{package.replace('.', '/')}" for entry in sys.path]
    return [folder for folder in folders if _has_packages(folder)]


def _has_packages(folder: str) -> bool:
    """Say whether a folder is a package, or has a package of a provider in it."""
    import os  # noqa: PLC0415 - a built-in part of it is loaded anyway; pathlib is not on the way to a DAG

    if os.path.isfile(f"{folder}/__init__.py"):  # noqa: PTH113 - as above
        return True
    if not os.path.isdir(folder):  # noqa: PTH112 - as above
        return False
    return any(
        os.path.isfile(f"{folder}/{name}/__init__.py")  # noqa: PTH113 - as above
        or (name in table.PROVIDER_FAMILIES and _has_packages(f"{folder}/{name}"))
        for name in os.listdir(folder)  # noqa: PTH208 - as above
    )


def _no_module(fullname: str) -> str:
    return f"No module named {fullname!r}: {advice_for(fullname)}"
