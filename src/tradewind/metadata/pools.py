"""Pools: named limits, and how full they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tradewind.core.states import HOLDING_SLOT, TaskInstanceState
from tradewind.metadata.database import add_ring, insert
from tradewind.metadata.doorbell.ring import POOL, Ring
from tradewind.metadata.errors import InvalidRequestError
from tradewind.metadata.schema.migrating import DEFAULT_POOL
from tradewind.metadata.tables import dag_run, pool, task_instance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.metadata.database import Database

UNLIMITED = -1
MAX_NAME = 250


@dataclass(slots=True)
class PoolDetail:
    """One pool; `slots` -1 is unlimited."""

    name: str
    slots: int
    include_deferred: bool
    description: str | None
    used: dict[TaskInstanceState, int] = field(default_factory=dict)
    """Slots that unfinished task instances want or hold, by state."""

    @property
    def occupied_slots(self) -> int:
        """Slots that are held."""
        holding = HOLDING_SLOT | {TaskInstanceState.DEFERRED} if self.include_deferred else HOLDING_SLOT
        return sum(slots for state, slots in self.used.items() if state in holding)

    @property
    def open_slots(self) -> int | None:
        """Slots that are free; None without limit."""
        return None if self.slots == UNLIMITED else self.slots - self.occupied_slots


class PoolStore:
    """The pools of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> list[PoolDetail]:
        """Return every pool by name, with its use."""
        query = sa.select(pool.c.name, pool.c.slots, pool.c.include_deferred, pool.c.description)
        unfinished = dag_run.c.state.in_([sa.literal_column("'queued'"), sa.literal_column("'running'")])
        used = (
            sa.select(task_instance.c.pool, task_instance.c.state, sa.func.sum(task_instance.c.pool_slots))
            .join(dag_run, dag_run.c.pk == task_instance.c.run_pk)
            .where(unfinished)
            .group_by(task_instance.c.pool, task_instance.c.state)
        )
        with self._database.read() as connection:
            pools = {row[0]: PoolDetail(*row) for row in connection.execute(query.order_by(pool.c.name))}
            for name, state, slots in connection.execute(used):
                if name in pools:
                    pools[name].used[TaskInstanceState(state)] = int(slots)
        return list(pools.values())

    def get(self, name: str) -> PoolDetail | None:
        """Return one pool with its use, or None."""
        return next((found for found in self.list() if found.name == name), None)

    def set(
        self,
        name: str,
        slots: int,
        description: str | None = None,
        *,
        include_deferred: bool = False,
    ) -> None:
        """Create or overwrite a pool. Raises `InvalidRequestError` for a name or number that cannot be."""
        with self._database.begin() as connection:
            _put(connection, name, slots, description, include_deferred=include_deferred)

    def delete(self, name: str) -> bool:
        """Delete a pool; return whether there was one. Raises `InvalidRequestError` for the default pool."""
        if name == DEFAULT_POOL:
            msg = f"{DEFAULT_POOL} cannot be deleted: tasks that name no pool run in it"
            raise InvalidRequestError(msg)
        with self._database.begin() as connection:
            found = connection.execute(sa.delete(pool).where(pool.c.name == name)).rowcount
            if found:
                add_ring(connection, Ring(POOL, name))
        return bool(found)

    def export_all(self) -> dict[str, dict[str, Any]]:
        """Return every pool as Airflow's export file has it."""
        return {
            found.name: {
                "slots": found.slots,
                "description": found.description or "",
                "include_deferred": found.include_deferred,
            }
            for found in self.list()
        }

    def import_all(self, entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Store the entries of an export file in one transaction; return their names."""
        with self._database.begin() as connection:
            for name, entry in entries.items():
                slots = entry.get("slots")
                if not isinstance(slots, int):
                    msg = f"pool {name!r} needs a whole number of slots, not {slots!r}"
                    raise InvalidRequestError(msg)
                deferred = bool(entry.get("include_deferred", False))
                _put(connection, name, slots, entry.get("description"), include_deferred=deferred)
        return list(entries)


def _put(
    connection: sa.Connection,
    name: str,
    slots: int,
    description: str | None,
    *,
    include_deferred: bool,
) -> None:
    if not name.strip() or len(name) > MAX_NAME:
        msg = f"a pool's name has between 1 and {MAX_NAME} characters: {name!r}"
        raise InvalidRequestError(msg)
    if slots < UNLIMITED:
        msg = f"pool {name!r} has 0 or more slots, or -1 for no limit, not {slots}"
        raise InvalidRequestError(msg)
    values: dict[str, Any] = {"slots": slots, "include_deferred": include_deferred, "description": description}
    new = insert(connection, pool).values(name=name, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values))
    add_ring(connection, Ring(POOL, name))
