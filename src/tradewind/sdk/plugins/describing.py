"""Plugins as data: what the command line and the REST API show of them without importing one."""

from __future__ import annotations

from tradewind.sdk.plugins.listening import listened_hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tradewind.sdk.plugins.loading import LoadedPlugin, PluginSet

_NAMED = (
    "macros",
    "timetables",
    "operator_extra_links",
    "global_operator_extra_links",
    "listeners",
    "priority_weight_strategies",
    "hook_lineage_readers",
    "operators",
    "sensors",
    "hooks",
    "partition_mappers",
    "windows",
)
NOT_CARRIED = (
    "appbuilder_menu_items",
    "appbuilder_views",
    "admin_views",
    "external_views",
    "fastapi_apps",
    "fastapi_root_middlewares",
    "flask_blueprints",
    "menu_links",
    "react_apps",
)
"""Parts of a plugin that add to Airflow's own web server: there is no such server here."""


def describe_plugins(found: PluginSet) -> dict[str, Any]:
    """Return the plugins and the failures as plain JSON types."""
    return {
        "plugins": [_describe(loaded) for loaded in found.plugins],
        "failures": [{"source": source, "error": error} for source, error in found.failures],
    }


def _describe(loaded: LoadedPlugin) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": loaded.name, "source": loaded.source}
    for name in _NAMED:
        shown[name] = [_path(thing) for thing in getattr(loaded.plugin, name, None) or ()]
    shown["listened"] = listened_hooks(getattr(loaded.plugin, "listeners", None) or ())
    shown["not_carried"] = [name for name in NOT_CARRIED if getattr(loaded.plugin, name, None)]
    return shown


def _path(thing: Any) -> str:
    """Return the dotted path of a function, a class, a module or an object's class."""
    if hasattr(thing, "__spec__"):
        return str(thing.__name__)
    named: Any = thing if hasattr(thing, "__qualname__") else thing.__class__
    return f"{named.__module__}.{named.__qualname__}"
