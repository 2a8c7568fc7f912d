"""Connections: how to reach other systems, with password and extra encrypted where there is a key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from tradewind.metadata.database import insert
from tradewind.metadata.errors import InvalidRequestError
from tradewind.metadata.listing import Page, order, page_of
from tradewind.metadata.tables import connection as table
from tradewind.metadata.variables import choose
from tradewind.serialization.records import ConnectionRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.metadata.database import Database
    from tradewind.metadata.encryption import Cipher

MAX_ID = 250
_SORTABLE = {
    "connection_id": table.c.conn_id,
    "conn_id": table.c.conn_id,
    "conn_type": table.c.conn_type,
    "description": table.c.description,
    "host": table.c.host,
    "port": table.c.port,
    "id": table.c.pk,
}


class ConnectionStore:
    """The connections of the database."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    def get(self, conn_id: str) -> ConnectionRecord | None:
        """Return one connection, decrypted, or None. Raises `EncryptionError` when no key opens it."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(table).where(table.c.conn_id == conn_id)).first()
        return None if row is None else self._record(row)

    def set(self, record: ConnectionRecord) -> None:
        """Create or overwrite a connection, with every field."""
        with self._database.begin() as connection:
            self._put(connection, record)

    def delete(self, conn_id: str) -> bool:
        """Delete a connection; return whether there was one."""
        with self._database.begin() as connection:
            return bool(connection.execute(sa.delete(table).where(table.c.conn_id == conn_id)).rowcount)

    def list(
        self,
        *,
        pattern: str | None = None,
        conn_type: str | None = None,
        page: Page = Page(),  # noqa: B008 - frozen
    ) -> tuple[list[ConnectionRecord], int]:
        """Return connections by conn_id, or in the order asked for, and how many there are on all pages."""
        query = sa.select(table)
        if pattern:
            query = query.where(table.c.conn_id.ilike(f"%{pattern}%"))
        if conn_type is not None:
            query = query.where(table.c.conn_type == conn_type)
        with self._database.read() as connection:
            rows, total = page_of(connection, order(query, page, _SORTABLE, table.c.conn_id), page)
        return [self._record(row) for row in rows], total

    def export_all(self) -> dict[str, dict[str, Any]]:
        """Return every connection as Airflow's export file has it, secrets in plain text."""
        return {
            record.conn_id: {
                name: getattr(record, name) for name in ConnectionRecord.__struct_fields__ if name != "conn_id"
            }
            for record in self.list()[0]
        }

    def import_all(self, entries: Mapping[str, Mapping[str, Any]], *, on_existing: str = "overwrite") -> list[str]:
        """Store the entries of an export file in one transaction; return the ids written.

        `extra` may be text or an object. `on_existing`: overwrite, skip, or fail with `AlreadyExistsError`. Raises
        `InvalidRequestError` for an entry that is no connection.
        """
        records = {conn_id: _from_entry(conn_id, entry) for conn_id, entry in entries.items()}
        with self._database.begin() as connection:
            chosen = choose(connection, table.c.conn_id, records, on_existing, "connection")
            for conn_id in chosen:
                self._put(connection, records[conn_id])
        return chosen

    def rotate(self) -> int:
        """Encrypt every connection anew with the first key; return how many. All or none."""
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(table)).all()
            for row in rows:
                self._put(connection, self._record(row))
        return len(rows)

    def _put(self, connection: sa.Connection, record: ConnectionRecord) -> None:
        if not record.conn_id.strip() or len(record.conn_id) > MAX_ID:
            msg = f"a connection's id has between 1 and {MAX_ID} characters: {record.conn_id!r}"
            raise InvalidRequestError(msg)
        password, is_encrypted = self._closed(record.password)
        extra, is_extra_encrypted = self._closed(record.extra)
        values: dict[str, Any] = {
            "conn_type": record.conn_type,
            "description": record.description,
            "host": record.host,
            "schema": record.schema,
            "login": record.login,
            "password": password,
            "port": record.port,
            "extra": extra,
            "is_encrypted": is_encrypted,
            "is_extra_encrypted": is_extra_encrypted,
        }
        new = insert(connection, table).values(conn_id=record.conn_id, **values)
        connection.execute(new.on_conflict_do_update(index_elements=["conn_id"], set_=values))

    def _closed(self, text: str | None) -> tuple[str | None, bool]:
        return self._cipher.encrypt(text) if text else (text, False)

    def _opened(self, stored: str | None, *, is_encrypted: bool, name: str) -> str | None:
        return self._cipher.decrypt(stored, is_encrypted=is_encrypted, name=name) if stored else stored

    def _record(self, row: Any) -> ConnectionRecord:
        name = f"connection {row.conn_id!r}"
        return ConnectionRecord(
            conn_id=row.conn_id,
            conn_type=row.conn_type,
            description=row.description,
            host=row.host,
            schema=row.schema,
            login=row.login,
            password=self._opened(row.password, is_encrypted=row.is_encrypted, name=f"the password of {name}"),
            port=row.port,
            extra=self._opened(row.extra, is_encrypted=row.is_extra_encrypted, name=f"the extra of {name}"),
        )


def _from_entry(conn_id: str, entry: Mapping[str, Any]) -> ConnectionRecord:
    fields: dict[str, Any] = {name: value for name, value in entry.items() if value is not None}
    if not isinstance(fields.get("extra", ""), str):
        fields["extra"] = json.dumps(fields["extra"])
    unknown = sorted(set(fields) - set(ConnectionRecord.__struct_fields__))
    if unknown:
        msg = f"connection {conn_id!r} has a field {', '.join(unknown)}, which is none of a connection's"
        raise InvalidRequestError(msg)
    try:
        # Numbers may come as text.
        return msgspec.convert({**fields, "conn_id": conn_id}, ConnectionRecord, strict=False)
    except msgspec.ValidationError as error:
        msg = f"connection {conn_id!r} cannot be read: {error}"
        raise InvalidRequestError(msg) from None
