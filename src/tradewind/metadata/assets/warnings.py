"""Warnings about DAGs that only all of them together give: circles of assets, and assets that nobody makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.core.assets.circles import Use, circles, never_made
from tradewind.metadata.tables import asset_use, asset_watcher, dag

if TYPE_CHECKING:
    from collections.abc import Iterator

CIRCLE = "asset circle"
NEVER_MADE = "asset never made"


def asset_warnings(connection: sa.Connection) -> Iterator[tuple[str, str, str]]:
    """Yield DAG, kind and message of each warning, as the DAGs that are present have it now."""
    columns = asset_use.c
    query = sa.select(columns.dag_id, columns.role, columns.kind, columns.name, columns.uri).distinct()
    query = query.join(dag, dag.c.dag_id == columns.dag_id).where(dag.c.is_present, columns.role != "inlet")
    uses = [Use(*row) for row in connection.execute(query)]
    if not uses:
        return
    for dag_id, way in circles(uses).items():
        text = " -> ".join(way)
        yield dag_id, CIRCLE, f"DAGs wait for each other's assets in a circle, and once begun never stop: {text}"
    watched = connection.execute(sa.select(asset_watcher.c.asset_name, asset_watcher.c.asset_uri).distinct())
    for dag_id, names in never_made(uses, [(row[0], row[1]) for row in watched]).items():
        text = ", ".join(repr(name) for name in sorted(names))
        yield dag_id, NEVER_MADE, f"it waits for {text}, which no task makes: only the API can make an event of it"
