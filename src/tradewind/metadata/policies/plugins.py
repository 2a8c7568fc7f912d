"""The plugins of the installation, as the DAG processor found them last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.metadata.database import add_ring
from tradewind.metadata.doorbell.ring import PLUGINS, Ring
from tradewind.metadata.tables.policy_tables import plugin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.metadata.database import Database


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """One plugin: its name, where it comes from, and the names of what it brings by kind."""

    name: str
    source: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PluginFailure:
    """One plugin that cannot be imported, and why."""

    source: str
    error: str


class PluginStore:
    """What the DAG processor writes about plugins, and others read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, plugins: Sequence[PluginRecord], failures: Sequence[PluginFailure]) -> None:
        """Replace what is stored; whoever tells listeners hears of it when it is different."""
        rows = [
            {"name": found.name, "source": found.source, "details": msgspec.json.encode(found.details).decode()}
            for found in plugins
        ]
        rows += [{"name": "", "source": failed.source, "details": "{}", "error": failed.error} for failed in failures]
        wanted = [(row["name"], row["source"], row["details"], row.get("error")) for row in rows]

        def write(connection: sa.Connection) -> None:
            found = connection.execute(
                sa.select(plugin.c.name, plugin.c.source, plugin.c.details, plugin.c.error).order_by(plugin.c.pk)
            )
            if [tuple(row) for row in found] == wanted:
                return
            connection.execute(sa.delete(plugin))
            for row in rows:
                connection.execute(sa.insert(plugin).values(**row))
            add_ring(connection, Ring(PLUGINS))

        self._database.transact(write)

    def plugins(self) -> list[PluginRecord]:
        """Return the plugins, by name."""
        query = sa.select(plugin.c.name, plugin.c.source, plugin.c.details).where(plugin.c.error.is_(None))
        with self._database.read() as connection:
            return [
                PluginRecord(name, source, msgspec.json.decode(details))
                for name, source, details in connection.execute(query.order_by(plugin.c.name))
            ]

    def failures(self) -> list[PluginFailure]:
        """Return what cannot be imported, by source."""
        query = sa.select(plugin.c.source, plugin.c.error).where(plugin.c.error.is_not(None))
        with self._database.read() as connection:
            return [PluginFailure(*row) for row in connection.execute(query.order_by(plugin.c.source))]

    def listened(self) -> frozenset[str]:
        """Return the hooks that some plugin listens to."""
        return frozenset(hook for found in self.plugins() for hook in found.details.get("listened", ()))
