"""The plugins of this process: loaded once, then found by macros, links, listeners and weight rules."""

from __future__ import annotations

import sys
from types import ModuleType

from tradewind.sdk.plugins.loading import PluginSet, load_plugins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tradewind.sdk.plugins.loading import Limit

_MODULES_OF = ("hooks", "macros", "operators", "sensors")
"""What DAG files import from `airflow.<kind>.<plugin name>`; only macros are still said so in Airflow 3."""

_installed = PluginSet()


def install_plugins(folder: str | None, limit: Limit | None = None) -> PluginSet:
    """Load the plugins and make them those of this process."""
    global _installed  # noqa: PLW0603 - of the process, as what it loads is
    _installed = load_plugins(folder, limit)
    for loaded in _installed.plugins:
        for kind in _MODULES_OF:
            _offer(loaded.name, kind, getattr(loaded.plugin, kind, None) or ())
    if any(_installed.attributes("hook_lineage_readers")):
        from tradewind.sdk.providers.lineage import (  # noqa: PLC0415 - only where lineage is read
            HookLineageCollector,
            install_lineage_collector,
        )

        install_lineage_collector(HookLineageCollector())
    return _installed


def installed_plugins() -> PluginSet:
    """Return the plugins of this process."""
    return _installed


def listeners() -> Iterator[Any]:
    """Yield the listeners of the plugins."""
    return _installed.attributes("listeners")


def _offer(plugin: str, kind: str, things: Any) -> None:
    """Make `airflow.<kind>.<plugin>` a module with the things in it, and macros an attribute of `macros` too."""
    if not things:
        return
    module = ModuleType(f"airflow.{kind}.{plugin}", f"The {kind} of plugin {plugin}.")
    for thing in things:
        setattr(module, thing.__name__, thing)
    sys.modules[module.__name__] = module
    if kind == "macros":
        from tradewind.sdk.runtime import macros  # noqa: PLC0415 - brings pendulum

        setattr(macros, plugin, module)
