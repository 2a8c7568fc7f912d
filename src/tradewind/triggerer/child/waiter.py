"""The task instance that waits for a trigger, as the trigger sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.sdk.ports import worker_store
from tradewind.sdk.runtime.task_instance import TaskInstance
from tradewind.sdk.xcoms.backend import xcom_backend
from tradewind.sdk.xcoms.storing import from_stored
from tradewind.serialization.records import TaskInstanceRecord

if TYPE_CHECKING:
    from tradewind.serialization.messages import RunTask


class WaitingTaskInstance(TaskInstance):
    """A task instance that is deferred, with what templates ask of it."""

    def __init__(self, order: RunTask) -> None:
        super().__init__(
            TaskInstanceRecord(
                dag_id=order.dag_id,
                run_id=order.dag_run.run_id,
                task_id=order.task_id,
                map_index=order.map_index,
                state="deferred",
                try_number=order.try_number,
                max_tries=order.max_tries,
                operator=order.operator,
                pool=order.pool,
                logical_date=order.dag_run.logical_date,
                start_date=order.first_started_at,
            )
        )
        self.order = order
        self.task: Any = None
        self.queue = order.queue

    @property
    def id(self) -> int:
        """The database's number of the task instance."""
        return self.order.ti_pk

    def xcom_pull(
        self, task_ids: str | list[str] | None = None, key: str = "return_value", dag_id: str | None = None, **_: Any
    ) -> Any:
        """Return what another task has pushed; of several tasks a list."""
        names = [task_ids] if isinstance(task_ids, str) else list(task_ids or [self.task_id])
        values: list[Any] = []
        for task_id in names:
            found = worker_store().get_xcom(
                dag_id=dag_id or self.dag_id, run_id=self.run_id, task_id=task_id, map_index=-1, key=key
            )
            values.append(None if found is None else from_stored(xcom_backend(), found))
        return values[0] if task_ids is None or isinstance(task_ids, str) else values
