"""What author code needs from the system around it, as protocols. The composition root installs implementations.

`worker_store()` gives the store of the process: in a worker the pipe to the scheduler, in the DAG processor's children
a read-only one, in `dag.test()` and `tradewind python` one in memory. Without any, reading an environment variable
still works and everything else says what is missing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any, Protocol

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.serialization.records import (
        AssetEventRecord,
        AssetRecord,
        ConnectionRecord,
        DagRecord,
        DagRunRecord,
        TaskInstanceRecord,
        XComRecord,
    )

    class WorkerStore(Protocol):
        """The metadata a running task may touch. Values are JSON text or plain records; dates are aware, in UTC.

        Every method raises `StoreUnavailableError` when the other side is gone.
        """

        def get_variable(self, key: str) -> str | None:
            """Return the decrypted value, or None when there is no such variable."""
            ...

        def set_variable(self, key: str, value: str, description: str | None = None) -> None:
            """Create or overwrite a variable."""
            ...

        def delete_variable(self, key: str) -> bool:
            """Delete a variable; return whether there was one."""
            ...

        def get_variable_keys(self, prefix: str = "") -> list[str]:
            """Return the sorted keys that start with `prefix`."""
            ...

        def get_connection(self, conn_id: str) -> ConnectionRecord | None:
            """Return the decrypted connection, or None when there is no such one."""
            ...

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
            ...

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
            """Return every XCom that matches, by task_id and map index; None matches all."""
            ...

        def get_xcom_map_indexes(self, *, dag_id: str, run_id: str, task_id: str, key: str) -> list[int]:
            """Return in order the map indexes, of 0 and more, for which a task pushed this key."""
            ...

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
            """Store one XCom, `value` being JSON; replaces an earlier one of the same key."""
            ...

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
            ...

        def get_dag(self, dag_id: str) -> DagRecord | None:
            """Return the newest version of a DAG in outline, or None when there is no such DAG."""
            ...

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
            ...

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
            ...

        def get_asset(self, *, name: str | None = None, uri: str | None = None) -> AssetRecord | None:
            """Return the asset of that name, or of that URI, or None when nothing defines it."""
            ...

        def get_asset_events(
            self,
            *,
            name: str | None = None,
            uri: str | None = None,
            alias: str | None = None,
            after: datetime | None = None,
            before: datetime | None = None,
            is_ascending: bool = True,
            limit: int | None = None,
        ) -> list[AssetEventRecord]:
            """Return the events of an asset, or those through an alias, oldest first; both dates are included."""
            ...

        def get_triggering_asset_events(self, *, dag_id: str, run_id: str) -> list[AssetEventRecord]:
            """Return the events that a run was created for, oldest first."""
            ...

        def get_inactive_assets(self, *, assets: Sequence[Sequence[str]]) -> list[list[str]]:
            """Return those of the assets, each a name and a URI, whose name or URI an earlier asset has."""
            ...

        def get_states(self, *, owner: Sequence[Any], key: str | None = None) -> dict[str, str]:
            """Return JSON by key: of `("task", dag_id, run_id, task_id, map_index)` or of `("asset", name)`."""
            ...

        def set_state(self, *, owner: Sequence[Any], key: str, value: str, expires_at: datetime | None = None) -> None:
            """Write one value of an owner."""
            ...

        def delete_states(self, *, owner: Sequence[Any], key: str | None = None) -> None:
            """Delete one value of an owner, or all."""
            ...

        def find_rows(
            self,
            *,
            table: str,
            filters: Sequence[tuple[str, str, Any]] = (),
            order_by: Sequence[tuple[str, bool]] = (),
            limit: int | None = None,
            offset: int = 0,
        ) -> list[dict[str, Any]]:
            """Return rows of a table of `tradewind.serialization.rows`, by condition and in order."""
            ...

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
            """Create a run of another DAG. Raises `DagRunAlreadyExists` or `DagNotFound`."""
            ...

    class XComCodec(Protocol):
        """Makes XCom values into JSON and back."""

        def encode_value(self, value: Any, *, key: str = "return_value") -> bytes:
            """Return the value as JSON; raises `XComValueError`, which names the key."""
            ...

        def decode_value(self, data: bytes) -> Any:
            """Return the value."""
            ...

        def plain_value(self, value: Any, *, key: str = "return_value") -> Any:
            """Return the value made of plain JSON types; raises `XComValueError`."""
            ...

        def decode_plain(self, data: bytes) -> Any:
            """Return the plain JSON types, not made into values."""
            ...

        def revive(self, value: Any) -> Any:
            """Return the value that plain JSON types stand for."""
            ...

        def allow_classes(self, globs: Sequence[str], regexps: Sequence[str]) -> None:
            """Let objects of these classes be made from JSON."""
            ...

    class DagTestRunner(Protocol):
        """Runs a DAG to its end in this process: what `dag.test()` calls."""

        def __call__(
            self,
            dag: DAG,
            *,
            logical_date: datetime | None = None,
            run_conf: dict[str, Any] | None = None,
            conn_file_path: str | None = None,
            variable_file_path: str | None = None,
            mark_success_pattern: str | None = None,
            use_executor: bool = False,
            run_after: datetime | None = None,
        ) -> Any:
            """Return the finished run, as an object with Airflow's DagRun attributes."""
            ...


_worker_store: WorkerStore | None = None

_DAG_TEST_RUNNER = "tradewind.standalone.dag_test:run_dag_test"
"""By name, for it lives on a floor above: the one door through which `dag.test()` reaches the composition root."""

_XCOM_CODEC = "tradewind.xcom.values"
"""By name, for it lies in a room beside this one: how XComs are kept is no business of author code."""


class StoreUnavailableError(RuntimeError):
    """Author code asked for metadata where there is none, or the process that holds it has gone."""


def install_worker_store(store: WorkerStore | None) -> WorkerStore | None:
    """Make `store` the one this process uses; return the one before, so that a caller can put it back."""
    global _worker_store
    before, _worker_store = _worker_store, store
    return before


def worker_store() -> WorkerStore:
    """Return the process's store; raises `StoreUnavailableError` when none was installed."""
    if _worker_store is None:
        msg = (
            "no metadata store in this process: run the file with `tradewind python FILE`, "
            "or set the value in the environment (AIRFLOW_VAR_<KEY>, AIRFLOW_CONN_<CONN_ID>)"
        )
        raise StoreUnavailableError(msg)
    return _worker_store


def dag_test_runner() -> DagTestRunner:
    """Return what `dag.test()` calls."""
    from importlib import import_module  # noqa: PLC0415 - reached only when a DAG is tested

    module, _, name = _DAG_TEST_RUNNER.partition(":")
    return getattr(import_module(module), name)


def xcom_codec() -> XComCodec:
    """Return what makes XCom values into JSON and back."""
    from importlib import import_module  # noqa: PLC0415 - reached only when a task runs

    codec: Any = import_module(_XCOM_CODEC)
    return codec
