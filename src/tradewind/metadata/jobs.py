"""Heartbeats: one row for each process that lives long, and the health that is read from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.metadata.tables import job

if TYPE_CHECKING:
    from tradewind.core.clock import Clock
    from tradewind.metadata.database import Database


@dataclass(frozen=True)
class JobDetail:
    """One start of a process. `ended_at` is None when it runs, or was killed."""

    job_pk: int
    kind: str
    hostname: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None

    def is_healthy(self, now: datetime, threshold_s: float) -> bool:
        """Return whether it runs and was heard of in the last `threshold_s`."""
        return self.ended_at is None and (now - self.heartbeat_at).total_seconds() <= threshold_s


class JobStore:
    """The heartbeats of the database. Kinds: scheduler, dag_processor, web, triggerer."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def start(self, kind: str, hostname: str, pid: int) -> int:
        """Note that a process has started; return the number under which it beats."""
        now = self._clock.now()
        with self._database.begin() as connection:
            return connection.execute(
                job.insert()
                .values(kind=kind, hostname=hostname, pid=pid, started_at=now, heartbeat_at=now)
                .returning(job.c.pk),
            ).scalar_one()

    def beat(self, job_pk: int) -> None:
        """Note that the process is alive."""
        with self._database.begin() as connection:
            connection.execute(sa.update(job).where(job.c.pk == job_pk).values(heartbeat_at=self._clock.now()))

    def end(self, job_pk: int) -> None:
        """Note that the process ends in an orderly way."""
        now = self._clock.now()
        with self._database.begin() as connection:
            connection.execute(sa.update(job).where(job.c.pk == job_pk).values(heartbeat_at=now, ended_at=now))

    def newest(self) -> dict[str, JobDetail]:
        """Return for each kind the one heard of last, running ones before those that ended."""
        query = sa.select(
            job.c.pk,
            job.c.kind,
            job.c.hostname,
            job.c.pid,
            job.c.started_at,
            job.c.heartbeat_at,
            job.c.ended_at,
        ).order_by(job.c.ended_at.is_(None), job.c.heartbeat_at, job.c.pk)
        with self._database.read() as connection:
            return {row.kind: JobDetail(*row) for row in connection.execute(query)}
