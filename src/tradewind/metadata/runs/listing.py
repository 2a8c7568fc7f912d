"""Reading runs, task instances, their tries and their history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.core.states import FINISHED, LIVE, DagRunState, RunType, TaskInstanceState
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.listing import Page, order, page_of
from tradewind.metadata.runs.records import EventDetail, RunDetail, TaskInstanceDetail, TryDetail
from tradewind.metadata.tables import (
    dag_run,
    rendered_fields,
    task_instance,
    task_instance_event,
    task_instance_history,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.core.ids import TaskInstancePk
    from tradewind.metadata.database import Database

RUN_COLUMNS = (
    dag_run.c.pk,
    dag_run.c.dag_id,
    dag_run.c.run_id,
    dag_run.c.run_type,
    dag_run.c.state,
    dag_run.c.run_after,
    dag_run.c.logical_date,
    dag_run.c.data_interval_start,
    dag_run.c.data_interval_end,
    dag_run.c.queued_at,
    dag_run.c.started_at,
    dag_run.c.ended_at,
    dag_run.c.conf,
    dag_run.c.dag_version_pk,
    dag_run.c.clear_number,
    dag_run.c.triggered_by,
    dag_run.c.triggering_user_name,
    dag_run.c.note,
    dag_run.c.version,
    dag_run.c.backfill_pk,
    dag_run.c.backfill_ordinal,
    dag_run.c.bundle_version,
    dag_run.c.partition_key,
    dag_run.c.partition_date,
)
_SORTABLE_RUNS = {
    "id": dag_run.c.pk,
    "dag_id": dag_run.c.dag_id,
    "run_id": dag_run.c.run_id,
    "state": dag_run.c.state,
    "logical_date": dag_run.c.logical_date,
    "run_after": dag_run.c.run_after,
    "queued_at": dag_run.c.queued_at,
    "start_date": dag_run.c.started_at,
    "end_date": dag_run.c.ended_at,
}
_TI = task_instance.c
# Of the instance where it has one, else of its run.
_VERSION = sa.func.coalesce(_TI.dag_version_pk, dag_run.c.dag_version_pk).label("dag_version_pk")
TASK_INSTANCE_COLUMNS = (
    _TI.pk,
    dag_run.c.dag_id,
    dag_run.c.run_id,
    dag_run.c.logical_date,
    dag_run.c.run_after,
    _TI.task_id,
    _TI.map_index,
    _TI.state,
    _TI.version,
    _TI.try_number,
    _TI.max_tries,
    _TI.operator,
    _TI.pool,
    _TI.pool_slots,
    _TI.queue,
    _TI.priority_weight,
    _TI.scheduled_at,
    _TI.queued_at,
    _TI.started_at,
    _TI.ended_at,
    _TI.due_at,
    _TI.pid,
    _TI.hostname,
    _TI.note,
    _VERSION,
    _TI.map_length,
    _TI.rendered_map_index,
    _TI.user_note,
)
_SORTABLE_TASK_INSTANCES = {
    "id": _TI.pk,
    "dag_id": dag_run.c.dag_id,
    "run_id": dag_run.c.run_id,
    "logical_date": dag_run.c.logical_date,
    "run_after": dag_run.c.run_after,
    "task_id": _TI.task_id,
    "map_index": _TI.map_index,
    "rendered_map_index": _TI.rendered_map_index,
    "state": _TI.state,
    "start_date": _TI.started_at,
    "end_date": _TI.ended_at,
    "try_number": _TI.try_number,
}
_STATES = {state.value: state for state in TaskInstanceState}
_UNFINISHED = dag_run.c.state.in_([sa.literal_column(f"'{state}'") for state in ("queued", "running")])


@dataclass(frozen=True)
class RunFilter:
    """Which runs; what is None or empty filters nothing. Dates are inclusive."""

    dag_ids: Sequence[str] = ()
    run_ids: Sequence[str] = ()
    run_pks: Sequence[int] = ()
    states: Sequence[str] = ()
    run_types: Sequence[str] = ()
    logical_dates: Sequence[datetime] = ()
    logical_date_from: datetime | None = None
    logical_date_to: datetime | None = None
    run_after_from: datetime | None = None
    run_after_to: datetime | None = None
    run_id_pattern: str | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the filter as SQL conditions on `dag_run`."""
        found: list[sa.ColumnElement[bool]] = [
            column.in_(list(values))
            for column, values in (
                (dag_run.c.dag_id, self.dag_ids),
                (dag_run.c.run_id, self.run_ids),
                (dag_run.c.pk, self.run_pks),
                (dag_run.c.state, self.states),
                (dag_run.c.run_type, self.run_types),
                (dag_run.c.logical_date, self.logical_dates),
            )
            if values
        ]
        if self.logical_date_from is not None:
            found.append(dag_run.c.logical_date >= self.logical_date_from)
        if self.logical_date_to is not None:
            found.append(dag_run.c.logical_date <= self.logical_date_to)
        if self.run_after_from is not None:
            found.append(dag_run.c.run_after >= self.run_after_from)
        if self.run_after_to is not None:
            found.append(dag_run.c.run_after <= self.run_after_to)
        if self.run_id_pattern:
            found.append(dag_run.c.run_id.ilike(f"%{self.run_id_pattern}%"))
        return found


@dataclass(frozen=True)
class TaskInstanceFilter:
    """Which task instances; what is None or empty filters nothing."""

    runs: RunFilter = RunFilter()
    task_ids: Sequence[str] = ()
    map_indexes: Sequence[int] = ()
    only_mapped: bool = False
    """Only those that have a map index."""
    states: Sequence[str] = ()
    pools: Sequence[str] = ()
    queues: Sequence[str] = ()
    ti_pks: Sequence[int] = ()
    instances: Sequence[tuple[str, int]] = ()
    """Single ones, by task_id and map index, beside those of `task_ids`."""

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the filter as SQL conditions on `task_instance` joined with `dag_run`."""
        found = self.runs.conditions()
        found += [
            column.in_(list(values))
            for column, values in (
                (_TI.task_id, () if self.instances else self.task_ids),
                (_TI.map_index, self.map_indexes),
                (_TI.state, self.states),
                (_TI.pool, self.pools),
                (_TI.queue, self.queues),
                (_TI.pk, self.ti_pks),
            )
            if values
        ]
        if self.only_mapped:
            found.append(_TI.map_index >= 0)
        if self.instances:
            single = [sa.and_(_TI.task_id == task_id, _TI.map_index == index) for task_id, index in self.instances]
            found.append(sa.or_(_TI.task_id.in_(list(self.task_ids)), *single))
        if self.states and {str(state) for state in self.states} <= {state.value for state in LIVE}:
            found.append(_UNFINISHED)  # live instances are found through the few runs that are not over
        return found


def get_run(database: Database, dag_id: str, run_id: str) -> RunDetail:
    """Return one run. Raises `NotFoundError`."""
    runs, _ = list_runs(database, RunFilter(dag_ids=(dag_id,), run_ids=(run_id,)))
    if not runs:
        raise no_run(dag_id, run_id)
    return runs[0]


def list_runs(
    database: Database,
    which: RunFilter = RunFilter(),
    page: Page = Page(),  # noqa: B008 - frozen
) -> tuple[list[RunDetail], int]:
    """Return runs, oldest first or in the order asked for, and how many there are on all pages."""
    query = sa.select(*RUN_COLUMNS).where(*which.conditions())
    with database.read() as connection:
        rows, total = page_of(connection, order(query, page, _SORTABLE_RUNS, dag_run.c.pk), page)
    return [run_detail(row) for row in rows], total


def get_task_instance(
    database: Database,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int = -1,
) -> TaskInstanceDetail:
    """Return one task instance. Raises `NotFoundError`, which says so where a mapped task has others."""
    runs = RunFilter(dag_ids=(dag_id,), run_ids=(run_id,))
    found, _ = list_task_instances(
        database, TaskInstanceFilter(runs=runs, task_ids=(task_id,), map_indexes=(map_index,))
    )
    if found:
        return found[0]
    mapped = "" if map_index == -1 else f" with map index {map_index}"
    msg = f"run {run_id!r} of DAG {dag_id!r} has no task instance {task_id!r}{mapped}"
    page = Page(1, 0, ("-map_index",))
    others, count = list_task_instances(
        database, TaskInstanceFilter(runs=runs, task_ids=(task_id,), only_mapped=True), page
    )
    if others:
        msg += f": the task is mapped and has {count}, give a map index from 0 to {others[0].map_index}"
    raise NotFoundError(msg)


def list_task_instances(
    database: Database,
    which: TaskInstanceFilter = TaskInstanceFilter(),
    page: Page = Page(),  # noqa: B008 - frozen
) -> tuple[list[TaskInstanceDetail], int]:
    """Return task instances, by run and slot or in the order asked for, and how many there are on all pages."""
    query = select_task_instances(which)
    with database.read() as connection:
        rows, total = page_of(connection, order(query, page, _SORTABLE_TASK_INSTANCES, _TI.pk), page)
    return [task_instance_detail(row) for row in rows], total


def count_task_instances(database: Database, which: RunFilter) -> dict[int, dict[TaskInstanceState, int]]:
    """Return for each run that has task instances how many are in each state."""
    query = (
        sa.select(_TI.run_pk, _TI.state, sa.func.count())
        .join(dag_run, dag_run.c.pk == _TI.run_pk)
        .where(*which.conditions())
        .group_by(_TI.run_pk, _TI.state)
    )
    counts: dict[int, dict[TaskInstanceState, int]] = {}
    with database.read() as connection:
        for run_pk, state, count in connection.execute(query):
            counts.setdefault(run_pk, {})[_STATES[state]] = count
    return counts


def list_tries(database: Database, ti_pk: TaskInstancePk) -> list[TryDetail]:
    """Return every try of a task instance, the one under way or last included, oldest first.

    A try that another one followed is over: one that had not ended well, was skipped or the like has failed, as in
    Airflow.
    """
    names = [column.name for column in task_instance_history.c if column.name not in _NOT_OF_A_TRY]
    history = sa.select(*(task_instance_history.c[name] for name in names)).where(
        task_instance_history.c.ti_pk == ti_pk,
    )
    last = (
        sa.select(*(_TI[name] for name in names if name != "dag_version_pk"), _VERSION)
        .join(dag_run, dag_run.c.pk == _TI.run_pk)
        .where(_TI.pk == ti_pk)
    )
    with database.read() as connection:
        # Of two rows with one number the later one is that of a try that was begun anew.
        rows = connection.execute(history.order_by(task_instance_history.c.pk)).mappings()
        tries: dict[int, dict[str, Any]] = {row["try_number"]: dict(row) for row in rows}
        for fields in tries.values():
            if _STATES[fields["state"]] not in FINISHED:
                fields["state"] = TaskInstanceState.FAILED.value
        now = connection.execute(last).mappings().first()
    if now is not None and (now["state"] not in _NOT_BEGUN or now["try_number"] not in tries):
        tries[now["try_number"]] = dict(now)
    for fields in tries.values():
        fields["state"] = _STATES[fields["state"]]
    return [TryDetail(**fields) for number, fields in sorted(tries.items()) if number > 0]


def list_events(database: Database, ti_pk: TaskInstancePk) -> list[EventDetail]:
    """Return every step of a task instance, oldest first."""
    columns = task_instance_event.c
    query = sa.select(columns.version, columns.event, columns.try_number, columns.at).where(columns.ti_pk == ti_pk)
    with database.read() as connection:
        return [EventDetail(*row) for row in connection.execute(query.order_by(columns.version))]


def get_rendered_fields(database: Database, ti_pk: TaskInstancePk) -> dict[str, Any] | None:
    """Return the rendered template fields of the newest try that had any."""
    query = sa.select(rendered_fields.c.fields).where(rendered_fields.c.ti_pk == ti_pk)
    with database.read() as connection:
        found = connection.execute(query).scalar()
    return None if found is None else msgspec.json.decode(found)


def run_detail(row: Any) -> RunDetail:
    """Return the run of a row of `RUN_COLUMNS`."""
    values: list[Any] = list(row)
    values[3] = RunType(values[3])
    values[4] = DagRunState(values[4])
    values[12] = msgspec.json.decode(values[12])
    return RunDetail(*values)


def select_task_instances(which: TaskInstanceFilter) -> Any:
    """Return the query of `TASK_INSTANCE_COLUMNS`."""
    return (
        sa.select(*TASK_INSTANCE_COLUMNS)
        .select_from(task_instance.join(dag_run, dag_run.c.pk == _TI.run_pk))
        .where(*which.conditions())
    )


def task_instance_detail(row: Any) -> TaskInstanceDetail:
    """Return the task instance of a row of `TASK_INSTANCE_COLUMNS`."""
    values: list[Any] = list(row)
    values[7] = _STATES[values[7]]
    return TaskInstanceDetail(*values)


def no_run(dag_id: str, run_id: str) -> NotFoundError:
    """Return the error for a run that is not there."""
    return NotFoundError(f"DAG {dag_id!r} has no run {run_id!r}")


_NOT_OF_A_TRY = {"pk", "ti_pk", "task_id", "map_index"}
_NOT_BEGUN = {TaskInstanceState.NONE.value, TaskInstanceState.REMOVED.value}
