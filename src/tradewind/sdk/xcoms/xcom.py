"""XComs by their address, for author code that has more to say than `ti.xcom_pull`; and the base of XCom backends.

`BaseXCom` keeps values as JSON in the database; `XCom`, under which authors know it, is the installation's backend. Of a method's arguments those come first that Airflow 3 takes; those that only Airflow 2 has are noted.
"""

# Airflow 2 lets callers pass a database session, which means nothing here.
# ruff: noqa: ARG003

from __future__ import annotations

from tradewind.sdk.ports import worker_store, xcom_codec
from tradewind.sdk.xcoms.places import of_current_task, run_of_date
from tradewind.sdk.xcoms.rows import Rows, XComRow, several
from tradewind.sdk.xcoms.storing import from_stored, purge, row_of, to_stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from typing import Any

    from tradewind.sdk.runtime.task_instance import TaskInstanceKey

XCOM_RETURN_KEY = "return_value"


class BaseXCom(XComRow):
    """Reads and writes XComs of any task instance through the worker store; an instance is one stored XCom.

    A backend overrides `serialize_value` and `deserialize_value`, and `purge` when it keeps values elsewhere.
    """

    XCOM_RETURN_KEY = XCOM_RETURN_KEY

    keeps_json = True
    """Whether values go to the database as they are: not so for a backend."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.keeps_json = False

    # ---- what a backend overrides ------------------------------------------------------------------------------------

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        """Return what is stored for a value: plain JSON types. A backend may also return bytes.

        Raises `XComValueError` for what cannot be written as JSON.
        """
        del task_id, dag_id, run_id, map_index  # a backend's need
        return xcom_codec().plain_value(value, key=key or XCOM_RETURN_KEY)

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """Return the value of a stored XCom, whose `value` is what `serialize_value` returned."""
        stored = result.value
        return xcom_codec().decode_value(stored) if isinstance(stored, bytes) else xcom_codec().revive(stored)

    def orm_deserialize_value(self) -> Any:
        """Return the value for a page: Airflow 2 asks a backend for something cheap here, Tradewind never calls it."""
        return BaseXCom.deserialize_value(self)

    @classmethod
    def purge(cls, xcom: Any, *args: Any) -> None:
        """Delete what the backend keeps elsewhere of an XCom that is about to be deleted."""

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> BaseXCom:
        """Return the XCom of a row of the worker store, with its value."""
        from tradewind.serialization.records import XComRecord  # noqa: PLC0415 - sdk loads it when asked

        record = XComRecord(
            dag_id=row["dag_id"],
            run_id=row["run_id"],
            task_id=row["task_id"],
            map_index=row["map_index"],
            key=row["key"],
            value=row["value"],
            logical_date=row["logical_date"],
            created_at=row["timestamp"],
        )
        return row_of(cls, record, from_stored(cls, record))

    # ---- reading -----------------------------------------------------------------------------------------------------

    @classmethod
    def get_one(  # noqa: PLR0913 - both Airflows' arguments
        cls,
        execution_date: datetime | None = None,
        key: str | None = XCOM_RETURN_KEY,
        task_id: str | None = None,
        dag_id: str | None = None,
        include_prior_dates: bool = False,
        *,
        run_id: str | None = None,
        map_index: int | None = None,
        ti_key: TaskInstanceKey | None = None,
        session: object = None,
    ) -> Any:
        """Return one XCom's value, None when there is none.

        With `include_prior_dates` the newest of this run or of earlier ones. Without a dag_id that of the task at
        work.
        """
        if ti_key is not None:
            dag_id, task_id, run_id, map_index = ti_key.dag_id, ti_key.task_id, ti_key.run_id, ti_key.map_index
        dag_id, run_id = of_current_task(dag_id, run_id or run_of_date(dag_id, execution_date, "XCom.get_one"))
        if task_id is None or key is None:
            found = worker_store().get_xcoms(
                dag_id=dag_id,
                run_id=run_id,
                task_ids=None if task_id is None else [task_id],
                map_indexes=None if map_index is None else [map_index],
                key=key,
                include_prior_dates=include_prior_dates,
            )
            record = max(found, key=lambda each: (each.created_at is not None, each.created_at), default=None)
        else:
            record = worker_store().get_xcom(
                dag_id=dag_id,
                run_id=run_id,
                task_id=task_id,
                map_index=-1 if map_index is None else map_index,
                key=key,
                include_prior_dates=include_prior_dates,
            )
        return None if record is None else from_stored(cls, record)

    @classmethod
    def get_value(cls, *, ti_key: TaskInstanceKey, key: str | None = XCOM_RETURN_KEY, session: object = None) -> Any:
        """Return the value that a task instance pushed, None when there is none."""
        return cls.get_one(ti_key=ti_key, key=key)

    @classmethod
    def get_all(
        cls,
        *,
        key: str = XCOM_RETURN_KEY,
        dag_id: str,
        run_id: str,
        task_ids: str | Sequence[str] | None = None,
        task_id: str | None = None,
        include_prior_dates: bool = False,
        map_index: int | None = None,
    ) -> list[Any]:
        """Return the values of every task instance that pushed one, by task_id and map index.

        `task_id` names one task, as Airflow 3 does.
        """
        task_ids = task_ids if task_id is None else task_id
        records = worker_store().get_xcoms(
            dag_id=dag_id,
            run_id=run_id,
            task_ids=None if task_ids is None else several(task_ids),
            map_indexes=None if map_index is None else [map_index],
            key=key,
            include_prior_dates=include_prior_dates,
        )
        return [from_stored(cls, record) for record in records]

    @classmethod
    def get_many(  # noqa: PLR0913 - Airflow 2's signature
        cls,
        execution_date: datetime | None = None,
        key: str | None = None,
        task_ids: str | Iterable[str] | None = None,
        dag_ids: str | Iterable[str] | None = None,
        include_prior_dates: bool = False,
        limit: int | None = None,
        session: object = None,
        *,
        run_id: str | None = None,
        map_indexes: int | Iterable[int] | None = None,
    ) -> Rows:
        """Return the XComs that match, the newest first: a list of rows that also has `all()` and `first()`."""
        from tradewind.sdk.deprecations import note_deprecated  # noqa: PLC0415 - few tasks ask

        note_deprecated("XCom.get_many()", "ti.xcom_pull() or XCom.get_all()")
        found: list[Any] = []
        for dag_id in [None] if dag_ids is None else several(dag_ids):
            one_dag_id, one_run_id = of_current_task(dag_id, run_id or run_of_date(dag_id, execution_date, ""))
            found += worker_store().get_xcoms(
                dag_id=one_dag_id,
                run_id=one_run_id,
                task_ids=None if task_ids is None else several(task_ids),
                map_indexes=None if map_indexes is None else several(map_indexes),
                key=key,
                include_prior_dates=include_prior_dates,
            )
        found.sort(key=lambda each: (each.logical_date is not None, each.logical_date, each.created_at), reverse=True)
        return Rows(row_of(cls, record, from_stored(cls, record)) for record in found[:limit])

    # ---- writing -----------------------------------------------------------------------------------------------------

    @classmethod
    def set(  # noqa: PLR0913 - both Airflows' arguments
        cls,
        key: str,
        value: Any,
        task_id: str | None = None,
        dag_id: str | None = None,
        execution_date: datetime | None = None,
        session: object = None,
        *,
        run_id: str | None = None,
        map_index: int = -1,
        dag_result: bool = False,
        _mapped_length: int | None = None,
    ) -> None:
        """Store a value; replaces an earlier one. Raises `XComValueError` for what cannot be written as JSON."""
        if not key:
            raise ValueError(f"an XCom needs a key; task {task_id!r} gave {key!r}")
        if not task_id:
            raise ValueError(f"XCom.set({key!r}) needs the task_id of the task whose XCom it is")
        dag_id, run_id = of_current_task(dag_id, run_id or run_of_date(dag_id, execution_date, "XCom.set"))
        place: dict[str, Any] = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}
        worker_store().set_xcom(**place, key=key, value=to_stored(cls, value, key=key, **place))

    @classmethod
    def delete(
        cls,
        key: Any,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
        session: object = None,
    ) -> None:
        """Delete one XCom, if there is one; or, as in Airflow 2, the rows that `get_many` returned."""
        if not isinstance(key, str):
            rows: list[XComRow] = several(key)
            for row in rows:
                cls._delete(row.dag_id, row.run_id, row.task_id, row.map_index, row.key)
            return
        if task_id is None:
            raise ValueError(f"XCom.delete({key!r}) needs the task_id of the task whose XCom it is")
        dag_id, run_id = of_current_task(dag_id, run_id)
        cls._delete(dag_id, run_id, task_id, -1 if map_index is None else map_index, key)

    @classmethod
    def clear(
        cls,
        execution_date: datetime | None = None,
        dag_id: str | None = None,
        task_id: str | None = None,
        session: object = None,
        *,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> None:
        """Delete every XCom of a task instance, of a mapped task with no map index those of all of them."""
        if task_id is None:
            raise ValueError("XCom.clear() needs the task_id of the task whose XComs they are")
        dag_id, run_id = of_current_task(dag_id, run_id or run_of_date(dag_id, execution_date, "XCom.clear"))
        cls._delete(dag_id, run_id, task_id, map_index, None)

    @classmethod
    def _delete(cls, dag_id: str, run_id: str, task_id: str, map_index: int | None, key: str | None) -> None:
        store = worker_store()
        if map_index is not None and cls.keeps_json:
            store.delete_xcoms(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index, key=key)
            return
        records = store.get_xcoms(
            dag_id=dag_id,
            run_id=run_id,
            task_ids=[task_id],
            map_indexes=None if map_index is None else [map_index],
            key=key,
        )
        for record in records:
            purge(cls, record)
        for index in sorted({record.map_index for record in records}):
            store.delete_xcoms(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=index, key=key)

    # ---- the same without holding up an event loop -------------------------------------------------------------------

    @classmethod
    async def aget_one(cls, **kwargs: Any) -> Any:
        """Return what `get_one` returns."""
        return await _in_thread(lambda: cls.get_one(**kwargs))

    @classmethod
    async def aget_value(cls, *, ti_key: TaskInstanceKey, key: str) -> Any:
        """Return what `get_value` returns."""
        return await _in_thread(lambda: cls.get_value(ti_key=ti_key, key=key))

    @classmethod
    async def aget_all(cls, **kwargs: Any) -> list[Any]:
        """Return what `get_all` returns."""
        return await _in_thread(lambda: cls.get_all(**kwargs))

    @classmethod
    async def aset(cls, key: str, value: Any, **kwargs: Any) -> None:
        """Do what `set` does."""
        await _in_thread(lambda: cls.set(key, value, **kwargs))

    @classmethod
    async def adelete(cls, key: str, **kwargs: Any) -> None:
        """Do what `delete` does."""
        await _in_thread(lambda: cls.delete(key, **kwargs))


async def _in_thread(act: Callable[[], Any]) -> Any:
    import asyncio

    return await asyncio.to_thread(act)
