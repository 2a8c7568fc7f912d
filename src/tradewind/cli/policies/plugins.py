"""`tradewind plugins`."""

from __future__ import annotations

from typing import Any

from tradewind.cli.terminal.access import read_settings
from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import print_rows, say


@command("plugins")
@output_option
def plugins(output: str) -> None:
    """Import the plugins and show what each of them brings.

    Those that cannot be imported are told on standard error; exit code 1 then.
    """
    from tradewind.airflow.finder import install
    from tradewind.sdk.importing import extend_sys_path
    from tradewind.sdk.plugins.describing import describe_plugins
    from tradewind.sdk.plugins.installed import install_plugins

    settings = read_settings()
    folder = settings.string("core", "plugins_folder")
    install()
    extend_sys_path([f"{settings.home}/config", folder])
    described = describe_plugins(install_plugins(folder))
    print_rows([_row(plugin) for plugin in described["plugins"]], output)
    for failure in described["failures"]:
        say(f"plugin {failure['source']} cannot be imported: {failure['error']}")
    if described["failures"]:
        raise SystemExit(1)


def _row(plugin: dict[str, Any]) -> dict[str, Any]:
    brings = [f"{kind}: {', '.join(names)}" for kind, names in plugin.items() if kind in _SHOWN and names]
    return {
        "name": plugin["name"],
        "source": plugin["source"],
        "brings": "; ".join(brings),
        "without effect": ", ".join(plugin["not_carried"]),
    }


_SHOWN = (
    "global_operator_extra_links",
    "hooks",
    "listened",
    "macros",
    "operator_extra_links",
    "operators",
    "partition_mappers",
    "priority_weight_strategies",
    "sensors",
    "timetables",
    "windows",
)
