"""XComs by their address, for author code that has more to say than `ti.xcom_pull`."""

from __future__ import annotations

from tradewind.sdk.ports import worker_store, xcom_codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tradewind.sdk.runtime.task_instance import TaskInstanceKey

XCOM_RETURN_KEY = "return_value"


class XCom:
    """Reads and writes XComs of any task instance through the worker store."""

    XCOM_RETURN_KEY = XCOM_RETURN_KEY

    @staticmethod
    def get_one(
        *,
        key: str = XCOM_RETURN_KEY,
        dag_id: str,
        task_id: str,
        run_id: str,
        map_index: int | None = None,
        include_prior_dates: bool = False,
    ) -> Any:
        """Return one XCom's value, None when there is none.

        With `include_prior_dates` the newest of this run or of earlier ones.
        """
        record = worker_store().get_xcom(
            dag_id=dag_id,
            run_id=run_id,
            task_id=task_id,
            map_index=-1 if map_index is None else map_index,
            key=key,
            include_prior_dates=include_prior_dates,
        )
        return None if record is None else xcom_codec().decode_value(record.value)

    @classmethod
    def get_value(cls, *, ti_key: TaskInstanceKey, key: str = XCOM_RETURN_KEY) -> Any:
        """Return the value that a task instance pushed, None when there is none."""
        return cls.get_one(
            key=key, dag_id=ti_key.dag_id, task_id=ti_key.task_id, run_id=ti_key.run_id, map_index=ti_key.map_index
        )

    @staticmethod
    def get_all(
        *,
        key: str = XCOM_RETURN_KEY,
        dag_id: str,
        run_id: str,
        task_ids: str | Sequence[str] | None = None,
        include_prior_dates: bool = False,
    ) -> list[Any]:
        """Return the values of every task instance that pushed one, by task_id and map index."""
        records = worker_store().get_xcoms(
            dag_id=dag_id,
            run_id=run_id,
            task_ids=[task_ids] if isinstance(task_ids, str) else task_ids,
            key=key,
            include_prior_dates=include_prior_dates,
        )
        return [xcom_codec().decode_value(record.value) for record in records]

    @staticmethod
    def set(key: str, value: Any, *, dag_id: str, task_id: str, run_id: str, map_index: int = -1) -> None:
        """Store a value; replaces an earlier one. Raises `XComValueError` for what cannot be written as JSON."""
        if not key:
            raise ValueError(f"an XCom needs a key; task {task_id!r} gave {key!r}")
        worker_store().set_xcom(
            dag_id=dag_id,
            run_id=run_id,
            task_id=task_id,
            map_index=map_index,
            key=key,
            value=xcom_codec().encode_value(value, key=key),
        )

    @staticmethod
    def delete(key: str, *, dag_id: str, task_id: str, run_id: str, map_index: int = -1) -> None:
        """Delete one XCom, if there is one."""
        worker_store().delete_xcoms(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index, key=key)

    @staticmethod
    def clear(*, dag_id: str, task_id: str, run_id: str, map_index: int = -1) -> None:
        """Delete every XCom of a task instance."""
        worker_store().delete_xcoms(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index)
