"""As much of a running task instance as the operators ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind import BaseOperator


class FakeInstance:
    """Keeps what is pushed and skipped."""

    map_index = -1
    try_number = 1

    def __init__(self, task: BaseOperator) -> None:
        self.task = task
        self.task_id = task.task_id
        self.dag_id = task.dag_id
        self.pushed: dict[str, Any] = {}
        self.skipped: list[str] = []

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.pushed[key] = value

    def skip_downstream(self, task_ids: Iterable[str]) -> None:
        """Keep the task_ids."""
        self.skipped += task_ids


def run(task: BaseOperator, **keys: Any) -> tuple[Any, FakeInstance]:
    """Execute a task with a plain context; return its result and the instance."""
    instance = FakeInstance(task)
    context = {"ti": instance, "task_instance": instance, "task": task, "dag": task.dag, "ds": "2024-01-01", **keys}
    return task.execute(context), instance
