"""Rows by condition for author code: `tradewind.serialization.rows` on the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tradewind.core.states import TaskInstanceState
from tradewind.metadata.errors import InvalidRequestError
from tradewind.metadata.tables import connection as connection_table
from tradewind.metadata.tables import dag, dag_run, pool, task_instance, variable, xcom
from tradewind.serialization.rows import COLUMNS, check_query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradewind.metadata.database import Database

MOST_ROWS = 50_000
"""More than so many are not handed to a task at once: it is to ask for less."""

_RUN, _TI, _DAG = dag_run.c, task_instance.c, dag.c
_RENAMED: dict[str, dict[str, Any]] = {
    "connection": {},
    "dag": {
        "is_active": _DAG.is_present,
        "fileloc": _DAG.path,
        "timetable_summary": _DAG.schedule_summary,
        "next_dagrun": _DAG.next_interval_start,
        "next_dagrun_create_after": _DAG.next_run_after,
        "last_parsed_time": _DAG.last_parsed_at,
        "dag_display_name": _DAG.display_name,
    },
    "dag_run": {"id": _RUN.pk, "start_date": _RUN.started_at, "end_date": _RUN.ended_at},
    "pool": {"pool": pool.c.name},
    "task_instance": {
        "dag_id": _RUN.dag_id,
        "run_id": _RUN.run_id,
        "logical_date": _RUN.logical_date,
        "state": sa.func.nullif(_TI.state, TaskInstanceState.NONE.value),
        "start_date": _TI.started_at,
        "end_date": _TI.ended_at,
        "queued_dttm": _TI.queued_at,
    },
    "variable": {},
    "xcom": {
        "dag_id": _RUN.dag_id,
        "run_id": _RUN.run_id,
        "task_id": _TI.task_id,
        "map_index": _TI.map_index,
        "logical_date": _RUN.logical_date,
        "timestamp": xcom.c.created_at,
    },
}
_OF_RUN = task_instance.join(dag_run, _RUN.pk == _TI.run_pk)
_TABLES: dict[str, tuple[sa.Table, Any]] = {
    "connection": (connection_table, connection_table),
    "dag": (dag, dag),
    "dag_run": (dag_run, dag_run),
    "pool": (pool, pool),
    "task_instance": (task_instance, _OF_RUN),
    "variable": (variable, variable),
    "xcom": (xcom, xcom.join(_OF_RUN, _TI.pk == xcom.c.ti_pk)),
}
"""Each with the table its columns come from, and what is selected from."""
_CONDITIONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda column, value: column == value,
    "ge": lambda column, value: column >= value,
    "gt": lambda column, value: column > value,
    "in": lambda column, value: column.in_(list(value)),
    "is_null": lambda column, value: column.is_(None) if value else column.is_not(None),
    "le": lambda column, value: column <= value,
    "like": lambda column, value: column.like(value),
    "lt": lambda column, value: column < value,
    "ne": lambda column, value: column != value,
    "not_in": lambda column, value: column.not_in(list(value)),
}


def find_rows(
    database: Database,
    table: str,
    filters: Sequence[Sequence[Any]],
    order_by: Sequence[Sequence[Any]],
    *,
    limit: int | None,
    offset: int,
) -> list[dict[str, Any]]:
    """Return the rows that meet every condition, in order.

    Raises `InvalidRequestError` for what cannot be asked, and for an answer that is too large.
    """
    conditions = [(str(name), str(operation), value) for name, operation, value in filters]
    order = [(str(name), bool(is_descending)) for name, is_descending in order_by]
    try:
        check_query(table, conditions, order)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from None
    own, source = _TABLES[table]
    columns = {name: _RENAMED[table].get(name, own.c.get(name)) for name in COLUMNS[table]}
    query = sa.select(*(column.label(name) for name, column in columns.items())).select_from(source)
    for name, operation, value in conditions:
        query = query.where(_CONDITIONS[operation](columns[name], value))
    for name, is_descending in order:
        query = query.order_by(columns[name].desc() if is_descending else columns[name])
    query = query.limit(MOST_ROWS + 1 if limit is None else limit).offset(offset)
    with database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    if len(rows) > MOST_ROWS:
        raise InvalidRequestError(
            f"the query of {table} finds more than {MOST_ROWS} rows: ask for less, or use limit()"
        )
    for row in rows:
        if isinstance(row.get("conf"), str):
            row["conf"] = json.loads(row["conf"])
    return rows
