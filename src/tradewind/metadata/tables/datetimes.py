"""How instants are stored: timestamptz on PostgreSQL, ISO text of fixed width on SQLite; in Python aware, in UTC."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, types

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

UTC = timezone.utc
TEXT_WIDTH = 32
"""Of `2026-01-31T23:59:59.123456+00:00`: fixed, so that text sorts as time does."""


def to_text(value: datetime) -> str:
    """Return `value` as SQLite stores it. Raises `ValueError` for a naive one: its instant is not known."""
    if value.tzinfo is not UTC:
        value = to_utc(value)
    return value.isoformat(timespec="microseconds")


def to_text_or_none(value: datetime | None) -> str | None:
    """Return `value` as SQLite stores it, None as NULL."""
    return None if value is None else to_text(value)


def to_utc(value: datetime) -> datetime:
    """Return the same instant in UTC. Raises `ValueError` for a naive one."""
    if value.tzinfo is None:
        msg = f"{value!r} has no time zone: only aware dates are stored"
        raise ValueError(msg)
    return value.astimezone(UTC)


def from_text(value: str | None) -> datetime | None:
    """Return the aware instant of what `to_text` wrote."""
    return None if value is None else datetime.fromisoformat(value)


def from_timestamptz(value: datetime | None) -> datetime | None:
    """Return what the driver read, in UTC whatever the session's zone."""
    return None if value is None else value.astimezone(UTC)


class UtcDateTime(types.TypeDecorator[datetime]):
    """Column type of every instant."""

    impl = types.TIMESTAMP(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type that the database gets."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(TEXT_WIDTH))
        return dialect.type_descriptor(types.TIMESTAMP(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Any:
        """Return the function that makes a parameter of a datetime."""
        if dialect.name == "sqlite":
            return to_text_or_none
        return _to_utc_or_none

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Return the function that makes a datetime of what the driver read."""
        del coltype
        return from_text if dialect.name == "sqlite" else from_timestamptz


def _to_utc_or_none(value: datetime | None) -> datetime | None:
    return None if value is None else to_utc(value)
