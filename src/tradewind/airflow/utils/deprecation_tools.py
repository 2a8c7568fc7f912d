"""Modules whose names are looked up when they are used, and forwarded to where they are today.

The file has the name of the one that does this in Airflow: whatever skips the frames of Airflow's forwarding (import hooks,
filters of warnings) skips these too.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from opcode import opmap
from types import ModuleType

from tradewind.airflow import table
from tradewind.airflow.advice import advice_for
from tradewind.airflow.entries import Entry
from tradewind.sdk.deprecations import note_deprecated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType
    from typing import Any

_PACKAGE = __name__.partition(".")[0]
_PROVIDERS = "airflow.providers."
_IMPORT_FROM = opmap["IMPORT_FROM"]


class NamespaceModule(ModuleType):
    """A module of the table. Current names are kept once they were looked up; deprecated ones are noted each time."""

    def __getattr__(self, name: str) -> Any:
        """Return what the name stands for, or the module below of that name. Raises AttributeError for another."""
        entry = table.entry_of(self.__name__, name)
        if entry is None or not entry.target:
            return self._without_entry(name, entry, sys._getframe(1))  # noqa: SLF001 - asked for by an import statement?
        value = load(self.__name__, name, entry)
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


def add_deprecated_classes(
    module_imports: Mapping[str, Mapping[str, str]],
    package: str,
    override_deprecated_classes: Mapping[str, Mapping[str, str]] | None = None,
    extra_message: str | None = None,
    message: str | None = None,
) -> None:
    """Let names of a package go on under where they were: what provider packages call for modules they have moved.

    `module_imports` maps a module of the package (or the package itself) to its names, and each name to the dotted
    path of what it means today; the name `*` means every name of a module. The other arguments are words of Airflow's
    own warnings, and have no effect.
    """
    del override_deprecated_classes, extra_message, message
    for module, names in module_imports.items():
        entries = {name: _moved(name, target) for name, target in names.items()}
        if module == package:
            table.TABLE[package] = entries
            sys.modules[package].__dict__["__getattr__"] = NamespaceModule(package).__getattr__
        else:
            table.TABLE[f"{package}.{module}"] = entries


def _moved(name: str, target: str) -> Entry:
    module, _, attribute = (target, "", "*") if name == "*" else target.rpartition(".")
    return Entry(module, attribute, target, "3.0", "a later release of its provider")


def load(module: str, name: str, entry: Entry) -> Any:
    """Return what the entry of a name stands for. Raises ImportError where a package is missing that has it."""
    target = _target_module(entry)
    try:
        found = import_module(target)
    except ModuleNotFoundError as error:
        if error.name is None or not target.startswith(error.name):
            raise
        raise ImportError(_not_installed(f"{module}.{name}", target), name=module) from error
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


def _not_installed(name: str, target: str) -> str:
    sentence = f"{name} needs {target}, which is not installed"
    if not target.startswith(_PROVIDERS):
        return sentence
    parts = target.removeprefix(_PROVIDERS).split(".")
    provider = parts[:2] if parts[0] in table.PROVIDER_FAMILIES else parts[:1]
    return f"{sentence}: install the package apache-airflow-providers-{'-'.join(provider)}"
