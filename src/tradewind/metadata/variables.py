"""Variables: named values, encrypted where there is a key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from tradewind.metadata.database import add_ring, insert
from tradewind.metadata.doorbell.ring import VARIABLE, Ring
from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError
from tradewind.metadata.listing import Page, order, page_of
from tradewind.metadata.tables import variable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.metadata.database import Database
    from tradewind.metadata.encryption import Cipher

MAX_KEY = 250
_SORTABLE = {"key": variable.c.key, "id": variable.c.pk, "description": variable.c.description}


@dataclass(slots=True)
class VariableDetail:
    """One variable, decrypted."""

    key: str
    value: str
    description: str | None
    is_encrypted: bool


class VariableStore:
    """The variables of the database."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher

    def get(self, key: str) -> VariableDetail | None:
        """Return one variable, or None. Raises `EncryptionError` when no key opens it."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(variable).where(variable.c.key == key)).first()
        return None if row is None else self._detail(row)

    def set(self, key: str, value: str, description: str | None = None) -> None:
        """Create or overwrite a variable; without a description the one it has stays."""
        with self._database.begin() as connection:
            self._put(connection, key, value, description)

    def delete(self, key: str) -> bool:
        """Delete a variable; return whether there was one."""
        with self._database.begin() as connection:
            found = connection.execute(sa.delete(variable).where(variable.c.key == key)).rowcount
            if found:
                add_ring(connection, Ring(VARIABLE, key))
        return bool(found)

    def keys(self, prefix: str = "") -> list[str]:
        """Return the sorted keys that start with `prefix`."""
        query = sa.select(variable.c.key).where(variable.c.key.startswith(prefix, autoescape=True))
        with self._database.read() as connection:
            return sorted(connection.execute(query).scalars())

    def list(self, *, pattern: str | None = None, page: Page = Page()) -> tuple[list[VariableDetail], int]:  # noqa: B008 - frozen
        """Return variables by key, or in the order asked for, and how many there are on all pages."""
        query = sa.select(variable)
        if pattern:
            query = query.where(variable.c.key.ilike(f"%{pattern}%"))
        with self._database.read() as connection:
            rows, total = page_of(connection, order(query, page, _SORTABLE, variable.c.key), page)
        return [self._detail(row) for row in rows], total

    def export_all(self) -> dict[str, Any]:
        """Return every variable as Airflow's export file has it: JSON values decoded, descriptions where there are any."""
        exported: dict[str, Any] = {}
        for found in self.list()[0]:
            value = _decoded(found.value)
            exported[found.key] = (
                value if found.description is None else {"value": value, "description": found.description}
            )
        return exported

    def import_all(self, entries: Mapping[str, Any], *, on_existing: str = "overwrite") -> list[str]:
        """Store the entries of an export file in one transaction; return the keys written.

        What is not text is stored as JSON. `on_existing`: overwrite, skip, or fail with `AlreadyExistsError`.
        """
        with self._database.begin() as connection:
            chosen = choose(connection, variable.c.key, entries, on_existing, "variable")
            for key in chosen:
                value, description = _entry(entries[key])
                self._put(connection, key, value, description)
        return chosen

    def rotate(self) -> int:
        """Encrypt every variable anew with the first key; return how many. Changes nothing when one cannot be opened."""
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(variable)).all()
            for row in rows:
                value, is_encrypted = self._cipher.rotate(
                    row.value,
                    is_encrypted=row.is_encrypted,
                    name=f"variable {row.key!r}",
                )
                connection.execute(
                    sa.update(variable).where(variable.c.pk == row.pk).values(value=value, is_encrypted=is_encrypted),
                )
        return len(rows)

    def _put(self, connection: sa.Connection, key: str, value: str, description: str | None) -> None:
        if not key.strip() or len(key) > MAX_KEY:
            msg = f"the key of a variable has between 1 and {MAX_KEY} characters: {key!r}"
            raise InvalidRequestError(msg)
        stored, is_encrypted = self._cipher.encrypt(value)
        new = insert(connection, variable).values(
            key=key,
            value=stored,
            is_encrypted=is_encrypted,
            description=description,
        )
        changed: dict[str, Any] = {"value": new.excluded.value, "is_encrypted": new.excluded.is_encrypted}
        if description is not None:
            changed["description"] = new.excluded.description
        connection.execute(new.on_conflict_do_update(index_elements=["key"], set_=changed))
        add_ring(connection, Ring(VARIABLE, key))

    def _detail(self, row: Any) -> VariableDetail:
        value = self._cipher.decrypt(row.value, is_encrypted=row.is_encrypted, name=f"variable {row.key!r}")
        return VariableDetail(row.key, value, row.description, row.is_encrypted)


def choose(
    connection: sa.Connection,
    column: sa.Column[str],
    names: Iterable[str],
    on_existing: str,
    kind: str,
) -> list[str]:
    """Return which of `names` an import writes, in order, by the rule about existing ones."""
    wanted = list(names)
    if on_existing == "overwrite":
        return wanted
    if on_existing not in {"skip", "fail"}:
        msg = f"on_existing is overwrite, skip or fail, not {on_existing!r}"
        raise InvalidRequestError(msg)
    existing = set(connection.execute(sa.select(column).where(column.in_(wanted))).scalars())
    if existing and on_existing == "fail":
        msg = f"nothing was imported, for there is a {kind} {', '.join(sorted(existing))} already"
        raise AlreadyExistsError(msg)
    return [name for name in wanted if name not in existing]


def _entry(entry: Any) -> tuple[str, str | None]:
    """Return the value as text, and the description, of one entry of an export file."""
    description = None
    if isinstance(entry, Mapping):
        fields = cast("Mapping[str, Any]", entry)
        if "value" in fields and set(fields) <= {"value", "description"}:
            entry, description = fields["value"], fields.get("description")
    return entry if isinstance(entry, str) else json.dumps(entry), description


def _decoded(value: str) -> Any:
    """Return JSON decoded where the text is an object or list, else the text: so that an import gives the same back."""
    try:
        decoded: Any = json.loads(value)
    except ValueError:
        return value
    return cast("Any", decoded) if isinstance(decoded, dict | list) else value
