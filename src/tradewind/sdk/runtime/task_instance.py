"""Task instances as author code sees them: others of a run, and the base of the one that runs."""

from __future__ import annotations

from typing import NamedTuple

from tradewind.sdk.lookups.columns import Model, columns_of
from tradewind.sdk.runtime.dates import as_pendulum
from tradewind.sdk.state import TaskInstanceState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pendulum import DateTime

    from tradewind.serialization.records import TaskInstanceRecord


class TaskInstanceKeyFields(NamedTuple):
    """The fields of a `TaskInstanceKey`."""

    dag_id: str
    task_id: str
    run_id: str
    try_number: int = 1
    map_index: int = -1


class TaskInstanceKey(TaskInstanceKeyFields):
    """What identifies one try of one task instance."""

    __slots__ = ()

    @property
    def primary(self) -> tuple[str, str, str, int]:
        """What identifies the task instance, whatever the try."""
        return self.dag_id, self.task_id, self.run_id, self.map_index

    @property
    def key(self) -> TaskInstanceKey:
        """The key itself, for code that takes either a task instance or its key."""
        return self

    def with_try_number(self, try_number: int) -> TaskInstanceKey:
        """Return the key of another try."""
        return TaskInstanceKey(self.dag_id, self.task_id, self.run_id, try_number, self.map_index)


class TaskInstance(metaclass=Model):
    """A view of one task instance as it was when it was looked up.

    The task instance at work, `context["ti"]`, is of a subclass that can also push and pull XComs.
    """

    __table_name__ = "task_instance"
    __columns__ = columns_of(
        """dag_id run_id task_id map_index state try_number max_tries start_date end_date operator pool pool_slots
        queue priority_weight hostname pid queued_dttm logical_date""",
        execution_date="logical_date",
    )

    def __init__(self, record: TaskInstanceRecord) -> None:
        self.dag_id = record.dag_id
        self.task_id = record.task_id
        self.run_id = record.run_id
        self.map_index = record.map_index
        self.try_number = record.try_number
        self.max_tries = record.max_tries
        self.operator = record.operator
        self.pool = record.pool
        self._state = record.state
        self._record = record

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> TaskInstance:
        """Return the task instance of a row of the worker store."""
        from tradewind.serialization.records import TaskInstanceRecord  # noqa: PLC0415 - sdk loads it when asked

        known = TaskInstanceRecord.__struct_fields__
        instance = TaskInstance(TaskInstanceRecord(**{name: value for name, value in row.items() if name in known}))
        vars(instance).update({name: value for name, value in row.items() if name not in known})
        return instance

    def __repr__(self) -> str:
        mapped = "" if self.map_index < 0 else f" map_index={self.map_index}"
        return f"<TaskInstance: {self.dag_id}.{self.task_id} {self.run_id}{mapped} [{self.state}]>"

    @property
    def state(self) -> TaskInstanceState | None:
        """The state when it was looked up, None for none yet."""
        return None if self._state in {None, "none"} else TaskInstanceState(self._state)

    @property
    def key(self) -> TaskInstanceKey:
        """What identifies this try."""
        return TaskInstanceKey(self.dag_id, self.task_id, self.run_id, self.try_number, self.map_index)

    @property
    def logical_date(self) -> DateTime | None:
        """The logical date of the run."""
        return as_pendulum(self._record.logical_date)

    @property
    def execution_date(self) -> DateTime | None:
        """The logical date of the run, by Airflow 2's name."""
        return self.logical_date

    @property
    def start_date(self) -> DateTime | None:
        """When the try began."""
        return as_pendulum(self._record.start_date)

    @property
    def end_date(self) -> DateTime | None:
        """When the try ended."""
        return as_pendulum(self._record.end_date)

    @property
    def duration(self) -> float | None:
        """Seconds from begin to end, None before the end."""
        start, end = self._record.start_date, self._record.end_date
        return None if start is None or end is None else (end - start).total_seconds()

    def current_state(self, session: Any = None) -> TaskInstanceState | None:  # noqa: ARG002 - Airflow 2's callers pass one
        """Return the state it is in now."""
        from tradewind.sdk.ports import worker_store  # noqa: PLC0415 - few tasks ask

        records = worker_store().get_task_instances(dag_id=self.dag_id, run_ids=[self.run_id], task_ids=[self.task_id])
        for record in records:
            if record.map_index == self.map_index:
                self._state = record.state
        return self.state
