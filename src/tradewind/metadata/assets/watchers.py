"""Watchers of assets: triggers that no task waits for, and whose events are events of an asset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.core.assets import leaves
from tradewind.core.timetables.asset_schedules import condition_of
from tradewind.core.timetables.codec import decode_timetable
from tradewind.metadata.assets.records import WatcherDetail
from tradewind.metadata.database import add_ring
from tradewind.metadata.doorbell.ring import TRIGGER, Ring
from tradewind.metadata.errors import EncryptionError
from tradewind.metadata.tables import asset_watcher, trigger
from tradewind.metadata.tables.deferral_tables import TriggerState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tradewind.metadata.assets.records import AssetDetail
    from tradewind.metadata.encryption import Cipher
    from tradewind.serialization.document import DagDocument

    Key = tuple[str, str, str]
    """Asset's name, its URI, the watcher's name."""
    What = tuple[str, bytes]
    """Class path of the trigger and its arguments."""

_MAX_BOUND = 500
"""Values in one IN list."""
_WATCHER = asset_watcher.c


@dataclass(frozen=True)
class _Now:
    """When DAGs are stored, and with which keys."""

    at: datetime
    cipher: Cipher

    def opened(self, kwargs: bytes) -> bytes:
        """Return stored arguments as they are, nothing where no key opens them: then they are stored anew."""
        try:
            return self.cipher.unseal(kwargs, name="the trigger of an asset's watcher")
        except EncryptionError:
            return b""


def register_watchers(
    connection: sa.Connection, documents: Iterable[DagDocument], now: datetime, cipher: Cipher
) -> None:
    """Let a triggerer run the watchers of the DAGs' assets, and no other ones of these DAGs.

    DAGs that have the same watcher on the same asset share its trigger, whose arguments are stored encrypted.
    """
    wanted = {document.dag_id: dict(_watchers_of(document)) for document in documents}
    _register_all(connection, wanted, _Now(now, cipher))


def forget_watchers(connection: sa.Connection, dag_ids: Iterable[str]) -> None:
    """The DAGs have gone: their watchers stop, but for those that other DAGs have too."""
    _register_all(connection, {dag_id: {} for dag_id in dag_ids}, None)


def add_watchers(connection: sa.Connection, assets: Sequence[AssetDetail]) -> None:
    """Add to assets what watches them, by name; DAGs that share a watcher are one."""
    by_key = {(one.name, one.uri): one for one in assets}
    query = sa.select(
        _WATCHER.asset_name, _WATCHER.asset_uri, _WATCHER.name, _WATCHER.trigger_pk, sa.func.min(_WATCHER.created_at)
    )
    query = query.group_by(*query.selected_columns[:4]).order_by(_WATCHER.name, _WATCHER.trigger_pk)
    names = [one.name for one in assets]
    for start in range(0, len(names), _MAX_BOUND):
        part = query.where(_WATCHER.asset_name.in_(names[start : start + _MAX_BOUND]))
        for name, uri, *watcher in connection.execute(part):
            if (name, uri) in by_key:
                by_key[name, uri].watchers.append(WatcherDetail(*watcher))


def _watchers_of(document: DagDocument) -> Iterator[tuple[Key, What]]:
    """Yield asset's name, its URI and the watcher's name, each with class path and arguments of the trigger."""
    condition = condition_of(decode_timetable(document.timetable))
    told: list[Any] = [] if condition is None else [value for kind, value in leaves(condition) if kind == "asset"]
    told += [one["asset"] for task in document.tasks for one in (*task.inlets, *task.outlets) if "asset" in one]
    for asset in told:
        for watcher in asset.get("watchers", ()):
            key = asset["name"], asset["uri"], watcher["name"]
            yield key, (watcher["classpath"], msgspec.json.encode(watcher["kwargs"], order="deterministic"))


def _register_all(connection: sa.Connection, wanted: dict[str, dict[Key, What]], now: _Now | None) -> None:
    dag_ids = list(wanted)
    before: dict[str, dict[Key, tuple[int, What]]] = {}
    query = sa.select(
        _WATCHER.dag_id,
        _WATCHER.asset_name,
        _WATCHER.asset_uri,
        _WATCHER.name,
        _WATCHER.trigger_pk,
        trigger.c.classpath,
        trigger.c.kwargs,
    ).join(trigger, trigger.c.pk == _WATCHER.trigger_pk)
    for start in range(0, len(dag_ids), _MAX_BOUND):
        for row in connection.execute(query.where(_WATCHER.dag_id.in_(dag_ids[start : start + _MAX_BOUND]))):
            key = row.asset_name, row.asset_uri, row.name
            before.setdefault(row.dag_id, {})[key] = (
                row.trigger_pk,
                (row.classpath, b"" if now is None else now.opened(row.kwargs)),
            )
    for dag_id, watchers in wanted.items():
        _register(connection, dag_id, before.get(dag_id, {}), watchers, now)


def _register(
    connection: sa.Connection,
    dag_id: str,
    before: dict[Key, tuple[int, What]],
    wanted: dict[Key, What],
    now: _Now | None,
) -> None:
    for key, (trigger_pk, what) in before.items():
        if wanted.get(key) != what:
            connection.execute(sa.delete(asset_watcher).where(_WATCHER.dag_id == dag_id, *_is(key)))
            _stop_if_unwanted(connection, trigger_pk)
    for key, what in wanted.items():
        known = before.get(key)
        if now is not None and (known is None or known[1] != what):
            trigger_pk = _shared(connection, key, what, now) or _started(connection, what, now)
            row = dict(zip(("asset_name", "asset_uri", "name"), key, strict=True))
            connection.execute(
                asset_watcher.insert(), {"dag_id": dag_id, **row, "trigger_pk": trigger_pk, "created_at": now.at}
            )


def _shared(connection: sa.Connection, key: Key, what: What, now: _Now) -> int | None:
    query = sa.select(trigger.c.pk, trigger.c.kwargs).join(asset_watcher, _WATCHER.trigger_pk == trigger.c.pk)
    rows = connection.execute(query.where(*_is(key), trigger.c.classpath == what[0])).all()
    return next((row.pk for row in rows if now.opened(row.kwargs) == what[1]), None)


def _started(connection: sa.Connection, what: What, now: _Now) -> int:
    classpath, kwargs = what
    made = connection.execute(
        trigger.insert().returning(trigger.c.pk),
        {
            "ti_version": 0,
            "try_number": 0,
            "state": TriggerState.WAITING.value,
            "classpath": classpath,
            "kwargs": now.cipher.seal(kwargs),
            "next_method": "",
            "next_kwargs": b"{}",
            "outcome": "",
            "created_at": now.at,
        },
    ).scalar_one()
    add_ring(connection, Ring(TRIGGER, "new"))
    return made


def _stop_if_unwanted(connection: sa.Connection, trigger_pk: int) -> None:
    if connection.execute(sa.select(_WATCHER.dag_id).where(_WATCHER.trigger_pk == trigger_pk)).first() is None:
        connection.execute(sa.delete(trigger).where(trigger.c.pk == trigger_pk))
        add_ring(connection, Ring(TRIGGER, "gone"))


def _is(key: Key) -> list[Any]:
    name, uri, watcher = key
    return [_WATCHER.asset_name == name, _WATCHER.asset_uri == uri, _WATCHER.name == watcher]
