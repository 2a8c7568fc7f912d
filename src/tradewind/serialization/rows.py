"""Rows by condition: what a task may ask of tables that Airflow's DAG files query, and how a list of rows answers it.

The names of tables and columns are Airflow's. Who has rows in a database translates a condition; who has them in
memory calls `select`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Row = dict[str, Any]
    Filter = tuple[str, str, Any]
    """Column, operation, value."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "connection": ("conn_id", "conn_type", "description", "host", "schema", "login", "port"),
    "dag": (
        *("dag_id", "is_paused", "is_active", "fileloc", "description", "owners", "timetable_summary"),
        *("max_active_runs", "max_active_tasks", "next_dagrun", "next_dagrun_create_after", "last_parsed_time"),
        "dag_display_name",
    ),
    "dag_run": (
        *("id", "dag_id", "run_id", "run_type", "state", "logical_date", "data_interval_start", "data_interval_end"),
        *("run_after", "queued_at", "start_date", "end_date", "conf", "note", "clear_number"),
    ),
    "pool": ("pool", "slots", "description", "include_deferred"),
    "task_instance": (
        *("dag_id", "run_id", "task_id", "map_index", "state", "try_number", "max_tries", "start_date", "end_date"),
        *(
            "operator",
            "pool",
            "pool_slots",
            "queue",
            "priority_weight",
            "hostname",
            "pid",
            "queued_dttm",
            "logical_date",
        ),
    ),
    "variable": ("key", "description"),
    "xcom": ("dag_id", "run_id", "task_id", "map_index", "key", "value", "timestamp", "logical_date"),
}
"""Every table that can be asked, with its columns."""

OPERATIONS = ("eq", "ge", "gt", "in", "is_null", "le", "like", "lt", "ne", "not_in")
"""What a condition may say; `is_null` has a bool for a value."""


def check_query(table: str, filters: Iterable[Filter], order_by: Iterable[tuple[str, bool]]) -> None:
    """Raise ValueError for a table, column or operation that there is not."""
    columns = COLUMNS.get(table)
    if columns is None:
        raise ValueError(f"there is no table {table!r} to ask; there are {', '.join(COLUMNS)}")
    for column in [*(name for name, _, _ in filters), *(name for name, _ in order_by)]:
        if column not in columns:
            raise ValueError(f"table {table} has no column {column!r}; it has {', '.join(columns)}")
    for _, operation, _ in filters:
        if operation not in OPERATIONS:
            raise ValueError(f"there is no operation {operation!r}; there are {', '.join(OPERATIONS)}")


def select(
    rows: Iterable[Row],
    filters: Sequence[Filter],
    order_by: Sequence[tuple[str, bool]] = (),
    *,
    limit: int | None = None,
    offset: int = 0,
) -> list[Row]:
    """Return the rows that meet every condition, in order; a pair of `order_by` is a column and whether it descends."""
    found = [row for row in rows if all(holds(row.get(name), operation, value) for name, operation, value in filters)]
    for column, is_descending in reversed(order_by):
        found.sort(key=lambda row, column=column: _sortable(row.get(column)), reverse=is_descending)
    return found[offset : None if limit is None else offset + limit]


def holds(value: Any, operation: str, wanted: Any) -> bool:
    """Say whether a condition holds for a column's value. As in SQL, nothing but `is_null` holds for None."""
    if operation == "is_null":
        return (value is None) == bool(wanted)
    if value is None or wanted is None:
        return False
    return _HOLDS[operation](value, wanted)


def _is_like(value: Any, pattern: Any) -> bool:
    """SQL's LIKE: `%` is any text, `_` any character."""
    parts = re.split("([%_])", str(pattern))
    regexp = "".join({"%": ".*", "_": "."}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(regexp, str(value), re.DOTALL) is not None


_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "ge": lambda value, wanted: value >= wanted,
    "gt": lambda value, wanted: value > wanted,
    "in": lambda value, wanted: value in wanted,
    "le": lambda value, wanted: value <= wanted,
    "like": _is_like,
    "lt": lambda value, wanted: value < wanted,
    "ne": lambda value, wanted: value != wanted,
    "not_in": lambda value, wanted: value not in wanted,
}


def _sortable(value: Any) -> tuple[bool, Any]:
    """None comes first, as on SQLite."""
    return value is not None, value if value is not None else 0
