"""`ti.xcom_pull`: all of Airflow's argument forms, the meanings of 2 and of 3 by what the DAG is written for."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from tradewind.sdk.ports import worker_store
from tradewind.sdk.xcoms.backend import xcom_backend
from tradewind.sdk.xcoms.storing import from_stored

if TYPE_CHECKING:
    from tradewind.serialization.records import XComRecord
    from tradewind.worker.tries.task_instance import RuntimeTaskInstance


class _Any:
    """The default of `map_indexes`: whatever the task has."""

    def __repr__(self) -> str:
        return "<any>"


ANY: Any = _Any()


class _Query(NamedTuple):
    dag_id: str
    run_id: str
    key: str | None
    include_prior_dates: bool

    def fetch(self, task_ids: list[str] | None, map_indexes: list[int] | None) -> list[XComRecord]:
        records = worker_store().get_xcoms(
            dag_id=self.dag_id,
            run_id=self.run_id,
            task_ids=task_ids,
            map_indexes=map_indexes,
            key=self.key,
            include_prior_dates=self.include_prior_dates,
        )
        return _newest_runs(records) if self.include_prior_dates else records


def pull(
    ti: RuntimeTaskInstance,
    *,
    task_ids: str | Iterable[str] | None,
    dag_id: str,
    run_id: str,
    key: str | None,
    include_prior_dates: bool,
    map_indexes: int | Iterable[int] | None,
    default: Any,
) -> Any:
    """Return the value, or the list of values, that the arguments ask for; `default` where there is none.

    Raises TypeError for map_indexes of another kind.
    """
    query = _Query(dag_id, run_id, key, include_prior_dates)
    is_airflow_2 = ti.task.dag.airflow_defaults < 3
    is_one_task = task_ids is None or isinstance(task_ids, str)
    if task_ids is None:
        wanted = None if is_airflow_2 else [ti.task_id]
    else:
        wanted = [task_ids] if isinstance(task_ids, str) else list(task_ids)
    if map_indexes is ANY or (map_indexes is None and is_airflow_2):
        if wanted is None or (is_one_task and key is None):
            return _newest(query.fetch(wanted, None), default)
        return _all_indexes(query.fetch(wanted, None), wanted, is_one_task, is_airflow_2, default)
    return _these_indexes(query, wanted, map_indexes, is_one_task, default)


def _newest(records: list[XComRecord], default: Any) -> Any:
    return (
        _value(max(records, key=lambda record: (record.created_at is not None, record.created_at)))
        if records
        else default
    )


def _all_indexes(
    records: list[XComRecord],
    wanted: list[str],
    is_one_task: bool,  # noqa: FBT001 - inner
    is_airflow_2: bool,  # noqa: FBT001 - inner
    default: Any,
) -> Any:
    """Each task's values by map index. In Airflow 3 a task without any leaves a None in a list of several tasks."""
    if is_one_task:
        if not records:
            return default
        if records[0].map_index < 0 or (len(records) == 1 and not is_airflow_2):
            return _value(records[0])
    by_task: dict[str, list[XComRecord]] = {}
    for record in records:
        by_task.setdefault(record.task_id, []).append(record)
    values: list[Any] = []
    for task_id in wanted:
        found = by_task.get(task_id)
        if found is not None:
            values += [_value(record) for record in sorted(found, key=lambda record: record.map_index)]
        elif not is_airflow_2:
            values.append(None)
    return values


def _these_indexes(
    query: _Query,
    wanted: list[str] | None,
    map_indexes: int | Iterable[int] | None,
    is_one_task: bool,  # noqa: FBT001 - inner
    default: Any,
) -> Any:
    is_one_index = map_indexes is None or isinstance(map_indexes, int)
    indexes = _indexes(map_indexes)
    records = query.fetch(wanted, indexes)
    found = {(record.task_id, record.map_index): record for record in records}
    task_ids = wanted if wanted is not None else sorted({record.task_id for record in records})
    places = [found.get(place) for place in product(task_ids, indexes)]
    values = [default if record is None else _value(record) for record in places]
    if is_one_task and is_one_index:
        return values[0] if values else default
    return values


def _indexes(map_indexes: int | Iterable[int | None] | None) -> list[int]:
    """Return the map indexes asked for; None means that of a task that is not mapped."""
    if map_indexes is None or isinstance(map_indexes, int):
        return [-1 if map_indexes is None else map_indexes]
    if not isinstance(map_indexes, Iterable):
        raise TypeError(f"map_indexes has to be a number, several numbers or None, got {type(map_indexes).__name__}")
    return [-1 if index is None else index for index in map_indexes]


def _newest_runs(records: list[XComRecord]) -> list[XComRecord]:
    """Of each task and map index the record of the newest logical date."""
    newest: dict[tuple[str, int, str], XComRecord] = {}
    for record in records:
        place = (record.task_id, record.map_index, record.key)
        known = newest.get(place)
        if known is None or _date(record) >= _date(known):
            newest[place] = record
    return list(newest.values())


def _date(record: XComRecord) -> float:
    return record.logical_date.timestamp() if record.logical_date is not None else float("-inf")


def _value(record: XComRecord) -> Any:
    return from_stored(xcom_backend(), record)
