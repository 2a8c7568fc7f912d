"""Triggers as triggerers see them: claimed by one, fired once, and handed over when their triggerer is gone."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.metadata.database import add_ring
from tradewind.metadata.doorbell.ring import EVENT, TRIGGER, Ring
from tradewind.metadata.encryption import PLAIN
from tradewind.metadata.errors import EncryptionError
from tradewind.metadata.scheduling.deferring import SCHEDULER_OWNER
from tradewind.metadata.tables import dag, dag_run, job, task_instance, trigger
from tradewind.metadata.tables.deferral_tables import FOR_TRIGGERERS, TriggerState
from tradewind.metadata.waits.watched import write_watched
from tradewind.serialization.messages import DagFile, DagRunFacts, RunTask

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tradewind.core.clock import Clock
    from tradewind.metadata.database import Database
    from tradewind.metadata.encryption import Cipher

JOB_KIND = "triggerer"
_FOR_TRIGGERERS = sorted(state.value for state in FOR_TRIGGERERS)


@dataclass(frozen=True, slots=True)
class ClaimedTrigger:
    """A trigger that this triggerer has to run, or only to kill."""

    trigger_pk: int
    classpath: str
    kwargs: bytes
    is_killed: bool
    waiter: RunTask | None
    """The try that waits, its `log_path` still empty."""
    starts_task: bool = False


@dataclass(frozen=True, slots=True)
class FiredTrigger:
    """How a trigger ended its wait."""

    trigger_pk: int
    outcome: str
    payload: bytes | None


class TriggerStore:
    """The triggers of the database, for the triggerer whose job has the number `owner_pk`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        owner_pk: int,
        hostname: str,
        health_threshold_s: float,
        cipher: Cipher = PLAIN,
    ) -> None:
        """A triggerer that was not heard of for `health_threshold_s` is gone, and one of this host whose process is."""
        self._database = database
        self._clock = clock
        self._owner_pk = owner_pk
        self._hostname = hostname
        self._health_threshold_s = health_threshold_s
        self._cipher = cipher

    def claim(self, most: int, queues: Collection[str] | None = None) -> list[ClaimedTrigger]:
        """Take up to `most` triggers that nobody has, oldest first; of triggerers that are gone theirs too.

        One whose arguments no key opens ends at once, as a trigger that fails.
        """
        if most <= 0:
            return []
        claimed = self._database.transact(lambda connection: self._claim(connection, most, queues))
        found: list[ClaimedTrigger] = []
        failed: list[FiredTrigger] = []
        for one in claimed:
            try:
                kwargs = self._cipher.unseal(one.kwargs, name=f"what the trigger {one.classpath} is made of")
            except EncryptionError as error:
                failed.append(FiredTrigger(one.trigger_pk, "error", msgspec.json.encode([str(error)])))
            else:
                found.append(replace(one, kwargs=kwargs))
        if failed:
            self.fire(failed)
            self.bury([one.trigger_pk for one in failed])
        return found

    def own(self) -> dict[int, bool]:
        """Return the numbers of the triggers that this triggerer has to run, True for those that it has to kill."""
        query = sa.select(trigger.c.pk, trigger.c.state).where(
            trigger.c.owner_pk == self._owner_pk,
            trigger.c.state.in_(_FOR_TRIGGERERS),
        )
        with self._database.read() as connection:
            return {row.pk: row.state == TriggerState.KILLED.value for row in connection.execute(query)}

    def fire(self, fired: Sequence[FiredTrigger]) -> None:
        """Write how waits ended and ring the scheduler. One that has ended otherwise, or has another owner, stays.

        What the watchers of assets say becomes events of the assets.
        """
        fired = write_watched(self._database, self._clock, fired)
        if not fired:
            return
        now = self._clock.now()

        def work(connection: sa.Connection) -> None:
            connection.execute(
                sa.update(trigger)
                .where(
                    trigger.c.pk == sa.bindparam("trigger_pk"),
                    trigger.c.state == TriggerState.WAITING.value,
                    trigger.c.owner_pk == self._owner_pk,
                )
                .values(
                    state=TriggerState.FIRED.value,
                    outcome=sa.bindparam("how"),
                    payload=sa.bindparam("what"),
                    fired_at=now,
                ),
                [{"trigger_pk": one.trigger_pk, "how": one.outcome, "what": one.payload} for one in fired],
            )
            add_ring(connection, Ring(EVENT))

        self._database.transact(work)

    def leave(self, trigger_pks: Sequence[int]) -> None:
        """Leave triggers to whoever claims them next."""

        def work(connection: sa.Connection) -> None:
            connection.execute(
                sa.update(trigger)
                .where(trigger.c.pk.in_(list(trigger_pks)), trigger.c.owner_pk == self._owner_pk)
                .values(owner_pk=None),
            )

        self._database.transact(work)

    def bury(self, trigger_pks: Sequence[int]) -> None:
        """Forget triggers that have been killed."""

        def work(connection: sa.Connection) -> None:
            connection.execute(
                sa.delete(trigger).where(
                    trigger.c.pk.in_(list(trigger_pks)),
                    trigger.c.state == TriggerState.KILLED.value,
                ),
            )

        self._database.transact(work)

    def give_back(self) -> None:
        """Leave all triggers to other triggerers, and ring them."""

        def work(connection: sa.Connection) -> None:
            left = connection.execute(
                sa.update(trigger).where(trigger.c.owner_pk == self._owner_pk).values(owner_pk=None),
            ).rowcount
            if left:
                add_ring(connection, Ring(TRIGGER, "new"))

        self._database.transact(work)

    # ---- inner -------------------------------------------------------------------------------------------------------

    def _claim(self, connection: sa.Connection, most: int, queues: Collection[str] | None) -> list[ClaimedTrigger]:
        gone = self._gone(connection)
        is_free = trigger.c.owner_pk.is_(None)
        if gone:
            is_free = sa.or_(is_free, trigger.c.owner_pk.in_(gone))
        query = (
            sa.select(trigger.c.pk)
            .where(
                trigger.c.state.in_([sa.literal_column(f"'{state}'", sa.Text()) for state in _FOR_TRIGGERERS]),
                trigger.c.classpath != sa.literal_column("''", sa.Text()),
                is_free,
            )
            .order_by(trigger.c.pk)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        if queues:
            query = query.where(trigger.c.queue.in_(sorted(queues)))
        pks = list(connection.execute(query).scalars())
        if not pks:
            return []
        connection.execute(sa.update(trigger).where(trigger.c.pk.in_(pks)).values(owner_pk=self._owner_pk))
        return _load(connection, pks)

    def _gone(self, connection: sa.Connection) -> list[int]:
        """Return the jobs of triggerers that hold triggers and run no more."""
        owners = sa.select(trigger.c.owner_pk).where(trigger.c.owner_pk > SCHEDULER_OWNER).distinct()
        held = set(connection.execute(owners).scalars()) - {self._owner_pk}
        if not held:
            return []
        rows = connection.execute(
            sa.select(job.c.pk, job.c.hostname, job.c.pid, job.c.heartbeat_at, job.c.ended_at).where(
                job.c.pk.in_(sorted(held)),
            ),
        ).all()
        since = self._clock.now() - timedelta(seconds=self._health_threshold_s)
        alive = {
            row.pk
            for row in rows
            if row.ended_at is None
            and row.heartbeat_at > since
            and not (row.hostname == self._hostname and _has_ended(row.pid))
        }
        return sorted(held - alive)


def _has_ended(pid: int) -> bool:
    """Return whether this machine has no such process. In a container of its own each triggerer has its own host name."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _load(connection: sa.Connection, pks: Iterable[int]) -> list[ClaimedTrigger]:
    ti, run = task_instance.c, dag_run.c
    query = (
        sa.select(
            trigger.c.pk,
            trigger.c.classpath,
            trigger.c.kwargs,
            trigger.c.state,
            trigger.c.ti_pk,
            trigger.c.try_number,
            ti.task_id,
            ti.map_index,
            ti.max_tries,
            ti.pool,
            ti.queue,
            ti.operator,
            ti.started_at,
            run.pk.label("run_pk"),
            run.dag_id,
            run.run_id,
            run.run_type,
            run.logical_date,
            run.data_interval_start,
            run.data_interval_end,
            run.run_after,
            run.started_at.label("run_started_at"),
            run.conf,
            dag.c.path,
            dag.c.folder,
            dag.c.fingerprint,
        )
        .select_from(
            trigger.outerjoin(task_instance, ti.pk == trigger.c.ti_pk)
            .outerjoin(dag_run, run.pk == ti.run_pk)
            .outerjoin(dag, dag.c.dag_id == run.dag_id),
        )
        .where(trigger.c.pk.in_(list(pks)))
        .order_by(trigger.c.pk)
    )
    return [_claimed(row) for row in connection.execute(query)]


def _claimed(row: Any) -> ClaimedTrigger:
    return ClaimedTrigger(
        trigger_pk=row.pk,
        classpath=row.classpath,
        kwargs=row.kwargs,
        is_killed=row.state == TriggerState.KILLED.value,
        waiter=None if row.dag_id is None else _waiter(row),
        starts_task=row.dag_id is not None and row.started_at is None,
    )


def _waiter(row: Any) -> RunTask:
    return RunTask(
        ti_pk=row.ti_pk,
        try_number=row.try_number,
        max_tries=row.max_tries,
        dag_file=DagFile(path=row.path or "", folder=row.folder or "", fingerprint=row.fingerprint or ""),
        dag_id=row.dag_id,
        task_id=row.task_id,
        map_index=row.map_index,
        dag_run=DagRunFacts(
            pk=row.run_pk,
            dag_id=row.dag_id,
            run_id=row.run_id,
            run_type=row.run_type,
            logical_date=row.logical_date,
            data_interval_start=row.data_interval_start,
            data_interval_end=row.data_interval_end,
            run_after=row.run_after,
            start_date=row.run_started_at,
            conf=msgspec.json.decode(row.conf),
        ),
        log_path="",
        pool=row.pool,
        queue=row.queue,
        operator=row.operator,
        first_started_at=row.started_at,
    )


__all__ = ["JOB_KIND", "ClaimedTrigger", "FiredTrigger", "TriggerStore"]
