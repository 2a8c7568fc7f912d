"""What asks for a slot, and how it may hold one."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tradewind.core.ids import DagRunPk, TaskInstancePk
    from tradewind.core.limits.lines import Key


class Candidate(NamedTuple):
    """A scheduled task instance with all that decides whether and when it is queued.

    Of two that fit, the one with the higher `priority` goes first, then the one with the smaller `order`: the run's
    logical date (its run-after date where it has none) as a timestamp, then the slot, as Airflow orders.
    """

    ti_pk: TaskInstancePk
    dag_id: str
    run_pk: DagRunPk
    task_id: str
    pool: str
    pool_slots: int
    priority: int
    order: tuple[float, int]
    max_active_tasks: int
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    queue: str = "default"
    executor: str | None = None

    @property
    def key(self) -> Key:
        """The place in every line: a smaller key goes first, and no two task instances share one."""
        return (-self.priority, *self.order, self.ti_pk)


class Hold(Enum):
    """How much a task instance holds of its limits."""

    SLOT = "slot"
    """Queued or running: it counts everywhere."""

    DEFERRED = "deferred"
    """Handed to a trigger: it counts for the limits of its task, and in its pool where that includes deferred ones."""

    AWAITING_INPUT = "awaiting_input"
    """Waiting for a human: it counts for the limits of its task and never in a pool."""
