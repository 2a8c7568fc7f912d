"""The plugins of the installation, as a child described them: stored for the pages and for whoever tells listeners."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.dag_processor.parsing.messages import PLUGINS, FileToParse
from tradewind.metadata.policies.plugins import PluginFailure, PluginRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.dag_processor.pool import Parsed, ParsePool
    from tradewind.metadata.policies.plugins import PluginStore

_log = logging.getLogger(__name__)


class PluginReports:
    """Asks for the plugins when they may have changed, tells of what is wrong with them once, and stores them."""

    def __init__(self, folder: str, store: PluginStore) -> None:
        """Look after the plugins folder `folder`, where there is one, and after those of packages."""
        self._folder = folder
        self._store = store
        self._told: set[str] = set()

    def are_touched(self, changed: Iterable[str]) -> bool:
        """Say whether one of the paths lies in the plugins folder."""
        return bool(self._folder) and any(path.startswith(f"{self._folder}/") for path in changed)

    def ask(self, pool: ParsePool) -> None:
        """Have a child import the plugins and say what they are."""
        pool.submit(FileToParse(path=PLUGINS, folder=self._folder))

    def take(self, parsed: Parsed) -> None:
        """Store what the child said. Raises `DatabaseUnavailableError`."""
        if parsed.outcome is None:
            _log.warning("the plugins cannot be loaded: the process that imported them ended%s", _output(parsed))
            return
        described: dict[str, Any] = msgspec.json.decode(parsed.outcome.plugins)
        failures = [PluginFailure(found["source"], found["error"]) for found in described["failures"]]
        messages = {f"plugin {failure.source} cannot be imported: {failure.error}" for failure in failures}
        plugins = [PluginRecord(found["name"], found["source"], found) for found in described["plugins"]]
        for plugin in plugins:
            ignored = plugin.details["not_carried"]
            if ignored:
                messages.add(
                    f"plugin {plugin.name}: {', '.join(ignored)} belong to Airflow's own web server and have no effect; "
                    "its other parts work"
                )
        for message in sorted(messages - self._told):
            _log.warning("%s", message)
        self._told = messages
        self._store.save(plugins, failures)


def _output(parsed: Parsed) -> str:
    words = parsed.end.output.strip()
    return f": {words.splitlines()[-1]}" if words else ""
