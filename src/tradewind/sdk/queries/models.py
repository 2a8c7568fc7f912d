"""Rows of tables that have no class of their own for authors: DAGs and pools."""

from __future__ import annotations

from tradewind.sdk.lookups.columns import Model, columns_of
from tradewind.sdk.ports import worker_store
from tradewind.sdk.queries.query import NoDatabaseError
from tradewind.sdk.runtime.dates import as_pendulum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class StoredRow(metaclass=Model):
    """One row as it was when it was looked up: its columns are attributes."""

    __columns__ = columns_of("")

    def __init__(self, row: dict[str, Any]) -> None:
        self._row = row

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> StoredRow:
        """Return the object that stands for a row."""
        return cls(row)

    def __getattr__(self, name: str) -> Any:
        """Return a column's value. Raises AttributeError for what is no column."""
        stored = type.__getattribute__(type(self), "__columns__").get(name)
        if stored is None:
            raise AttributeError(f"{type(self).__name__} has no column {name!r}")
        value = self._row.get(stored)
        return as_pendulum(value) if hasattr(value, "tzinfo") else value


class DagModel(StoredRow):
    """A DAG as the database knows it."""

    __table_name__ = "dag"
    __columns__ = columns_of(
        """dag_id is_paused is_active fileloc description owners timetable_summary max_active_runs max_active_tasks
        next_dagrun next_dagrun_create_after last_parsed_time dag_display_name""",
        schedule_interval="timetable_summary",
    )

    def __repr__(self) -> str:
        return f"<DAG: {self._row.get('dag_id')}>"

    @property
    def timezone(self) -> str:
        """The zone of the schedule is in the DAG file; what is stored is in UTC."""
        return "UTC"

    @classmethod
    def get_dagmodel(cls, dag_id: str, session: object = None) -> DagModel | None:  # noqa: ARG003 - Airflow 2's callers pass one
        """Return a DAG, None when there is no such one."""
        rows = worker_store().find_rows(table="dag", filters=[("dag_id", "eq", dag_id)])
        return cls(rows[0]) if rows else None

    get_current = get_dagmodel

    def get_is_paused(self, session: object = None) -> bool:  # noqa: ARG002 - as above
        """Say whether the DAG is paused."""
        return bool(self._row.get("is_paused"))

    def get_is_active(self, session: object = None) -> bool:  # noqa: ARG002 - as above
        """Say whether a file defines the DAG."""
        return bool(self._row.get("is_active"))

    def set_is_paused(self, is_paused: bool, **_unused: Any) -> NoReturn:
        """Refuse, with what to do instead."""
        verb = "pause" if is_paused else "unpause"
        raise NoDatabaseError(
            f"a task does not {verb} DAGs: use `tradewind dags {verb} {self._row.get('dag_id')}` or the REST API"
        )


class Pool(StoredRow):
    """A pool."""

    __table_name__ = "pool"
    __columns__ = columns_of("pool slots description include_deferred")

    def __repr__(self) -> str:
        return f"<Pool: {self._row.get('pool')}>"

    @classmethod
    def get_pool(cls, pool_name: str, session: object = None) -> Pool | None:  # noqa: ARG003 - Airflow 2's callers pass one
        """Return a pool, None when there is no such one."""
        rows = worker_store().find_rows(table="pool", filters=[("pool", "eq", pool_name)])
        return cls(rows[0]) if rows else None

    @classmethod
    def get_pools(cls, session: object = None) -> list[Pool]:  # noqa: ARG003 - as above
        """Return every pool."""
        return [cls(row) for row in worker_store().find_rows(table="pool", order_by=[("pool", False)])]
