"""Pruning: deleting what is older than a date, in small transactions that nobody has to wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tradewind.core.states import RUN_FINISHED, RunType
from tradewind.metadata.errors import InvalidRequestError
from tradewind.metadata.runs.deletion import delete_rows
from tradewind.metadata.tables import (
    asset_event,
    asset_event_alias,
    asset_partition,
    asset_partition_event,
    asset_queue,
    audit_log,
    consumed_asset_event,
    dag,
    dag_run,
    dag_source,
    dag_version,
    job,
    task_state,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tradewind.metadata.database import Database

TABLES = ("dag_run", "asset_event", "log", "job", "dag_version", "task_state")
"""What can be pruned, in the order it is done. Runs take their task instances, tries, events and XComs with them."""


@dataclass(frozen=True)
class Pruned:
    """How many rows of a table are gone so far, or with a dry run would go."""

    table: str
    rows: int


@dataclass(frozen=True)
class WhichDags:
    """Of which DAGs; what is empty limits nothing."""

    dag_ids: Sequence[str] = ()
    exclude_dag_ids: Sequence[str] = ()

    def conditions(self, dag_id: Any) -> list[Any]:
        """Return the limit as SQL conditions on an expression that gives the dag_id."""
        found: list[Any] = []
        if self.dag_ids:
            found.append(dag_id.in_(list(self.dag_ids)))
        if self.exclude_dag_ids:
            found.append(sa.func.coalesce(dag_id, "").not_in(list(self.exclude_dag_ids)))
        return found


def prune(
    database: Database,
    *,
    before: datetime,
    tables: Sequence[str] = TABLES,
    dry_run: bool = False,
    batch_size: int = 500,
    which: WhichDags | None = None,
) -> Iterator[Pruned]:
    """Delete what ended or was written before the date; yield the count after each batch.

    Of each DAG the newest run stays, and the newest scheduled run, from which its timetable goes on. Unfinished runs
    stay. Of DAG versions go those that no run refers to and that are not the newest. With `which` only what belongs to
    those DAGs goes: of tables that are not about DAGs, nothing. Raises `InvalidRequestError` for a table that cannot be
    pruned.
    """
    unknown = sorted(set(tables) - set(TABLES))
    if unknown:
        msg = f"cannot prune {', '.join(unknown)}: choose of {', '.join(TABLES)}"
        raise InvalidRequestError(msg)
    names = [name for name in TABLES if name in tables and (which is None or name in _DAG_ID)]
    return _pruning(database, before, names, batch_size, which, is_dry=dry_run)


def _pruning(
    database: Database,
    before: datetime,
    names: list[str],
    batch_size: int,
    which: WhichDags | None,
    *,
    is_dry: bool,
) -> Iterator[Pruned]:
    for name in names:
        condition, delete = _RULES[name]
        table, query = condition(before)
        if which is not None:
            query = query.where(*which.conditions(_DAG_ID[name]))
        if is_dry:
            with database.read() as connection:
                count = connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
            yield Pruned(table.name, count)
            continue
        done = 0
        while True:
            with database.begin() as connection:
                pks = connection.execute(query.limit(batch_size)).scalars().all()
                if pks:
                    delete(connection, pks)
            done += len(pks)
            yield Pruned(table.name, done)
            if len(pks) < batch_size:
                break


def _old_runs(before: datetime) -> tuple[sa.Table, Any]:
    newer = dag_run.alias("newer")
    is_newest = ~sa.exists().where(newer.c.dag_id == dag_run.c.dag_id, newer.c.run_after > dag_run.c.run_after)
    kinds = (RunType.SCHEDULED.value, RunType.BACKFILL.value)
    goes_on = sa.and_(
        dag_run.c.run_type.in_(kinds),
        ~sa.exists().where(
            newer.c.dag_id == dag_run.c.dag_id,
            newer.c.run_type.in_(kinds),
            newer.c.logical_date > dag_run.c.logical_date,
        ),
    )
    finished = sorted(state.value for state in RUN_FINISHED)
    query = sa.select(dag_run.c.pk).where(
        dag_run.c.state.in_(finished),
        dag_run.c.ended_at < before,
        ~is_newest,
        ~goes_on,
    )
    return dag_run, query.order_by(dag_run.c.pk)


def _old_asset_events(before: datetime) -> tuple[sa.Table, Any]:
    waits = sa.exists().where(asset_queue.c.event_pk == asset_event.c.pk)
    is_partial = sa.exists().where(
        asset_partition_event.c.event_pk == asset_event.c.pk,
        asset_partition.c.pk == asset_partition_event.c.partition_pk,
        asset_partition.c.run_pk.is_(None),
    )
    return asset_event, sa.select(asset_event.c.pk).where(asset_event.c.at < before, ~waits, ~is_partial)


def _delete_asset_events(connection: sa.Connection, pks: Sequence[int]) -> None:
    """Delete events with all that tells of them, and partitions that have none left."""
    for table in (asset_event_alias, consumed_asset_event, asset_partition_event):
        connection.execute(sa.delete(table).where(table.c.event_pk.in_(pks)))
    connection.execute(sa.delete(asset_event).where(asset_event.c.pk.in_(pks)))
    has_events = sa.exists().where(asset_partition_event.c.partition_pk == asset_partition.c.pk)
    connection.execute(sa.delete(asset_partition).where(~has_events))


def _old_log(before: datetime) -> tuple[sa.Table, Any]:
    return audit_log, sa.select(audit_log.c.pk).where(audit_log.c.at < before)


def _old_jobs(before: datetime) -> tuple[sa.Table, Any]:
    return job, sa.select(job.c.pk).where(job.c.heartbeat_at < before)


def _old_versions(before: datetime) -> tuple[sa.Table, Any]:
    return dag_version, sa.select(dag_version.c.pk).where(
        dag_version.c.created_at < before,
        ~sa.exists().where(dag.c.version_pk == dag_version.c.pk),
        ~sa.exists().where(dag_run.c.dag_version_pk == dag_version.c.pk),
    )


def _old_states(before: datetime) -> tuple[sa.Table, Any]:
    """What has expired by that date: the rest goes with its run."""
    return task_state, sa.select(task_state.c.pk).where(task_state.c.expires_at < before)


def _delete_from(table: sa.Table) -> Callable[[sa.Connection, Sequence[int]], None]:
    def delete(connection: sa.Connection, pks: Sequence[int]) -> None:
        connection.execute(sa.delete(table).where(table.c.pk.in_(pks)))

    return delete


def _delete_versions(connection: sa.Connection, pks: Sequence[int]) -> None:
    _delete_from(dag_version)(connection, pks)
    connection.execute(
        sa.delete(dag_source).where(~sa.exists().where(dag_version.c.source_hash == dag_source.c.hash)),
    )


_DAG_ID: dict[str, Any] = {
    "dag_run": dag_run.c.dag_id,
    "log": audit_log.c.dag_id,
    "dag_version": sa.select(dag.c.dag_id).where(dag.c.pk == dag_version.c.dag_pk).scalar_subquery(),
}
"""What gives the dag_id of a row, of the tables that are about DAGs."""

_RULES: dict[
    str,
    tuple[
        Callable[[datetime], tuple[sa.Table, Any]],
        Callable[[sa.Connection, Sequence[int]], None],
    ],
] = {
    "dag_run": (_old_runs, delete_rows),
    "asset_event": (_old_asset_events, _delete_asset_events),
    "log": (_old_log, _delete_from(audit_log)),
    "job": (_old_jobs, _delete_from(job)),
    "dag_version": (_old_versions, _delete_versions),
    "task_state": (_old_states, _delete_from(task_state)),
}
