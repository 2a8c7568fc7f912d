"""What triggers say that no task waits for: each is the watcher of an asset, and its events are the asset's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from tradewind.metadata.assets.changing import write_external_event
from tradewind.metadata.batch import AssetEventWrite
from tradewind.metadata.tables import asset_watcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.core.clock import Clock
    from tradewind.metadata.database import Database
    from tradewind.metadata.waits.triggers import FiredTrigger

_log = logging.getLogger(__name__)


def write_watched(database: Database, clock: Clock, fired: Sequence[FiredTrigger]) -> list[FiredTrigger]:
    """Write the events of assets that watchers told of; return what other triggers said.

    A watcher that failed is told of in the log; it stays, and begins again with the triggerer's next look.
    """
    pks = {one.trigger_pk for one in fired}
    query = sa.select(asset_watcher.c.trigger_pk, asset_watcher.c.asset_name, asset_watcher.c.asset_uri).distinct()
    with database.read() as connection:
        assets: dict[int, list[tuple[str, str]]] = {}
        for trigger_pk, name, uri in connection.execute(query.where(asset_watcher.c.trigger_pk.in_(pks))):
            assets.setdefault(trigger_pk, []).append((name, uri))
    for one in fired:
        for name, uri in assets.get(one.trigger_pk, ()):
            payload = None if one.payload is None else msgspec.json.decode(one.payload)
            if one.outcome == "event":
                extra = {"from_trigger": True, "payload": payload}
                write_external_event(database, clock, AssetEventWrite(name=name, uri=uri, extra=extra))
            else:
                _log.error("a watcher of asset %s failed and is begun again: %s", name, payload)
    return [one for one in fired if one.trigger_pk not in assets]
