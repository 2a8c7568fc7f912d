"""One type per entity's identifier, so that a run's number is never passed for an instance's."""

from __future__ import annotations

from typing import NewType

DagRunPk = NewType("DagRunPk", int)
"""The database's number of a DAG run."""

TaskInstancePk = NewType("TaskInstancePk", int)
"""The database's number of a task instance: its run's number shifted left, plus its slot in the run."""

SLOT_BITS = 24
"""A run holds at most 2**24 task instances, mapped ones included."""


def task_instance_pk(run: DagRunPk, slot: int) -> TaskInstancePk:
    """Return the number of the instance in `slot` of `run`. Neither side has to ask the database for it."""
    if not 0 <= slot < 1 << SLOT_BITS:
        msg = f"a DAG run holds at most {1 << SLOT_BITS} task instances, slot {slot} is beyond it"
        raise ValueError(msg)
    return TaskInstancePk((run << SLOT_BITS) | slot)


def run_pk_of(task_instance: TaskInstancePk) -> DagRunPk:
    """Return the number of the run that the instance belongs to."""
    return DagRunPk(task_instance >> SLOT_BITS)


def slot_of(task_instance: TaskInstancePk) -> int:
    """Return the instance's place in its run."""
    return task_instance & ((1 << SLOT_BITS) - 1)
