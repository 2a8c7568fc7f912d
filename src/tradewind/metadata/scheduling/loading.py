"""What the scheduler reads: at its start, when a ring tells of a change, and for conditions on the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.core.ids import DagRunPk, TaskInstancePk
from tradewind.core.states import RUN_FINISHED, DagRunState, RunType, TaskInstanceState
from tradewind.metadata.batch import CallbackRequest, CallbackRow, DagRow, DeadlineRow, PoolRow, RunRow, TaskInstanceRow
from tradewind.metadata.errors import NotFoundError
from tradewind.metadata.policies.plugins import PluginStore
from tradewind.metadata.tables import callback_request, dag, dag_run, dag_version, deadline, pool, task_instance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

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
    dag_run.c.ended_at,
)
_UNFINISHED = sorted(state.value for state in frozenset(DagRunState) - RUN_FINISHED)
# Literals, not parameters: only so do the partial indexes apply.
_IS_UNFINISHED = dag_run.c.state.in_([sa.literal_column(f"'{state}'") for state in _UNFINISHED])
_IS_SCHEDULED = dag_run.c.run_type.in_(
    [sa.literal_column(f"'{kind.value}'") for kind in sorted((RunType.SCHEDULED, RunType.BACKFILL))],
)
_STATES = {state.value: state for state in TaskInstanceState}


class Loading:
    """Queries; none of them writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load_dags(self, dag_ids: Iterable[str] | None = None) -> list[DagRow]:
        """Return the DAGs that are present, of `dag_ids` where given, sorted by dag_id."""
        newest = (
            sa.select(dag_run.c.pk)
            .where(dag_run.c.dag_id == dag.c.dag_id, _IS_SCHEDULED, dag_run.c.logical_date.is_not(None))
            .order_by(dag_run.c.logical_date.desc())
            .limit(1)
            .correlate(dag)
            .scalar_subquery()
        )
        # Of a schedule whose runs work on partitions and have no logical date.
        newest_partition = (
            sa.select(dag_run.c.pk)
            .where(dag_run.c.dag_id == dag.c.dag_id, _IS_SCHEDULED, dag_run.c.partition_key.is_not(None))
            .order_by(dag_run.c.run_after.desc())
            .limit(1)
            .correlate(dag)
            .scalar_subquery()
        )
        last_run = dag_run.alias("last_run")
        query = (
            sa.select(
                dag.c.dag_id,
                dag_version.c.pk,
                dag_version.c.hash,
                dag_version.c.document,
                dag.c.is_paused,
                dag.c.folder,
                dag.c.path,
                dag.c.fingerprint,
                last_run.c.data_interval_start,
                last_run.c.data_interval_end,
                last_run.c.run_after,
                dag.c.bundle_name,
                dag.c.bundle_version,
                dag.c.next_run_after,
            )
            .select_from(
                dag.join(dag_version, dag_version.c.pk == dag.c.version_pk).outerjoin(
                    last_run,
                    last_run.c.pk == sa.func.coalesce(newest, newest_partition),
                ),
            )
            .where(dag.c.is_present)
            .order_by(dag.c.dag_id)
        )
        if dag_ids is not None:
            query = query.where(dag.c.dag_id.in_(list(dag_ids)))
        with self._database.read() as connection:
            return [DagRow(*row) for row in connection.execute(query)]

    def load_document(self, version_pk: int) -> bytes:
        """Return the document of one DAG version. Raises `NotFoundError`."""
        with self._database.read() as connection:
            found = connection.execute(sa.select(dag_version.c.document).where(dag_version.c.pk == version_pk)).scalar()
        if found is None:
            msg = f"there is no DAG version number {version_pk}"
            raise NotFoundError(msg)
        return found

    def load_pools(self) -> list[PoolRow]:
        """Return every pool."""
        query = sa.select(pool.c.name, pool.c.slots, pool.c.include_deferred).order_by(pool.c.name)
        with self._database.read() as connection:
            return [PoolRow(*row) for row in connection.execute(query)]

    def load_unfinished_runs(self) -> list[RunRow]:
        """Return the runs that are queued or running, oldest first."""
        return self._runs(sa.select(*RUN_COLUMNS).where(_IS_UNFINISHED).order_by(dag_run.c.pk))

    def load_queued_runs(self, after_pk: int = 0) -> list[RunRow]:
        """Return the queued runs with a higher number than `after_pk`, oldest first."""
        query = sa.select(*RUN_COLUMNS).where(
            _IS_UNFINISHED,
            dag_run.c.state == DagRunState.QUEUED.value,
            dag_run.c.pk > after_pk,
        )
        return self._runs(query.order_by(dag_run.c.pk))

    def load_runs(self, run_pks: Iterable[int]) -> list[RunRow]:
        """Return these runs in whatever state; one that was deleted is missing."""
        return self._runs(sa.select(*RUN_COLUMNS).where(dag_run.c.pk.in_(list(run_pks))).order_by(dag_run.c.pk))

    def load_task_instances(self, run_pk: DagRunPk) -> list[TaskInstanceRow]:
        """Return all task instances of a run, in the order of their slots."""
        columns = task_instance.c
        query = (
            sa.select(
                columns.pk,
                columns.task_id,
                columns.map_index,
                columns.state,
                columns.version,
                columns.try_number,
                columns.max_tries,
                columns.pool,
                columns.pool_slots,
                columns.queue,
                columns.priority_weight,
                columns.due_at,
                columns.started_at,
                columns.queued_at,
                columns.map_length,
            )
            .where(columns.run_pk == run_pk)
            .order_by(columns.pk)
        )
        with self._database.read() as connection:
            return [
                TaskInstanceRow(TaskInstancePk(row[0]), row[1], row[2], _STATES[row[3]], *row[4:])
                for row in connection.execute(query)
            ]

    def load_deadlines(self) -> list[DeadlineRow]:
        """Return the deadlines that were not missed yet, the next one first."""
        columns = deadline.c
        query = sa.select(
            columns.pk, columns.run_pk, columns.dag_id, columns.run_id, columns.alert, columns.due_at
        ).where(columns.missed_at.is_(None))
        with self._database.read() as connection:
            return [DeadlineRow(*row) for row in connection.execute(query.order_by(columns.due_at, columns.pk))]

    def average_runtime_s(self, dag_id: str, max_runs: int, min_runs: int) -> float | None:
        """Return how long the DAG's last successful runs took on average; None when there are too few of them."""
        columns = dag_run.c
        query = (
            sa.select(columns.started_at, columns.ended_at)
            .where(
                columns.dag_id == dag_id,
                columns.state == DagRunState.SUCCESS.value,
                columns.started_at.is_not(None),
                columns.ended_at.is_not(None),
            )
            .order_by(columns.run_after.desc(), columns.pk.desc())
            .limit(max_runs)
        )
        with self._database.read() as connection:
            took = [(ended - started).total_seconds() for started, ended in connection.execute(query)]
        return sum(took) / len(took) if took and len(took) >= min_runs else None

    def load_listened_hooks(self) -> frozenset[str]:
        """Return the hooks that listeners of plugins implement."""
        return PluginStore(self._database).listened()

    def load_callbacks(self) -> list[CallbackRow]:
        """Return the callbacks that nobody has reported done, oldest first."""
        columns = callback_request.c
        query = sa.select(
            columns.pk,
            columns.run_pk,
            columns.dag_id,
            columns.run_id,
            columns.name,
            columns.reason,
            columns.task_id,
            columns.map_index,
            columns.try_number,
            columns.kind,
            columns.payload,
        ).order_by(columns.pk)
        with self._database.read() as connection:
            return [
                CallbackRow(row[0], CallbackRequest(DagRunPk(row[1]), *row[2:-1], payload=msgspec.json.decode(row[-1])))
                for row in connection.execute(query)
            ]

    def previous_logical_date(self, dag_id: str, before: datetime) -> datetime | None:
        """Return the logical date of the run before, no manual one, None when there is none: Airflow's rule under catchup."""
        query = sa.select(dag_run.c.logical_date).where(
            dag_run.c.dag_id == dag_id,
            dag_run.c.logical_date < before,
            dag_run.c.run_type != RunType.MANUAL.value,
        )
        with self._database.read() as connection:
            return connection.execute(query.order_by(dag_run.c.logical_date.desc()).limit(1)).scalar()

    def previous_task_states(
        self,
        dag_id: str,
        before_logical_date: datetime,
        task_ids: Sequence[str],
        *,
        scheduled_only: bool = False,
    ) -> dict[str, list[TaskInstanceState]] | None:
        """Return the states of the tasks' instances in the run before; None when there is no run before.

        A task that is not in it has an empty list when an earlier run has it, and no entry when none has. With
        `scheduled_only` a manual run is no run before (Airflow's rule for DAGs with catchup).
        """
        is_earlier = [dag_run.c.dag_id == dag_id, dag_run.c.logical_date < before_logical_date]
        query = sa.select(dag_run.c.pk).where(*is_earlier).order_by(dag_run.c.logical_date.desc()).limit(1)
        if scheduled_only:
            query = query.where(dag_run.c.run_type != RunType.MANUAL.value)
        columns = task_instance.c
        with self._database.read() as connection:
            run_pk = connection.execute(query).scalar()
            if run_pk is None:
                return None
            states: dict[str, list[TaskInstanceState]] = {}
            for task_id, state in connection.execute(
                sa.select(columns.task_id, columns.state)
                .where(columns.run_pk == run_pk, columns.task_id.in_(task_ids))
                .order_by(columns.pk),
            ):
                states.setdefault(task_id, []).append(_STATES[state])
            missing = [task_id for task_id in task_ids if task_id not in states]
            if missing:
                known = connection.execute(
                    sa.select(columns.task_id)
                    .distinct()
                    .select_from(task_instance.join(dag_run, dag_run.c.pk == columns.run_pk))
                    .where(*is_earlier, columns.task_id.in_(missing)),
                )
                states |= {task_id: [] for task_id in known.scalars()}
        return states

    def count_consecutive_failures(self, dag_id: str) -> int:
        """Return how many of the DAG's newest runs failed in a row; one under way ends the row, as in Airflow."""
        newest = sa.select(dag_run.c.state).where(dag_run.c.dag_id == dag_id)
        newest = newest.order_by(dag_run.c.run_after.desc(), dag_run.c.pk.desc())
        failures = 0
        with self._database.read() as connection:
            for state in connection.execute(newest.limit(1000)).scalars():
                if state != DagRunState.FAILED.value:
                    break
                failures += 1
        return failures

    def _runs(self, query: Any) -> list[RunRow]:
        with self._database.read() as connection:
            return [run_row(row) for row in connection.execute(query)]


def run_row(row: Any) -> RunRow:
    """Return the row of a query for the columns of a run."""
    values: list[Any] = list(row)
    values[3] = RunType(values[3])
    values[4] = DagRunState(values[4])
    values[11] = msgspec.json.decode(values[11])
    return RunRow(*values)
