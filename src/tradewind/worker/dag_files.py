"""The DAG files that a worker has imported: each once, and again when it has changed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.bundles.git import restore_version
from tradewind.bundles.layout import version_of
from tradewind.sdk.exceptions import AirflowException, DagNotFound
from tradewind.sdk.importing import MODULE_PREFIX, import_dag_file
from tradewind.sdk.policies.cluster import apply_cluster_policies

if TYPE_CHECKING:
    from types import ModuleType

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.serialization.messages import DagFile

    _Stamp = tuple[int, int]


class DagFiles:
    """Imported DAGs by file. Modules beside the DAG files are imported afresh once one of them has changed."""

    def __init__(self) -> None:
        """Know no file yet."""
        self._imported: dict[str, tuple[str, dict[str, DAG]]] = {}
        self._refused: dict[str, dict[str, Exception]] = {}
        """By file and dag_id: what a cluster policy says against a DAG."""
        self._stamps: dict[str, _Stamp | None] = {}
        self._folders: set[str] = set()
        """The DAG folders that files were imported from."""

    def has(self, file: DagFile) -> bool:
        """Return whether this version of the file is imported."""
        known = self._imported.get(file.path)
        return known is not None and known[0] == file.fingerprint

    def dag(self, file: DagFile, dag_id: str) -> DAG:
        """Return the DAG, importing the file first where that has not been done.

        Raises `DagNotFound` when the file has no such DAG, what a cluster policy has against it, and whatever the
        author's code raises.
        """
        self._enter(file.folder)
        if not self.has(file):
            self._import(file)
        dags = self._imported[file.path][1]
        if dag_id in self._refused[file.path]:
            raise self._refused[file.path][dag_id]
        try:
            return dags[dag_id]
        except KeyError:
            there = ", ".join(sorted(dags)) or "none"
            raise DagNotFound(f"no DAG {dag_id!r} in {file.path}: its DAGs are {there}") from None

    def _enter(self, folder: str) -> None:
        """Let modules be found in this folder alone, where another one has modules of perhaps the same names.

        So it is with versions of a bundle, whose files import their own version of each module.
        """
        others = self._folders - {folder}
        self._folders.add(folder)
        if not others:
            return
        loaded = [name for name, module in list(sys.modules.items()) if any(_source_in(module, one) for one in others)]
        if not loaded and all(version_of(one) is None for one in (folder, *others)):
            return
        for name in loaded:
            del sys.modules[name]
            self._stamps.pop(name, None)
        sys.path[:] = [path for path in sys.path if path not in others]
        self._imported = {
            path: known
            for path, known in self._imported.items()
            if not any(path.startswith(f"{one}/") for one in others)
        }
        self._folders = {folder}

    def _import(self, file: DagFile) -> None:
        self._imported.pop(file.path, None)
        self._forget_changed(file.folder)
        if not Path(file.path).exists():
            restore_version(file.path)
        before = set(sys.modules)
        dags = {dag.dag_id: dag for dag in import_dag_file(file.path, file.folder)}
        self._refused[file.path] = refused = {}
        for dag in dags.values():
            try:
                apply_cluster_policies(dag)
            except AirflowException as error:
                refused[dag.dag_id] = error
        for name in sys.modules.keys() - before:
            source = _source_in(sys.modules[name], file.folder)
            if source is not None:
                self._stamps[name] = _stamp(source)
        self._imported[file.path] = (file.fingerprint, dags)

    def _forget_changed(self, folder: str) -> None:
        """Drop the modules of the DAG folder when one is not what it was: others may have taken names from it."""
        known = {name: _source_in(sys.modules[name], folder) for name in self._stamps if name in sys.modules}
        if any(source is not None and _stamp(source) != self._stamps[name] for name, source in known.items()):
            for name in known:
                del sys.modules[name]
            self._stamps.clear()


def _source_in(module: ModuleType, folder: str) -> str | None:
    """Return the module's file when it is an author's helper module in the DAG folder, else None."""
    source = getattr(module, "__file__", None)
    if not isinstance(source, str) or module.__name__.startswith(MODULE_PREFIX):
        return None
    return source if Path(folder) in Path(source).parents else None


def _stamp(source: str) -> _Stamp | None:
    try:
        found = Path(source).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
