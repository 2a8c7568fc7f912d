"""The plugins of the installation, those that cannot be imported, and the provider packages that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.metadata.policies.plugins import PluginStore
from tradewind.metadata.policies.providers import installed_providers
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.metadata.policies.plugins import PluginRecord
    from tradewind.web.operations import Call

_PARTS = ("macros", "global_operator_extra_links", "operator_extra_links", "listeners", "timetables")
_OF_AIRFLOWS_SERVER = (
    "appbuilder_menu_items",
    "appbuilder_views",
    "external_views",
    "fastapi_apps",
    "fastapi_root_middlewares",
    "flask_blueprints",
    "react_apps",
)
"""Parts for Airflow's own web server: they have no effect here, and clients that would use them find none."""


def list_plugins(call: Call) -> dict[str, Any]:
    """List plugins."""
    found = PluginStore(call.backend.database).plugins()
    page = page_of(call)
    shown = found[page.offset :][: page.limit]
    return {"plugins": [_shape(plugin) for plugin in shown], "total_entries": len(found)}


def list_plugin_import_errors(call: Call) -> dict[str, Any]:
    """List plugins that cannot be imported."""
    found = PluginStore(call.backend.database).failures()
    errors = [{"source": failure.source, "error": failure.error} for failure in found]
    return {"import_errors": errors, "total_entries": len(errors)}


def list_providers(call: Call) -> dict[str, Any]:
    """List installed provider packages."""
    found = installed_providers()
    page = page_of(call)
    shown = [
        {
            "package_name": provider.package_name,
            "version": provider.version,
            "description": provider.description,
            "documentation_url": provider.documentation_url,
        }
        for provider in found[page.offset :][: page.limit]
    ]
    return {"providers": shown, "total_entries": len(found)}


def _shape(plugin: PluginRecord) -> dict[str, Any]:
    shape: dict[str, Any] = {"name": plugin.name, "source": plugin.source}
    shape.update((part, plugin.details.get(part, [])) for part in _PARTS)
    shape.update((part, []) for part in _OF_AIRFLOWS_SERVER)
    return shape | {"not_carried": plugin.details.get("not_carried", [])}


OPERATIONS = (
    Operation("GET", "/api/v2/plugins", list_plugins, query=PageQuery),
    Operation("GET", "/api/v2/plugins/importErrors", list_plugin_import_errors),
    Operation("GET", "/api/v2/providers", list_providers, query=PageQuery),
)
