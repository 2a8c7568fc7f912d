"""What deferred task instances wait for, for people who look at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.core.states import TaskInstanceState
from tradewind.metadata.jobs import JobDetail
from tradewind.metadata.scheduling.deferring import SCHEDULER_OWNER
from tradewind.metadata.tables import job, trigger
from tradewind.metadata.tables.deferral_tables import TriggerState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.metadata.database import Database
    from tradewind.metadata.runs.records import TaskInstanceDetail


@dataclass(frozen=True)
class WaitDetail:
    """The trigger of one deferred task instance. What it is made of may be secret and is not told."""

    trigger_pk: int
    classpath: str
    created_at: datetime
    queue: str | None
    triggerer: JobDetail | None
    """Who runs it; None while nobody does, and where a timer of the scheduler stands in for it."""


def waits_of(database: Database, instances: Iterable[TaskInstanceDetail]) -> dict[int, WaitDetail]:
    """Return by its number, for each of the task instances that is deferred, what it waits for."""
    ti_pks = [one.ti_pk for one in instances if one.state is TaskInstanceState.DEFERRED]
    if not ti_pks:
        return {}
    query = (
        sa.select(
            trigger.c.ti_pk,
            trigger.c.pk,
            trigger.c.classpath,
            trigger.c.created_at,
            trigger.c.queue,
            job.c.pk,
            job.c.kind,
            job.c.hostname,
            job.c.pid,
            job.c.started_at,
            job.c.heartbeat_at,
            job.c.ended_at,
        )
        .select_from(
            trigger.outerjoin(job, sa.and_(job.c.pk == trigger.c.owner_pk, trigger.c.owner_pk != SCHEDULER_OWNER))
        )
        .where(
            trigger.c.ti_pk.in_(ti_pks),
            trigger.c.state.in_([TriggerState.WAITING.value, TriggerState.FIRED.value]),
            trigger.c.classpath != "",
        )
    )
    with database.read() as connection:
        return {
            row[0]: WaitDetail(*row[1:5], triggerer=None if row[5] is None else JobDetail(*row[5:]))
            for row in connection.execute(query)
        }
