"""The worker store straight on the database: what a running task may read and write, by name.

Has the methods of the protocol `WorkerStore`, and answers the `StoreCall` messages of processes without a database.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.core.states import RunType, TaskInstanceState
from tradewind.metadata.assets.questions import AssetQuestions
from tradewind.metadata.connections import ConnectionStore
from tradewind.metadata.database import add_ring, insert
from tradewind.metadata.doorbell.ring import RUN, Ring
from tradewind.metadata.errors import (
    AlreadyExistsError,
    DatabaseUnavailableError,
    EncryptionError,
    InvalidRequestError,
    MetadataError,
    NotFoundError,
)
from tradewind.metadata.runs import state_store
from tradewind.metadata.runs.clearing import clear_rows
from tradewind.metadata.runs.creation import RunRequest, insert_run
from tradewind.metadata.runs.listing import RUN_COLUMNS, RunFilter, TaskInstanceFilter, run_detail
from tradewind.metadata.runs.moving import locked_task_instances
from tradewind.metadata.runs.rows import find_rows
from tradewind.metadata.tables import dag, dag_run, dag_version, task_instance, xcom
from tradewind.metadata.variables import VariableStore
from tradewind.serialization.document import decode_document, tasks_by_group
from tradewind.serialization.messages import StoreCall, StoreReply
from tradewind.serialization.records import DagRecord, DagRunRecord, TaskInstanceRecord, XComRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.core.clock import Clock
    from tradewind.metadata.database import Database
    from tradewind.metadata.encryption import Cipher
    from tradewind.metadata.runs.records import RunDetail
    from tradewind.serialization.records import ConnectionRecord

_ERROR_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (NotFoundError, "not_found"),
    (AlreadyExistsError, "already_exists"),
    (DatabaseUnavailableError, "unavailable"),
    (InvalidRequestError, "invalid"),
    (EncryptionError, "invalid"),
    (MetadataError, "invalid"),
    (TypeError, "invalid"),
    (ValueError, "invalid"),
)
_TI = task_instance.c


class DatabaseWorkerStore(AssetQuestions):
    """The worker store on a database. Raises the errors of `tradewind.metadata.errors`."""

    METHODS = AssetQuestions.METHODS | frozenset(
        {
            "delete_states",
            "delete_variable",
            "delete_xcoms",
            "find_rows",
            "get_connection",
            "get_dag",
            "get_dag_runs",
            "get_task_instances",
            "get_states",
            "get_variable",
            "get_variable_keys",
            "get_xcom",
            "get_xcom_map_indexes",
            "get_xcoms",
            "set_state",
            "set_variable",
            "set_xcom",
            "trigger_dag_run",
        },
    )
    """What a `StoreCall` may name."""

    def __init__(self, database: Database, clock: Clock, cipher: Cipher) -> None:
        AssetQuestions.__init__(self, database)
        self._clock = clock
        self._variables = VariableStore(database, cipher)
        self._connections = ConnectionStore(database, cipher)

    def answer(self, call: StoreCall) -> StoreReply:
        """Carry out a call and return its result, or what went wrong as text and kind; never raises for the caller's fault."""
        if call.method not in self.METHODS:
            error = f"the worker store has no method {call.method!r}"
            return StoreReply(call_id=call.call_id, error=error, error_kind="invalid")
        try:
            result: Any = getattr(self, call.method)(**call.arguments)
        except tuple(kind for kind, _ in _ERROR_KINDS) as error:
            kind = next(name for known, name in _ERROR_KINDS if isinstance(error, known))
            return StoreReply(call_id=call.call_id, error=str(error), error_kind=kind)
        return StoreReply(call_id=call.call_id, result=msgspec.to_builtins(result, builtin_types=_KEPT))

    def get_variable(self, key: str) -> str | None:
        """Return the decrypted value, or None when there is no such variable."""
        found = self._variables.get(key)
        return None if found is None else found.value

    def set_variable(self, key: str, value: str, description: str | None = None) -> None:
        """Create or overwrite a variable."""
        self._variables.set(key, value, description)

    def delete_variable(self, key: str) -> bool:
        """Delete a variable; return whether there was one."""
        return self._variables.delete(key)

    def get_variable_keys(self, prefix: str = "") -> list[str]:
        """Return the sorted keys that start with `prefix`."""
        return self._variables.keys(prefix)

    def get_connection(self, conn_id: str) -> ConnectionRecord | None:
        """Return the decrypted connection, or None when there is no such one."""
        return self._connections.get(conn_id)

    def get_xcom(
        self,
        *,
        dag_id: str,
        run_id: str,
        task_id: str,
        map_index: int = -1,
        key: str = "return_value",
        include_prior_dates: bool = False,
    ) -> XComRecord | None:
        """Return one XCom, with `include_prior_dates` the newest of this or an earlier logical date."""
        query = _xcoms(dag_id, run_id, include_prior_dates=include_prior_dates)
        query = query.where(_TI.task_id == task_id, _TI.map_index == map_index, xcom.c.key == key)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(dag_run.c.logical_date.desc()).limit(1)).first()
        return None if row is None else _xcom_record(row)

    def get_xcoms(
        self,
        *,
        dag_id: str,
        run_id: str,
        task_ids: Sequence[str] | None = None,
        map_indexes: Sequence[int] | None = None,
        key: str | None = None,
        include_prior_dates: bool = False,
    ) -> list[XComRecord]:
        """Return every XCom that matches, by task_id and map index; None matches all.

        With `include_prior_dates` each is the newest of this or an earlier logical date.
        """
        query = _xcoms(dag_id, run_id, include_prior_dates=include_prior_dates)
        if task_ids is not None:
            query = query.where(_TI.task_id.in_(list(task_ids)))
        if map_indexes is not None:
            query = query.where(_TI.map_index.in_(list(map_indexes)))
        if key is not None:
            query = query.where(xcom.c.key == key)
        query = query.order_by(_TI.task_id, _TI.map_index, xcom.c.key, dag_run.c.logical_date)
        with self._database.read() as connection:
            # Of several dates the last, which is the newest, stays.
            newest = {(row.task_id, row.map_index, row.key): row for row in connection.execute(query)}
        return [_xcom_record(row) for row in newest.values()]

    def get_xcom_map_indexes(self, *, dag_id: str, run_id: str, task_id: str, key: str) -> list[int]:
        """Return in order the map indexes, of 0 and more, for which a task pushed this key."""
        query = (
            sa.select(_TI.map_index)
            .join(xcom, xcom.c.ti_pk == _TI.pk)
            .join(dag_run, dag_run.c.pk == _TI.run_pk)
            .where(dag_run.c.dag_id == dag_id, dag_run.c.run_id == run_id)
            .where(_TI.task_id == task_id, _TI.map_index >= 0, xcom.c.key == key)
            .order_by(_TI.map_index)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def set_xcom(
        self,
        *,
        dag_id: str,
        run_id: str,
        task_id: str,
        map_index: int = -1,
        key: str,
        value: bytes,
    ) -> None:
        """Store one XCom, `value` being JSON; replaces an earlier one. Raises `NotFoundError` without the instance."""
        with self._database.begin() as connection:
            ti_pk = connection.execute(_pks(dag_id, run_id, task_id, map_index)).scalar()
            if ti_pk is None:
                msg = f"run {run_id!r} of DAG {dag_id!r} has no task instance {task_id!r} with map index {map_index}"
                raise NotFoundError(msg)
            new = insert(connection, xcom).values(ti_pk=ti_pk, key=key, value=value, created_at=self._clock.now())
            changed = {"value": new.excluded.value, "created_at": new.excluded.created_at}
            connection.execute(new.on_conflict_do_update(index_elements=["ti_pk", "key"], set_=changed))

    def delete_xcoms(
        self,
        *,
        dag_id: str,
        run_id: str,
        task_id: str,
        map_index: int = -1,
        key: str | None = None,
    ) -> None:
        """Delete one XCom, or all of the task instance."""
        doomed = sa.delete(xcom).where(xcom.c.ti_pk.in_(_pks(dag_id, run_id, task_id, map_index)))
        if key is not None:
            doomed = doomed.where(xcom.c.key == key)
        with self._database.begin() as connection:
            connection.execute(doomed)

    def get_dag(self, dag_id: str) -> DagRecord | None:
        """Return the newest version of a DAG in outline, or None when no file defines it."""
        query = (
            sa.select(dag.c.is_paused, dag_version.c.document)
            .join(dag_version, dag_version.c.pk == dag.c.version_pk)
            .where(dag.c.dag_id == dag_id, dag.c.is_present)
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        document = decode_document(row.document)
        return DagRecord(
            dag_id=dag_id,
            is_paused=row.is_paused,
            task_ids=[task.task_id for task in document.tasks],
            task_groups=tasks_by_group(document),
        )

    def get_dag_runs(
        self,
        *,
        dag_id: str,
        run_ids: Sequence[str] | None = None,
        logical_dates: Sequence[datetime] | None = None,
        state: str | None = None,
        run_type: str | None = None,
        before_logical_date: datetime | None = None,
        after_logical_date: datetime | None = None,
        limit: int | None = None,
    ) -> list[DagRunRecord]:
        """Return matching runs, newest logical date first; both bounds exclude the date itself."""
        columns = dag_run.c
        query = sa.select(*RUN_COLUMNS).where(columns.dag_id == dag_id)
        if run_ids is not None:
            query = query.where(columns.run_id.in_(list(run_ids)))
        if logical_dates is not None:
            query = query.where(columns.logical_date.in_(list(logical_dates)))
        if state is not None:
            query = query.where(columns.state == state)
        if run_type is not None:
            query = query.where(columns.run_type == run_type)
        if before_logical_date is not None:
            query = query.where(columns.logical_date < before_logical_date)
        if after_logical_date is not None:
            query = query.where(columns.logical_date > after_logical_date)
        query = query.order_by(columns.logical_date.desc().nulls_last(), columns.pk.desc()).limit(limit)
        with self._database.read() as connection:
            return [_run_record(run_detail(row)) for row in connection.execute(query)]

    def get_task_instances(
        self,
        *,
        dag_id: str,
        run_ids: Sequence[str] | None = None,
        logical_dates: Sequence[datetime] | None = None,
        task_ids: Sequence[str] | None = None,
        states: Sequence[str] | None = None,
    ) -> list[TaskInstanceRecord]:
        """Return matching task instances by logical date, task_id, map index."""
        query = (
            sa.select(
                dag_run.c.dag_id,
                dag_run.c.run_id,
                _TI.task_id,
                _TI.map_index,
                _TI.state,
                _TI.try_number,
                _TI.max_tries,
                _TI.started_at.label("start_date"),
                _TI.ended_at.label("end_date"),
                _TI.operator,
                _TI.pool,
                dag_run.c.logical_date,
            )
            .join(dag_run, dag_run.c.pk == _TI.run_pk)
            .where(dag_run.c.dag_id == dag_id)
        )
        for column, values in (
            (dag_run.c.run_id, run_ids),
            (dag_run.c.logical_date, logical_dates),
            (_TI.task_id, task_ids),
            (_TI.state, states),
        ):
            if values is not None:
                query = query.where(column.in_(list(values)))
        query = query.order_by(dag_run.c.logical_date, dag_run.c.pk, _TI.task_id, _TI.map_index)
        with self._database.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return [_task_instance_record(row) for row in rows]

    def get_states(self, *, owner: Sequence[Any], key: str | None = None) -> dict[str, str]:
        """Return JSON by key of a task instance or an asset. Raises `NotFoundError` without the task instance."""
        with self._database.read() as connection:
            return state_store.get_states(connection, self._clock.now(), owner, key)

    def set_state(self, *, owner: Sequence[Any], key: str, value: str, expires_at: datetime | None = None) -> None:
        """Write one value. Raises `NotFoundError` without the task instance."""
        with self._database.begin() as connection:
            state_store.set_state(connection, self._clock.now(), owner, key, value, expires_at)

    def delete_states(self, *, owner: Sequence[Any], key: str | None = None) -> None:
        """Delete one value, or all of the owner. Raises `NotFoundError` without the task instance."""
        with self._database.begin() as connection:
            state_store.delete_states(connection, owner, key)

    def find_rows(
        self,
        *,
        table: str,
        filters: Sequence[Sequence[Any]] = (),
        order_by: Sequence[Sequence[Any]] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """Return rows by condition. Raises `InvalidRequestError` for what cannot be asked."""
        return find_rows(self._database, table, filters, order_by, limit=limit, offset=offset)

    def trigger_dag_run(
        self,
        *,
        dag_id: str,
        run_id: str | None = None,
        logical_date: datetime | None = None,
        run_after: datetime | None = None,
        conf: dict[str, Any] | None = None,
        note: str | None = None,
        reset: bool = False,
    ) -> DagRunRecord:
        """Create a run of another DAG; with `reset` one that exists is cleared instead.

        Raises `NotFoundError`, `InvalidRequestError` and `AlreadyExistsError` as `create_manual_run` does.
        """
        request = RunRequest(
            dag_id=dag_id,
            run_id=run_id,
            logical_date=logical_date,
            run_after=run_after,
            conf=conf or {},
            note=note,
            run_type=RunType.MANUAL,
            triggered_by="operator",
        )

        def work(connection: sa.Connection) -> RunDetail:
            now = self._clock.now()
            try:
                made = insert_run(connection, now, request)
            except AlreadyExistsError:
                found = _existing(connection, request) if reset else None
                if found is None:
                    raise
                which = TaskInstanceFilter(runs=RunFilter(run_pks=(found.run_pk,)))
                rows = locked_task_instances(connection, which)
                clear_rows(connection, [row for row in rows if row.state is not TaskInstanceState.RESTARTING], now)
                return found
            add_ring(connection, Ring(RUN, "0"))
            return made

        return _run_record(self._database.transact(work))


_KEPT = (bytes, datetime)
"""Plain on the pipe as they are."""


def _xcoms(dag_id: str, run_id: str, *, include_prior_dates: bool) -> Any:
    """Return the query of XComs of a run, or of it and every run with an earlier logical date."""
    query = (
        sa.select(
            dag_run.c.dag_id,
            dag_run.c.run_id,
            _TI.task_id,
            _TI.map_index,
            xcom.c.key,
            xcom.c.value,
            dag_run.c.logical_date,
            xcom.c.created_at,
        )
        .join(task_instance, _TI.pk == xcom.c.ti_pk)
        .join(dag_run, dag_run.c.pk == _TI.run_pk)
        .where(dag_run.c.dag_id == dag_id)
    )
    is_this = dag_run.c.run_id == run_id
    if not include_prior_dates:
        return query.where(is_this)
    this = dag_run.alias("this")
    date = sa.select(this.c.logical_date).where(this.c.dag_id == dag_id, this.c.run_id == run_id).scalar_subquery()
    return query.where(sa.or_(is_this, dag_run.c.logical_date < date))


def _pks(dag_id: str, run_id: str, task_id: str, map_index: int) -> Any:
    """Return the query of a task instance's number."""
    return (
        sa.select(_TI.pk)
        .join(dag_run, dag_run.c.pk == _TI.run_pk)
        .where(
            dag_run.c.dag_id == dag_id,
            dag_run.c.run_id == run_id,
            _TI.task_id == task_id,
            _TI.map_index == map_index,
        )
    )


def _existing(connection: sa.Connection, request: RunRequest) -> RunDetail | None:
    """Return the run that stands in the way of the request."""
    row = connection.execute(
        sa.select(*RUN_COLUMNS)
        .where(
            dag_run.c.dag_id == request.dag_id,
            sa.or_(dag_run.c.run_id == request.run_id, dag_run.c.logical_date == request.logical_date),
        )
        .order_by((dag_run.c.run_id == request.run_id).desc())
        .limit(1),
    ).first()
    return None if row is None else run_detail(row)


def _xcom_record(row: Any) -> XComRecord:
    dag_id, run_id, task_id, map_index, key, value, logical_date, created_at = row
    return XComRecord(
        dag_id=dag_id,
        run_id=run_id,
        task_id=task_id,
        map_index=map_index,
        key=key,
        value=value,
        logical_date=logical_date,
        created_at=created_at,
    )


def _task_instance_record(fields: dict[str, Any]) -> TaskInstanceRecord:
    """Return the record, with no state as Airflow shows it: None."""
    if fields["state"] == TaskInstanceState.NONE.value:
        fields["state"] = None
    return TaskInstanceRecord(**fields)


def _run_record(run: RunDetail) -> DagRunRecord:
    return DagRunRecord(
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type.value,
        state=run.state.value,
        logical_date=run.logical_date,
        data_interval_start=run.data_interval_start,
        data_interval_end=run.data_interval_end,
        run_after=run.run_after,
        start_date=run.started_at,
        end_date=run.ended_at,
        conf=run.conf,
        partition_key=run.partition_key,
        partition_date=run.partition_date,
    )
