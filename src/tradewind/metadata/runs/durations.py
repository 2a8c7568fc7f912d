"""How long the tasks of DAGs have taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.core.simulation import Spread
from tradewind.core.states import TaskInstanceState
from tradewind.metadata.tables import dag_run, task_instance

if TYPE_CHECKING:
    from collections.abc import Collection

    from tradewind.metadata.database import Database

MOST_ROWS = 200_000
"""So many of the newest task instances are looked at."""
_MOST_OF_TASK = 200


def task_durations(database: Database, dag_ids: Collection[str]) -> dict[tuple[str, str], Spread]:
    """Return by dag_id and task_id how long the last successful instances took; a task without any is not there."""
    run, instance = dag_run.c, task_instance.c
    query = (
        sa.select(run.dag_id, instance.task_id, instance.started_at, instance.ended_at)
        .select_from(task_instance.join(dag_run, run.pk == instance.run_pk))
        .where(
            instance.state == TaskInstanceState.SUCCESS.value,
            instance.started_at.is_not(None),
            instance.ended_at.is_not(None),
        )
        .order_by(instance.pk.desc())
        .limit(MOST_ROWS)
    )
    wanted = set(dag_ids)
    taken: dict[tuple[str, str], list[float]] = {}
    with database.read() as connection:
        for dag_id, task_id, started_at, ended_at in connection.execute(query):
            if dag_id in wanted:
                seconds = taken.setdefault((dag_id, task_id), [])
                if len(seconds) < _MOST_OF_TASK:
                    seconds.append((ended_at - started_at).total_seconds())
    return {key: _spread(seconds) for key, seconds in taken.items()}


def _spread(seconds: list[float]) -> Spread:
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return Spread(ordered[last // 2], ordered[-(-last * 95 // 100)])
