"""The scheduler's side: laying a backfill out, and giving its places their runs, a few at a time.

Every write is one short transaction, fenced by the lease as a batch is, so that a year of hourly runs is never held in
memory nor written at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.core.runs import make_run_id
from tradewind.core.runs.backfill import reason_for_no_run
from tradewind.core.states import DagRunState, RunType
from tradewind.metadata.backfills.records import BACKFILL_COLUMNS, Backfill, Place, PlacesTaken, backfill_of
from tradewind.metadata.batch import LeaseLostError
from tradewind.metadata.database import insert
from tradewind.metadata.runs.clearing import clear_rows, use_latest_version
from tradewind.metadata.runs.listing import RunFilter, TaskInstanceFilter
from tradewind.metadata.runs.moving import locked_task_instances
from tradewind.metadata.scheduling.loading import RUN_COLUMNS, run_row
from tradewind.metadata.tables import backfill, backfill_dag_run, dag_run, lease

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.metadata.database import Database

_PLACES = backfill_dag_run.c


class BackfillStore:
    """What the scheduler reads and writes of backfills."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def load_backfills(self, pks: Sequence[int] | None = None) -> list[Backfill]:
        """Return the backfills that are not over, or these in whatever state; one that is gone is missing."""
        query = sa.select(*BACKFILL_COLUMNS).order_by(backfill.c.pk)
        query = query.where(backfill.c.completed_at.is_(None) if pks is None else backfill.c.pk.in_(pks))
        with self._database.read() as connection:
            return [backfill_of(row) for row in connection.execute(query)]

    def load_last_place(self, pk: int) -> Place | None:
        """Return the place that was laid out last, None before the first."""
        query = (
            sa.select(_PLACES.run_after, _PLACES.data_interval_start, _PLACES.data_interval_end, _PLACES.logical_date)
            .where(_PLACES.backfill_pk == pk)
            .order_by(_PLACES.position.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else Place(*row)

    def lay_out(self, pk: int, places: Sequence[Place], *, size: int, is_last: bool, epoch: int) -> Backfill | None:
        """Add places after the `size` that are there; return the backfill as it is then, None when it is over or gone.

        Writes nothing where there are others: the answer to the same call was lost. Raises `LeaseLostError` when the epoch is over; then nothing was written.
        """

        def work(connection: sa.Connection) -> Backfill | None:
            found = self._lock(connection, pk, epoch)
            if found is None:
                return None
            if found.size != size:
                return found
            rows = [
                {
                    "backfill_pk": pk,
                    "position": position,
                    "logical_date": place.logical_date,
                    "data_interval_start": place.data_interval_start,
                    "data_interval_end": place.data_interval_end,
                    "run_after": place.run_after,
                }
                for position, place in enumerate(places, found.size + 1)
            ]
            if rows:
                connection.execute(backfill_dag_run.insert(), rows)
            return self._change(connection, found, size=found.size + len(rows), is_laid_out=is_last)

        return self._database.transact(work)

    def take_places(self, pk: int, count: int, *, epoch: int) -> PlacesTaken:
        """Give the next places their runs: new ones, or those that are there and start over; the reason where neither.

        Takes none of a backfill that is paused. Raises `LeaseLostError` when the epoch is over.
        """

        def work(connection: sa.Connection) -> PlacesTaken:
            found = self._lock(connection, pk, epoch)
            if found is None or found.is_paused or not found.may_take:
                return PlacesTaken(found)
            ordinals = range(found.next_ordinal, min(found.next_ordinal + count, found.size + 1))
            run_pks = _Turn(connection, found, self._clock.now()).take(ordinals)
            self._change(connection, found, next_ordinal=ordinals.stop)
            query = sa.select(*RUN_COLUMNS).where(dag_run.c.pk.in_(run_pks)).order_by(dag_run.c.pk)
            return PlacesTaken(found, [run_row(row) for row in connection.execute(query)])

        return self._database.transact(work)

    def complete_backfill(self, pk: int, *, epoch: int, error: str | None = None) -> None:
        """Note that the backfill is over, with what ended it before its end. Raises `LeaseLostError`."""

        def work(connection: sa.Connection) -> None:
            found = self._lock(connection, pk, epoch)
            if found is not None:
                self._change(connection, found, completed_at=self._clock.now(), error=error)

        self._database.transact(work)

    def _lock(self, connection: sa.Connection, pk: int, epoch: int) -> Backfill | None:
        fence = sa.select(lease.c.epoch).where(lease.c.name == "scheduler").with_for_update(read=True)
        if connection.execute(fence).scalar() != epoch:
            msg = f"another scheduler has taken over: epoch {epoch} is over"
            raise LeaseLostError(msg)
        row = connection.execute(sa.select(*BACKFILL_COLUMNS).where(backfill.c.pk == pk).with_for_update()).first()
        found = None if row is None else backfill_of(row)
        return None if found is None or found.completed_at is not None else found

    def _change(self, connection: sa.Connection, found: Backfill, **values: Any) -> Backfill:
        values["updated_at"] = self._clock.now()
        connection.execute(sa.update(backfill).where(backfill.c.pk == found.pk).values(**values))
        for name, value in values.items():
            setattr(found, name, value)
        return found


class _Turn:
    """Some places of one backfill, inside one transaction."""

    def __init__(self, connection: sa.Connection, found: Backfill, now: datetime) -> None:
        self._connection = connection
        self._backfill = found
        self._now = now

    def take(self, ordinals: range) -> list[int]:
        """Give the places their runs; return the numbers of those that are queued now."""
        places = self._places(ordinals)
        created = self._create(places)
        outcomes = [(place, created.get(place.position)) for place in places]
        run_pks: list[int] = []
        rows: list[dict[str, Any]] = []
        for place, run_pk in outcomes:
            owned, reason = (run_pk, None) if run_pk is not None else self._take_over(place)
            rows.append({"pk_": place.pk, "run_pk": owned, "exception_reason": reason})
            if owned is not None:
                run_pks.append(owned)
        self._connection.execute(
            sa.update(backfill_dag_run)
            .where(_PLACES.pk == sa.bindparam("pk_"))
            .values(run_pk=sa.bindparam("run_pk"), exception_reason=sa.bindparam("exception_reason")),
            rows,
        )
        return run_pks

    def _places(self, ordinals: range) -> list[Any]:
        """Return the rows of the places in the order of their runs."""
        positions = [self._position(ordinal) for ordinal in ordinals]
        query = sa.select(backfill_dag_run).where(
            _PLACES.backfill_pk == self._backfill.pk, _PLACES.position.between(min(positions), max(positions))
        )
        return sorted(self._connection.execute(query), key=lambda row: positions.index(row.position))

    def _position(self, number: int) -> int:
        """Return the position of an ordinal, and the ordinal of a position."""
        return self._backfill.size + 1 - number if self._backfill.is_backwards else number

    def _create(self, places: list[Any]) -> dict[int, int]:
        """Create the runs of dates that have none; return their numbers by position."""
        conf = msgspec.json.encode(self._backfill.dag_run_conf or {}).decode()
        rows = [
            {
                "dag_id": self._backfill.dag_id,
                "run_id": make_run_id(RunType.BACKFILL, run_after=place.run_after, logical_date=place.logical_date),
                "run_type": RunType.BACKFILL.value,
                "state": DagRunState.QUEUED.value,
                "run_after": place.run_after,
                "logical_date": place.logical_date,
                "data_interval_start": place.data_interval_start,
                "data_interval_end": place.data_interval_end,
                "queued_at": self._now,
                "conf": conf,
                "triggered_by": "backfill",
                "triggering_user_name": self._backfill.triggering_user_name,
                "backfill_pk": self._backfill.pk,
                "backfill_ordinal": self._position(place.position),
            }
            for place in places
        ]
        statement = insert(self._connection, dag_run).on_conflict_do_nothing()
        made = self._connection.execute(statement.returning(dag_run.c.pk, dag_run.c.backfill_ordinal), rows)
        return {self._position(ordinal): pk for pk, ordinal in made}

    def _take_over(self, place: Any) -> tuple[int | None, str | None]:
        """Let the run that a date has start over, or say why it does not."""
        same = [dag_run.c.dag_id == self._backfill.dag_id]
        query = sa.select(dag_run.c.pk, dag_run.c.state).where(*same, dag_run.c.logical_date == place.logical_date)
        # Its own rows before their run, as every writer takes them.
        found = self._connection.execute(query).first()
        if found is None:  # another run has the run_id
            return None, "already exists"
        reason = reason_for_no_run(DagRunState(found.state), self._backfill.reprocess_behavior)
        if reason is not None:
            return None, reason.value
        is_latest = self._backfill.is_on_latest_version
        rows = locked_task_instances(self._connection, TaskInstanceFilter(runs=RunFilter(run_pks=(found.pk,))))
        if is_latest:
            use_latest_version(self._connection, {found.pk})
        clear_rows(self._connection, rows, self._now, is_latest=is_latest, run_pks=(found.pk,))
        values: dict[str, Any] = {
            "backfill_pk": self._backfill.pk,
            "backfill_ordinal": self._position(place.position),
            "run_type": RunType.BACKFILL.value,
            "triggered_by": "backfill",
        }
        if self._backfill.dag_run_conf is not None:
            values["conf"] = msgspec.json.encode(self._backfill.dag_run_conf).decode()
        self._connection.execute(sa.update(dag_run).where(dag_run.c.pk == found.pk).values(**values))
        return found.pk, None
