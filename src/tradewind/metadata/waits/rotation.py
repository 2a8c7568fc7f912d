"""Encrypting anew what deferred tasks carry, and what the watchers of assets are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradewind.metadata.tables import trigger

if TYPE_CHECKING:
    from tradewind.metadata.database import Database
    from tradewind.metadata.encryption import Cipher


def rotate_waits(database: Database, cipher: Cipher) -> int:
    """Encrypt the arguments of every wait with the first key, of watchers of assets too; return how many.

    Raises `EncryptionError`, with nothing changed, when no key opens one of them.
    """

    def work(connection: sa.Connection) -> int:
        columns = trigger.c
        query = sa.select(columns.pk, columns.classpath, columns.kwargs, columns.next_kwargs)
        rows = connection.execute(query).all()
        for row in rows:
            name = f"what a task gets that waits for {row.classpath or 'a person'}"
            sealed = {
                "kwargs": cipher.seal(cipher.unseal(row.kwargs, name=name)),
                "next_kwargs": cipher.seal(cipher.unseal(row.next_kwargs, name=name)),
            }
            connection.execute(sa.update(trigger).where(columns.pk == row.pk).values(sealed))
        return len(rows)

    return database.transact(work)
