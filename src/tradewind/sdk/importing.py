"""Import a DAG file as Airflow does: under a module name of its own, with the DAG folder on `sys.path`.

The DAG processor's children and the workers share this, so that both see the same DAGs of a file.
"""

from __future__ import annotations

import hashlib
import re
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from zipfile import ZipFile, is_zipfile

from tradewind.sdk.definitions.contexts import DagContext
from tradewind.sdk.definitions.dag import DAG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, ModuleType

MODULE_PREFIX = "unusual_prefix_"
"""Start of the module name of every DAG file: Airflow's, which authors see in tracebacks and pickles."""


def module_name_of(path: str) -> str:
    """Return the module name that the DAG file at `path` is imported under: one of its own, the same each time."""
    digest = hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()
    return f"{MODULE_PREFIX}{digest}_{re.sub('[.-]', '_', Path(path).stem)}"


def might_contain_dag(source: bytes) -> bool:
    """Return whether a source file may define a DAG: Airflow's "safe mode" test, and this package's own name."""
    lowered = source.lower()
    return (b"airflow" in lowered or b"tradewind" in lowered) and (b"dag" in lowered or b"asset" in lowered)


def extend_sys_path(folders: Iterable[str | None]) -> None:
    """Put the folders (DAGs, configuration, plugins) at the end of `sys.path`, each once; None is left out."""
    for folder in folders:
        if folder and folder not in sys.path:
            sys.path.append(folder)


def import_dag_file(path: str, folder: str, *, safe_mode: bool = True) -> list[DAG]:
    """Import the DAG file or zip archive at `path`, in the DAG folder `folder`; return its DAGs by dag_id.

    `safe_mode` leaves out members of an archive that do not look like DAG files; a plain file is imported in any case.
    The DAGs know their `fileloc` and `relative_fileloc` then. Whatever the author's code raises comes through,
    `SystemExit` included, and leaves no half-imported module behind.
    """
    extend_sys_path([folder])
    before = DagContext.current_autoregister_module_name
    try:
        modules = _import_archive(path, safe_mode=safe_mode) if is_zipfile(path) else [_import_source(path)]
        found = _collect(modules)
    finally:
        DagContext.current_autoregister_module_name = before
        DagContext.autoregistered_dags.clear()
    for dag, fileloc in _with_parts(found).items():
        dag.fileloc = fileloc
        dag.relative_fileloc = _relative(fileloc, folder)
    return sorted(_with_parts(found), key=lambda dag: dag.dag_id)


class _SourceLoader(SourceFileLoader):
    """Compiles the source each time: a cached file is chosen by time and size, which a quick edit need not change."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _import_source(path: str) -> ModuleType:
    name = module_name_of(path)
    loader = _SourceLoader(name, path)
    spec = ModuleSpec(name, loader, origin=path)
    spec.has_location = True
    module = module_from_spec(spec)
    sys.modules[name] = module
    DagContext.current_autoregister_module_name = name
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_archive(path: str, *, safe_mode: bool) -> list[ModuleType]:
    """Import the modules at the top level of an archive, with the archive first on `sys.path`."""
    names: list[str] = []
    with ZipFile(path) as archive:
        for member in archive.infolist():
            inside = Path(member.filename)
            if inside.suffix not in {".py", ".pyc"} or len(inside.parts) > 1 or inside.stem == "__init__":
                continue
            if not safe_mode or might_contain_dag(archive.read(member)):
                names.append(inside.stem)
    modules: list[ModuleType] = []
    sys.path.insert(0, path)
    try:
        for name in names:
            sys.modules.pop(name, None)
            DagContext.current_autoregister_module_name = name
            modules.append(import_module(name))
    finally:
        sys.path.remove(path)
    return modules


def _collect(modules: list[ModuleType]) -> dict[DAG, str]:
    """Return the DAGs in the modules' globals and those that a `with` block closed, each with its file."""
    found: list[tuple[DAG, ModuleType]] = []
    for module in modules:
        found += [(value, module) for value in vars(module).values() if isinstance(value, DAG)]
    found += DagContext.autoregistered_dags
    by_identity = {id(dag): (dag, module) for dag, module in found}
    return {dag: str(module.__file__) for dag, module in by_identity.values()}


def _with_parts(found: dict[DAG, str]) -> dict[DAG, str]:
    """Add the SubDAGs that tasks of the DAGs run: an author's function makes them, and no name holds them."""
    subdags = sys.modules.get("tradewind.sdk.subdags.operator")
    if subdags is None:
        return found
    whole = dict(found)
    for dag, fileloc in found.items():
        for part in subdags.with_subdags([dag]):
            whole.setdefault(part, fileloc)
    return whole


def _relative(fileloc: str, folder: str) -> str:
    try:
        return Path(fileloc).relative_to(folder).as_posix()
    except ValueError:
        return fileloc
