"""What `dag.test()` returns: the run with its task instances and XComs, after the store has gone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.runtime.dag_run import DagRun
from tradewind.sdk.runtime.task_instance import TaskInstance
from tradewind.worker.tries.xcom_pull import ANY, pull

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.serialization.records import DagRunRecord, TaskInstanceRecord
    from tradewind.standalone.memory_store import MemoryStore


class FinishedRun(DagRun):
    """A run that was tested, with Airflow's attributes of a DagRun."""

    def __init__(self, record: DagRunRecord, dag: DAG, store: MemoryStore) -> None:
        """Keep the store: it knows the task instances and what they left."""
        super().__init__(record)
        self._dag = dag
        self._store = store

    @property
    def dag(self) -> DAG:
        """The DAG that was tested."""
        return self._dag

    def get_task_instances(self, state: Any = None, session: object = None) -> list[TaskInstance]:
        """Return the task instances; `state` is one state or several, None all."""
        with _asking(self._store):
            found = super().get_task_instances(state=state, session=session)
        return [self._finished(ti) for ti in found]

    def get_task_instance(
        self, task_id: str, session: object = None, *, map_index: int = -1
    ) -> FinishedTaskInstance | None:
        """Return one task instance, None when there is none."""
        with _asking(self._store):
            found = super().get_task_instance(task_id, session, map_index=map_index)
        return None if found is None else self._finished(found)

    @property
    def task_instances(self) -> list[TaskInstance]:
        """The task instances."""
        return self.get_task_instances()

    def _finished(self, ti: TaskInstance) -> FinishedTaskInstance:
        return FinishedTaskInstance(ti._record, self._dag.get_task(ti.task_id), self._store)  # noqa: SLF001 - its own kind


class FinishedTaskInstance(TaskInstance):
    """A task instance of a tested run, whose XComs can still be read."""

    def __init__(self, record: TaskInstanceRecord, task: BaseOperator, store: MemoryStore) -> None:
        """Keep the task, which decides how its DAG's Airflow reads XComs."""
        super().__init__(record)
        self.task = task
        self._store = store

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str = "return_value",
        *,
        map_indexes: int | Iterable[int] | None = ANY,
        default: Any = None,
    ) -> Any:
        """Return an XCom of the run, as a task's `ti.xcom_pull` does."""
        with _asking(self._store):
            return pull(
                cast("Any", self),
                task_ids=task_ids,
                dag_id=dag_id or self.dag_id,
                run_id=self.run_id,
                key=key,
                include_prior_dates=False,
                map_indexes=map_indexes,
                default=default,
            )


@contextmanager
def _asking(store: MemoryStore) -> Iterator[None]:
    before = install_worker_store(store)
    try:
        yield
    finally:
        install_worker_store(before)
