"""Column types and constraints that the tables share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, MetaData, Text

from tradewind.metadata.tables.datetimes import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import Enum

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    },
)

Pk = BigInteger().with_variant(Integer(), "sqlite")
"""On SQLite an INTEGER primary key is the row's own number and costs no index."""


def pk(*, is_given: bool = False) -> Column[int]:
    """Return the primary key column; `is_given`: the writer makes the number, not the database."""
    return Column("pk", Pk, primary_key=True, autoincrement=not is_given)


def text(name: str, **options: Any) -> Column[str]:
    """Return a text column that is never NULL."""
    return Column(name, Text, nullable=False, **options)


def optional_text(name: str) -> Column[str | None]:
    """Return a text column that may be NULL."""
    return Column(name, Text, nullable=True)


def instant(name: str, *, is_required: bool = False) -> Column[Any]:
    """Return a column for an instant."""
    return Column(name, UtcDateTime, nullable=not is_required)


def one_of(column: str, values: type[Enum]) -> CheckConstraint:
    """Return the check that `column` holds the value of a member of `values`.

    Written as comparisons in the order of the members: for a long IN list SQLite builds a table for every row it writes.
    """
    return CheckConstraint(" OR ".join(f"{column} = '{member.value}'" for member in values), name=column)


def quoted(values: Iterable[Enum]) -> str:
    """Return the members' values as SQL literals, sorted."""
    return ", ".join(f"'{value}'" for value in sorted(str(member.value) for member in values))


def stored_with(**options: str) -> dict[str, Any]:
    """Return the arguments that tell PostgreSQL how to store a table.

    None under SQLAlchemy 2.0, the last for Python 3.10, which cannot say it: tables then lie as PostgreSQL's defaults have it.
    """
    can_say = tuple(map(int, sa.__version__.split(".")[:2])) >= (2, 1)
    return {"postgresql_with": options} if can_say else {}
