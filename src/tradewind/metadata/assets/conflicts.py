"""Which assets in use are not active, since an earlier one has their name or their URI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.core.assets.conflicts import inactive
from tradewind.metadata.tables import asset, asset_use, dag

if TYPE_CHECKING:
    from collections.abc import Sequence

    Key = tuple[str, str]
    """Name and URI."""

_USE = asset_use.c


def inactive_assets(connection: sa.Connection) -> dict[Key, str]:
    """Return all that are not active, each with what is in its way."""
    query = sa.select(_USE.name, _USE.uri).join(dag, dag.c.dag_id == _USE.dag_id)
    query = query.join(asset, sa.and_(asset.c.name == _USE.name, asset.c.uri == _USE.uri))
    query = query.where(_USE.kind == "asset", dag.c.is_present).group_by(_USE.name, _USE.uri)
    query = query.order_by(sa.func.min(_USE.created_at), sa.func.min(asset.c.pk))
    return inactive((row[0], row[1]) for row in connection.execute(query))


def inactive_of(connection: sa.Connection, assets: Sequence[Key]) -> list[Key]:
    """Return those of a task's assets that are not active. Cheap where nothing else has their names and URIs."""
    names = dict(assets)
    names_of_uris = {uri: name for name, uri in assets}
    query = sa.select(_USE.name, _USE.uri).distinct().where(_USE.kind == "asset")
    query = query.where(sa.or_(_USE.name.in_(names), _USE.uri.in_(names_of_uris)))
    near = {(row[0], row[1]) for row in connection.execute(query)}
    if near <= set(assets) and len(names) == len(names_of_uris) == len(set(assets)):
        return []
    found = inactive_assets(connection)
    return [one for one in dict.fromkeys(assets) if one in found]
