"""Finding and importing plugins: classes in the modules of the plugins folder, and entry points of packages.

Each is imported by itself: one that fails is kept as a failure with its reason and leaves the others alone.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from tradewind.sdk.exceptions import AirflowTaskTimeout
from tradewind.sdk.toolkit.plugins import AirflowPlugin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from importlib.metadata import EntryPoint
    from types import ModuleType
    from typing import Any

    Limit = Callable[[str], AbstractContextManager[Any]]

GROUP = "airflow.plugins"
_PACKAGE = str(Path(__file__).parents[2])


class LoadedPlugin:
    """One plugin class and where it comes from."""

    __slots__ = ("name", "plugin", "source")

    def __init__(self, name: str, source: str, plugin: Any) -> None:
        self.name = name
        self.source = source
        self.plugin = plugin


class PluginSet:
    """What was found: plugins, and what could not be imported as pairs of source and one line about it."""

    def __init__(self) -> None:
        self.plugins: list[LoadedPlugin] = []
        self.failures: list[tuple[str, str]] = []

    def attributes(self, name: str) -> Iterator[Any]:
        """Yield what the plugins list under an attribute such as `listeners`, in the order of the plugins."""
        for loaded in self.plugins:
            listed: Any = getattr(loaded.plugin, name, None) or ()
            yield from listed

    def add(self, source: str, found: Any) -> None:
        """Take a plugin class; one whose name is taken is left out, as in Airflow."""
        found.validate()
        name = str(found.name)
        if any(loaded.name == name for loaded in self.plugins):
            return
        found.on_load()
        self.plugins.append(LoadedPlugin(name, source, found))


@functools.cache
def plugin_entry_points() -> tuple[EntryPoint, ...]:
    """Return the entry points of installed packages; nothing of theirs is imported yet."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - not on the way of a DAG file

    return tuple(sorted(entry_points(group=GROUP), key=lambda found: (found.name, found.value)))


def load_plugins(folder: str | None, limit: Limit | None = None) -> PluginSet:
    """Import the plugins of the packages, then those of the folder. `limit` bounds the import of each of them."""
    found = PluginSet()
    bounded = limit or _unbounded
    for point in plugin_entry_points():
        distribution = getattr(point.dist, "name", "?")
        _guarded(found, f"{distribution}: {point.name} = {point.value}", lambda point=point: [point.load()], bounded)
    for path in plugin_files(folder):
        source = f"$PLUGINS_FOLDER/{path.relative_to(folder or '').as_posix()}"
        _guarded(found, source, lambda path=path: _classes_in(_import(path, Path(folder or ""))), bounded)
    return found


def plugin_files(folder: str | None) -> list[Path]:
    """Return the modules of the plugins folder, sorted; none when there is no such folder."""
    if not folder or not Path(folder).is_dir():
        return []
    root = Path(folder)
    return sorted(
        path
        for path in root.rglob("*.py")
        if not any(part.startswith((".", "__pycache__")) for part in path.relative_to(root).parts)
    )


def _unbounded(_what: str) -> AbstractContextManager[Any]:
    return contextlib.nullcontext()


def _guarded(found: PluginSet, source: str, load: Callable[[], list[Any]], limit: Limit) -> None:
    try:
        with limit(f"plugin {source}"):
            classes = load()
        for each in classes:
            found.add(source, each)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - author code: sys.exit and a time limit are failures of it too
        found.failures.append((source, _one_line(error)))


def _import(path: Path, folder: Path) -> ModuleType:
    """Import a module under the name that DAG files know it by: its path below the folder, with dots."""
    parts = path.relative_to(folder).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    known = sys.modules.get(name)
    if known is not None:
        if getattr(known, "__file__", None) == str(path):
            return known
        # A library has the name: DAG files cannot mean the plugin by it.
        name = f"plugin_{name}"
    is_package = path.name == "__init__.py"
    spec = spec_from_file_location(name, path, submodule_search_locations=[str(path.parent)] if is_package else None)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _classes_in(module: ModuleType) -> list[Any]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, AirflowPlugin) and value is not AirflowPlugin
    ]


def _one_line(error: BaseException) -> str:
    if isinstance(error, AirflowTaskTimeout):
        return "its import takes longer than it may ([core] dagbag_import_timeout)"
    lines = str(error).strip().splitlines()
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith(("<frozen", _PACKAGE)):
            place = f" ({code.co_filename}, line {trace.tb_lineno})"
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({error.filename}, line {error.lineno})"
        lines = [str(error.msg)]
    return f"{type(error).__name__}{': ' + lines[0] if lines else ''}{place}"
