"""What author code says of a task instance before there is one: its weight by try, and what a policy changes of it.

Asked where the DAG document is made, which takes the answers as plain numbers and texts: the scheduler runs no author code.
"""

from __future__ import annotations

from tradewind.sdk.policies.cluster import has_mutation_hook, mutate
from tradewind.sdk.policies.weights import strategy_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_TRIES_ASKED = 20
"""Later tries have the weight of the last one that was asked for."""

_MUTABLE = ("executor", "pool", "pool_slots", "priority_weight", "queue")
"""What of a task instance `task_instance_mutation_hook` can change."""


class PlannedInstance:
    """A task instance as a strategy or a policy sees it before there is one: a task of a DAG, and a number of a try."""

    def __init__(self, task: Any, try_number: int) -> None:
        self.task = task
        self.task_id = task.task_id
        self.dag_id = task.dag_id
        self.try_number = try_number
        self.map_index = -1
        self.run_id = None
        self.dag_run = None
        self.state = None
        self.max_tries = task.retries
        self.operator = task.task_type
        self.pool = task.pool
        self.pool_slots = task.pool_slots
        self.queue = task.queue
        self.priority_weight = task.priority_weight
        self.executor = task.executor
        self.executor_config = task.executor_config

    def get_dagrun(self, session: object = None) -> None:
        """Return None: there is no run yet."""


def weights_by_try(task: Any) -> list[int]:
    """Return the weight of each try of a task whose `weight_rule` is a strategy, without equal ones at the end."""
    strategy = strategy_of(task.weight_rule)
    tries = range(1, min(task.retries + 1, MAX_TRIES_ASKED) + 1)
    weights = [int(strategy.get_weight(PlannedInstance(task, number))) for number in tries]
    while len(weights) > 1 and weights[-1] == weights[-2]:
        weights.pop()
    return weights


def planned_fields(task: Any) -> dict[str, Any]:
    """Return the fields of the document in which the task differs from its own arguments."""
    fields: dict[str, Any] = {}
    if not has_mutation_hook():
        return fields
    planned = mutate(PlannedInstance(task, 1))
    for name in _MUTABLE:
        value = getattr(planned, name, None)
        if value != getattr(task, name):
            fields[name] = value
    return fields
