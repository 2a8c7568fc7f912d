"""Import a thing by its dotted name."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pkgutil import ModuleInfo
    from types import ModuleType
    from typing import Any


def import_string(dotted_path: str) -> Any:
    """Return what `package.module.Name` names. Raises ImportError when the module or the name is not there."""
    module_path, _, name = dotted_path.rpartition(".")
    if not module_path:
        raise ImportError(f"{dotted_path!r} names no module: write package.module.Name")
    module = import_module(module_path)
    try:
        return getattr(module, name)
    except AttributeError:
        raise ImportError(f"module {module_path!r} has no attribute {name!r}") from None


def qualname(o: Any, use_qualname: bool = False, exclude_module: bool = False) -> str:
    """Return the dotted name of a class, a function or an object's class."""
    named: Any = o
    if not hasattr(o, "__qualname__"):
        named = o.__class__
    name = named.__qualname__ if use_qualname or exclude_module else named.__name__
    return name if exclude_module else f"{named.__module__}.{name}"


def iter_namespace(ns: ModuleType) -> Iterator[ModuleInfo]:
    """Give the modules directly below a package, under their whole names."""
    import pkgutil  # noqa: PLC0415 - asked for by few

    return pkgutil.iter_modules(ns.__path__, f"{ns.__name__}.")


def is_valid_dotpath(path: str) -> bool:
    """Return whether a text could name a module or what is in one."""
    return all(part.isidentifier() for part in path.split("."))
