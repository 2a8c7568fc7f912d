"""Writing what the newest versions of DAGs say of assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.core.assets import leaves
from tradewind.core.timetables.asset_schedules import condition_of
from tradewind.core.timetables.codec import decode_timetable
from tradewind.metadata.database import insert
from tradewind.metadata.tables import asset, asset_alias, asset_queue, asset_use

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from tradewind.serialization.document import DagDocument

    Use = tuple[str, str, str, str, str]
    """Role, task_id, kind, name, URI."""

_MAX_BOUND = 500
"""Values in one IN list."""
_USE = (asset_use.c.role, asset_use.c.task_id, asset_use.c.kind, asset_use.c.name, asset_use.c.uri)


def register_assets(connection: sa.Connection, documents: Iterable[DagDocument], now: datetime) -> None:
    """Write the assets and aliases of the DAGs, and what the DAGs use them for; what they used before is forgotten.

    A use that stays keeps its date: a DAG's first run consumes what came since it began to wait.
    """
    told_by = {document.dag_id: _uses(document) for document in documents}
    before = _uses_before(connection, list(told_by))
    for dag_id, (is_partitioned, told) in told_by.items():
        known = before.get(dag_id, set())
        if told or known:
            _write_assets(connection, told.values(), now)
            _write_uses(connection, dag_id, known, set(told), now, is_partitioned=is_partitioned)


def _uses_before(connection: sa.Connection, dag_ids: list[str]) -> dict[str, set[Any]]:
    found: dict[str, set[Any]] = {}
    for start in range(0, len(dag_ids), _MAX_BOUND):
        part = dag_ids[start : start + _MAX_BOUND]
        query = sa.select(asset_use.c.dag_id, *_USE).where(asset_use.c.dag_id.in_(part))
        for dag_id, *use in connection.execute(query):
            found.setdefault(dag_id, set()).add(tuple(use))
    return found


def _uses(document: DagDocument) -> tuple[bool, dict[Use, dict[str, Any]]]:
    """Return whether the DAG works on partitions, and each use with what the DAG says of the asset or alias."""
    timetable = decode_timetable(document.timetable)
    condition = condition_of(timetable)
    told: dict[Use, dict[str, Any]] = {}
    for kind, value in () if condition is None else leaves(condition):
        told[_use("schedule", "", kind, value)] = value
    for task in document.tasks:
        for role, lets in (("outlet", task.outlets), ("inlet", task.inlets)):
            for one in lets:
                kind, value = next(iter(one.items()))
                told[_use(role, task.task_id, kind, value)] = value
    return getattr(timetable, "partitioned", False), told


def _use(role: str, task_id: str, kind: str, value: dict[str, Any]) -> Use:
    return role, task_id, kind, value.get("name", ""), value.get("uri", "")


def _write_assets(connection: sa.Connection, told: Collection[dict[str, Any]], now: datetime) -> None:
    # An asset has a URI and a group, an alias a group only, a reference neither.
    assets = {(one["name"], one["uri"]): one for one in told if "group" in one and "uri" in one}
    for one in assets.values():
        extra = msgspec.json.encode(one.get("extra", {}), order="deterministic").decode()
        new = insert(connection, asset).values(
            name=one["name"], uri=one["uri"], group=one["group"], extra=extra, created_at=now, updated_at=now
        )
        changed = {"group": new.excluded.group, "extra": new.excluded.extra, "updated_at": now}
        is_other = sa.or_(asset.c.group != new.excluded.group, asset.c.extra != new.excluded.extra)
        connection.execute(new.on_conflict_do_update(index_elements=["name", "uri"], set_=changed, where=is_other))
    for one in told:
        if "group" in one and "uri" not in one:
            new = insert(connection, asset_alias).values(name=one["name"], group=one["group"])
            connection.execute(new.on_conflict_do_update(index_elements=["name"], set_={"group": new.excluded.group}))


def _write_uses(
    connection: sa.Connection, dag_id: str, before: set[Any], after: set[Use], now: datetime, *, is_partitioned: bool
) -> None:
    for use in before - after:
        is_it = [column == value for column, value in zip(_USE, use, strict=True)]
        connection.execute(sa.delete(asset_use).where(asset_use.c.dag_id == dag_id, *is_it))
    rows = [
        {
            "dag_id": dag_id,
            "role": role,
            "task_id": task_id,
            "kind": kind,
            "name": name,
            "uri": uri,
            "is_partitioned": is_partitioned,
            "created_at": now,
        }
        for role, task_id, kind, name, uri in sorted(after - before)
    ]
    if rows:
        connection.execute(asset_use.insert(), rows)
    mark = sa.update(asset_use).where(asset_use.c.dag_id == dag_id, asset_use.c.is_partitioned != is_partitioned)
    connection.execute(mark.values(is_partitioned=is_partitioned))
    if not any(role == "schedule" for role, *_ in after) and any(role == "schedule" for role, *_ in before):
        connection.execute(sa.delete(asset_queue).where(asset_queue.c.dag_id == dag_id))
