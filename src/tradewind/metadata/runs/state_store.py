"""Reading and writing the state that tasks keep: `task_state` and `asset_state`.

An owner is a list: `["task", dag_id, run_id, task_id, map_index]` or `["asset", name]`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tradewind.metadata.database import insert
from tradewind.metadata.errors import InvalidRequestError, NotFoundError
from tradewind.metadata.tables import asset_state, dag_run, task_instance, task_state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MAX_KEY = 512
_TI = task_instance.c


def get_states(connection: sa.Connection, now: datetime, owner: Sequence[Any], key: str | None) -> dict[str, str]:
    """Return JSON by key: one, or all of the owner's; what has expired is not there any more."""
    table, condition, _ = _place(connection, owner)
    query = sa.select(table.c.key, table.c.value).where(condition).order_by(table.c.key)
    if key is not None:
        query = query.where(table.c.key == key)
    if table is task_state:
        query = query.where(sa.or_(table.c.expires_at.is_(None), table.c.expires_at > now))
    return {row.key: row.value for row in connection.execute(query)}


def list_states(connection: sa.Connection, now: datetime, owner: Sequence[Any]) -> list[dict[str, Any]]:
    """Return key, value, updated_at and expires_at of everything that the owner keeps, by key."""
    table, condition, _ = _place(connection, owner)
    expires_at = table.c.get("expires_at", sa.null())
    query = sa.select(table.c.key, table.c.value, table.c.updated_at, expires_at.label("expires_at"))
    rows = connection.execute(query.where(condition).order_by(table.c.key)).mappings()
    return [
        {**row, "value": json.loads(row["value"])}
        for row in rows
        if row["expires_at"] is None or row["expires_at"] > now
    ]


def set_state(
    connection: sa.Connection, now: datetime, owner: Sequence[Any], key: str, value: str, expires_at: datetime | None
) -> None:
    """Write one value. Raises `NotFoundError` without the task instance, `InvalidRequestError` for a wrong key."""
    if not key.strip() or len(key) > MAX_KEY:
        raise InvalidRequestError(f"the key of a state has between 1 and {MAX_KEY} characters: {key!r}")
    table, _, columns = _place(connection, owner)
    changed: dict[str, Any] = {"value": value, "updated_at": now}
    if table is task_state:
        changed["expires_at"] = expires_at
    new = insert(connection, table).values(**columns, key=key, **changed)
    connection.execute(new.on_conflict_do_update(index_elements=[*columns, "key"], set_=changed))


def delete_states(connection: sa.Connection, owner: Sequence[Any], key: str | None) -> int:
    """Delete one value or all of the owner's; return how many there were."""
    table, condition, _ = _place(connection, owner)
    doomed = sa.delete(table).where(condition)
    if key is not None:
        doomed = doomed.where(table.c.key == key)
    return connection.execute(doomed).rowcount


def _place(connection: sa.Connection, owner: Sequence[Any]) -> tuple[sa.Table, Any, dict[str, Any]]:
    """Return the owner's table, the condition for its rows and its columns."""
    if len(owner) == 2 and owner[0] == "asset":
        return asset_state, asset_state.c.asset_name == owner[1], {"asset_name": owner[1]}
    if len(owner) != 5 or owner[0] != "task":
        raise InvalidRequestError(f"a state belongs to a task instance or an asset, not to {list(owner)}")
    _, dag_id, run_id, task_id, map_index = owner
    ti_pk = connection.execute(
        sa.select(_TI.pk)
        .join(dag_run, dag_run.c.pk == _TI.run_pk)
        .where(
            dag_run.c.dag_id == dag_id,
            dag_run.c.run_id == run_id,
            _TI.task_id == task_id,
            _TI.map_index == map_index,
        )
    ).scalar()
    if ti_pk is None:
        raise NotFoundError(f"run {run_id!r} of DAG {dag_id!r} has no task instance {task_id!r} of index {map_index}")
    return task_state, task_state.c.ti_pk == ti_pk, {"ti_pk": ti_pk}
