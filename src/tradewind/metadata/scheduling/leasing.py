"""The scheduler's lease: one owner at a time, each with a higher epoch than the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.metadata.batch import LeaseLostError
from tradewind.metadata.tables import lease

if TYPE_CHECKING:
    from tradewind.metadata.database import Database

NAME = "scheduler"


@dataclass(frozen=True)
class LeaseState:
    """The lease as stored; `owner` None: nobody has it."""

    owner: str | None
    epoch: int
    expires_at: datetime | None


class Leasing:
    """Taking, keeping and giving back the lease."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._epoch: int | None = None
        self._ttl_s = 0.0

    def read_lease(self) -> LeaseState:
        """Return who has the lease."""
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(lease.c.owner, lease.c.epoch, lease.c.expires_at).where(lease.c.name == NAME),
            ).one()
        return LeaseState(*row)

    def acquire_lease(self, owner: str, ttl_s: float, now: datetime, *, dead_owner: str | None = None) -> int | None:
        """Take the lease when it is free or over, and return its epoch; None when another owner has it.

        `dead_owner` is one whose process is known to have gone: its lease counts as over.
        """
        is_free = sa.or_(lease.c.owner.is_(None), lease.c.expires_at <= now, lease.c.owner == dead_owner)
        with self._database.begin() as connection:
            epoch = connection.execute(
                sa.update(lease)
                .where(lease.c.name == NAME, is_free)
                .values(epoch=lease.c.epoch + 1, owner=owner, expires_at=now + timedelta(seconds=ttl_s))
                .returning(lease.c.epoch),
            ).scalar()
        if epoch is not None:
            self._epoch, self._ttl_s = epoch, ttl_s
        return epoch

    def renew_lease(self, now: datetime) -> None:
        """Keep the lease for another time to live. Raises `LeaseLostError` when another owner has it."""
        with self._database.begin() as connection:
            kept = connection.execute(
                sa.update(lease)
                .where(lease.c.name == NAME, lease.c.epoch == self._epoch)
                .values(expires_at=now + timedelta(seconds=self._ttl_s)),
            ).rowcount
        if not kept:
            msg = f"another scheduler has taken over: epoch {self._epoch} is over"
            raise LeaseLostError(msg)

    def release_lease(self) -> None:
        """Give the lease back, so that another scheduler need not wait; harmless without it."""
        with self._database.begin() as connection:
            connection.execute(
                sa.update(lease)
                .where(lease.c.name == NAME, lease.c.epoch == self._epoch)
                .values(owner=None, expires_at=None),
            )
        self._epoch = None
