"""Warnings about DAGs that only all of them together give: circles and conflicts of assets, and assets that nobody makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.core.assets.circles import Use, circles, never_made
from tradewind.metadata.assets.conflicts import inactive_assets
from tradewind.metadata.tables import asset_use, asset_watcher, dag

if TYPE_CHECKING:
    from collections.abc import Iterator

CIRCLE = "asset circle"
NEVER_MADE = "asset never made"
CONFLICT = "asset conflict"
"""Airflow's name of it."""


def asset_warnings(connection: sa.Connection) -> Iterator[tuple[str, str, str]]:
    """Yield DAG, kind and message of each warning, as the DAGs that are present have it now."""
    columns = asset_use.c
    query = sa.select(columns.dag_id, columns.role, columns.kind, columns.name, columns.uri).distinct()
    query = query.join(dag, dag.c.dag_id == columns.dag_id).where(dag.c.is_present)
    used = [Use(*row) for row in connection.execute(query)]
    yield from _conflicts(connection, used)
    uses = [use for use in used if use.role != "inlet"]
    if not uses:
        return
    for dag_id, way in circles(uses).items():
        text = " -> ".join(way)
        yield dag_id, CIRCLE, f"DAGs wait for each other's assets in a circle, and once begun never stop: {text}"
    watched = connection.execute(sa.select(asset_watcher.c.asset_name, asset_watcher.c.asset_uri).distinct())
    for dag_id, names in never_made(uses, [(row[0], row[1]) for row in watched]).items():
        text = ", ".join(repr(name) for name in sorted(names))
        yield dag_id, NEVER_MADE, f"it waits for {text}, which no task makes: only the API can make an event of it"


def _conflicts(connection: sa.Connection, used: list[Use]) -> Iterator[tuple[str, str, str]]:
    keys = {(use.name, use.uri) for use in used if use.kind == "asset"}
    if len({name for name, _ in keys}) == len({uri for _, uri in keys}) == len(keys):
        return
    reasons = inactive_assets(connection)
    told: dict[str, set[str]] = {}
    for use in used:
        reason = reasons.get((use.name, use.uri)) if use.kind == "asset" else None
        if reason is not None:
            told.setdefault(use.dag_id, set()).add(f"Asset(name={use.name!r}, uri={use.uri!r}): {reason}")
    for dag_id, words in told.items():
        text = "; ".join(sorted(words))
        yield dag_id, CONFLICT, f"tasks with an inactive asset among their inlets or outlets fail: {text}"
