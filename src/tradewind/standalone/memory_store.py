"""A worker store in memory: what `dag.test()` and `tasks test` use where no database is needed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from tradewind.sdk.exceptions import DagRunAlreadyExists
from tradewind.serialization.records import DagRecord, DagRunRecord, TaskInstanceRecord, XComRecord
from tradewind.serialization.rows import check_query, select
from tradewind.standalone.memory_assets import MemoryAssets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from typing import Any, Protocol

    from tradewind.core.clock import Clock
    from tradewind.serialization.records import ConnectionRecord

    class Behind(Protocol):
        """Where variables, connections and other DAGs come from: the database when there is one."""

        def get_variable(self, key: str) -> str | None:
            """Return a variable's value."""
            ...

        def get_variable_keys(self, prefix: str = "") -> list[str]:
            """Return the keys with that prefix."""
            ...

        def get_connection(self, conn_id: str) -> ConnectionRecord | None:
            """Return a connection."""
            ...

        def get_dag(self, dag_id: str) -> DagRecord | None:
            """Return a DAG in outline."""
            ...

        @property
        def get_dag_runs(self) -> Callable[..., list[DagRunRecord]]:
            """Return the runs that match; the arguments are those of the worker store."""
            ...

        @property
        def find_rows(self) -> Callable[..., list[dict[str, Any]]]:
            """Return rows by condition; the arguments are those of the worker store."""
            ...

        @property
        def get_task_instances(self) -> Callable[..., list[TaskInstanceRecord]]:
            """Return the task instances that match; the arguments are those of the worker store."""
            ...


_log = logging.getLogger("tradewind.task")


class MemoryStore(MemoryAssets):
    """`tradewind.sdk.ports.WorkerStore` in memory. What tasks write stays here; what they read may come from `behind`."""

    def __init__(self, clock: Clock, behind: Behind | None = None) -> None:
        """Read from `behind`, if given, variables and connections that were not set here, and what it has of other DAGs."""
        self.variables: dict[str, str] = {}
        self.connections: dict[str, ConnectionRecord] = {}
        self.dags: dict[str, DagRecord] = {}
        self.runs: dict[tuple[str, str], DagRunRecord] = {}
        self.task_instances: Callable[[], list[TaskInstanceRecord]] = list
        """Asked for the state of the run under test."""
        self.starters: dict[str, Callable[[str, datetime | None, dict[str, Any]], DagRunRecord]] = {}
        """By dag_id: what carries a run of a SubDAG out, given its run_id, logical date and conf."""
        self._deleted: set[str] = set()
        self._states: dict[tuple[Any, ...], dict[str, str]] = {}
        self._xcoms: dict[tuple[str, str, str, int, str], XComRecord] = {}
        self._clock = clock
        self._behind = behind
        MemoryAssets.__init__(self, behind)

    def get_variable(self, key: str) -> str | None:
        """Return the value, or None when there is no such variable."""
        if key in self.variables:
            return self.variables[key]
        return self._behind.get_variable(key) if self._behind is not None and key not in self._deleted else None

    def set_variable(self, key: str, value: str, description: str | None = None) -> None:
        """Create or overwrite a variable, here only."""
        del description  # shown in pages, which a test run has not
        self.variables[key] = value

    def delete_variable(self, key: str) -> bool:
        """Delete a variable, here only; return whether there was one."""
        was_there = self.get_variable(key) is not None
        self.variables.pop(key, None)
        self._deleted.add(key)
        return was_there

    def get_variable_keys(self, prefix: str = "") -> list[str]:
        """Return the sorted keys that start with `prefix`."""
        behind = self._behind.get_variable_keys(prefix) if self._behind is not None else []
        keys = {key for key in behind if key not in self._deleted}
        return sorted(keys | {key for key in self.variables if key.startswith(prefix)})

    def get_connection(self, conn_id: str) -> ConnectionRecord | None:
        """Return the connection, or None when there is no such one."""
        if conn_id in self.connections:
            return self.connections[conn_id]
        return self._behind.get_connection(conn_id) if self._behind is not None else None

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
        """Return one XCom of this test run."""
        del include_prior_dates  # there is one run
        return self._xcoms.get((dag_id, run_id, task_id, map_index, key))

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
        """Return every XCom that matches, by task_id and map index."""
        del include_prior_dates  # there is one run
        found = [
            record
            for record in self._xcoms.values()
            if (record.dag_id, record.run_id) == (dag_id, run_id)
            and (task_ids is None or record.task_id in task_ids)
            and (map_indexes is None or record.map_index in map_indexes)
            and (key is None or record.key == key)
        ]
        return sorted(found, key=lambda record: (record.task_id, record.map_index, record.key))

    def get_xcom_map_indexes(self, *, dag_id: str, run_id: str, task_id: str, key: str) -> list[int]:
        """Return in order the map indexes, of 0 and more, for which a task pushed this key."""
        owner = (dag_id, run_id, task_id)
        return sorted(name[3] for name in self._xcoms if name[:3] == owner and name[3] >= 0 and name[4] == key)

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
        """Store one XCom."""
        self._xcoms[dag_id, run_id, task_id, map_index, key] = XComRecord(
            dag_id=dag_id,
            run_id=run_id,
            task_id=task_id,
            map_index=map_index,
            key=key,
            value=value,
            created_at=self._clock.now(),
        )

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
        owner = (dag_id, run_id, task_id, map_index)
        for name in [name for name in self._xcoms if name[:4] == owner and key in {None, name[4]}]:
            del self._xcoms[name]

    def get_dag(self, dag_id: str) -> DagRecord | None:
        """Return the DAG under test, or another one, in outline."""
        if dag_id in self.dags:
            return self.dags[dag_id]
        return self._behind.get_dag(dag_id) if self._behind is not None else None

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
        """Return matching runs, newest logical date first."""
        if self._behind is not None and not self._has_run_of(dag_id):
            return self._behind.get_dag_runs(
                dag_id=dag_id,
                run_ids=run_ids,
                logical_dates=logical_dates,
                state=state,
                run_type=run_type,
                before_logical_date=before_logical_date,
                after_logical_date=after_logical_date,
                limit=limit,
            )
        found = [
            run
            for run in self.runs.values()
            if run.dag_id == dag_id
            and (run_ids is None or run.run_id in run_ids)
            and (logical_dates is None or run.logical_date in logical_dates)
            and state in {None, run.state}
            and run_type in {None, run.run_type}
            and _is_between(run.logical_date, after_logical_date, before_logical_date)
        ]
        found.sort(key=lambda run: run.logical_date or run.run_after, reverse=True)
        return found[:limit]

    def get_task_instances(
        self,
        *,
        dag_id: str,
        run_ids: Sequence[str] | None = None,
        logical_dates: Sequence[datetime] | None = None,
        task_ids: Sequence[str] | None = None,
        states: Sequence[str] | None = None,
    ) -> list[TaskInstanceRecord]:
        """Return matching task instances: of the run under test, or of another DAG."""
        if self._behind is not None and not self._has_run_of(dag_id):
            return self._behind.get_task_instances(
                dag_id=dag_id, run_ids=run_ids, logical_dates=logical_dates, task_ids=task_ids, states=states
            )
        return [
            instance
            for instance in self.task_instances()
            if instance.dag_id == dag_id
            and (run_ids is None or instance.run_id in run_ids)
            and (logical_dates is None or instance.logical_date in logical_dates)
            and (task_ids is None or instance.task_id in task_ids)
            and (states is None or instance.state in states)
        ]

    def get_states(self, *, owner: Sequence[Any], key: str | None = None) -> dict[str, str]:
        """Return JSON by key of a task instance or an asset: what this test has written."""
        states = self._states.get(tuple(owner), {})
        return {name: value for name, value in states.items() if key in {None, name}}

    def set_state(self, *, owner: Sequence[Any], key: str, value: str, expires_at: datetime | None = None) -> None:
        """Write one value."""
        del expires_at  # a test is over sooner
        self._states.setdefault(tuple(owner), {})[key] = value

    def delete_states(self, *, owner: Sequence[Any], key: str | None = None) -> None:
        """Delete one value, or all of the owner."""
        for name in [name for name in self._states.get(tuple(owner), {}) if key in {None, name}]:
            del self._states[tuple(owner)][name]

    def find_rows(
        self,
        *,
        table: str,
        filters: Sequence[tuple[str, str, Any]] = (),
        order_by: Sequence[tuple[str, bool]] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """Return rows by condition, of the run under test and of what is behind. Raises ValueError for what cannot be asked."""
        check_query(table, filters, order_by)
        behind = self._behind.find_rows(table=table, filters=filters) if self._behind is not None else []
        own = self._rows(table)
        keys = {_key(row) for row in own}
        rows = [*own, *(row for row in behind if _key(row) not in keys)]
        return select(rows, filters, order_by, limit=limit, offset=offset)

    def _rows(self, table: str) -> list[dict[str, Any]]:
        if table == "dag":
            return [{"dag_id": dag.dag_id, "is_paused": dag.is_paused, "is_active": True} for dag in self.dags.values()]
        if table == "variable":
            return [{"key": key} for key in self.variables]
        records: dict[str, Iterable[Any]] = {
            "connection": self.connections.values(),
            "dag_run": self.runs.values(),
            "task_instance": self.task_instances(),
            "xcom": self._xcoms.values(),
        }
        rows = [msgspec.structs.asdict(record) for record in records.get(table, ())]
        for row in rows:
            row["timestamp"] = row.get("created_at")
        return rows

    def _has_run_of(self, dag_id: str) -> bool:
        return any(known == dag_id for known, _ in self.runs)

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
        """Note the wish, as a run that has succeeded: no scheduler is there to carry it out, and a test shall go on.

        Raises `DagRunAlreadyExists` as the real store does.
        """
        del note  # shown in pages, which a test run has not
        now = self._clock.now()
        run_id = run_id or f"manual__{(logical_date or now).isoformat()}"
        there = self.runs.get((dag_id, run_id))
        if there is not None and not reset:
            raise DagRunAlreadyExists(there)
        start = self.starters.get(dag_id)
        if start is not None:
            return start(run_id, logical_date, conf or {})
        _log.warning("A test starts no other runs: run %s of DAG %s counts as successful", run_id, dag_id)
        record = DagRunRecord(
            dag_id=dag_id,
            run_id=run_id,
            run_type="manual",
            state="success",
            logical_date=logical_date,
            run_after=run_after or now,
            conf=conf or {},
        )
        self.runs[record.dag_id, record.run_id] = record
        return record


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what identifies a row, whatever its table."""
    return tuple(row.get(name) for name in ("dag_id", "run_id", "task_id", "map_index", "key", "pool", "conn_id"))


def _is_between(date: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if date is None:
        return after is None and before is None
    return (after is None or date > after) and (before is None or date < before)
