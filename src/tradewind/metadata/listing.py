"""Pages of lists: limit, offset and the order a caller asks for by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tradewind.metadata.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Page:
    """Which part of a list. `order_by` holds names the list documents, with `-` before one for descending."""

    limit: int | None = None
    offset: int = 0
    order_by: tuple[str, ...] = ()


def order(
    query: Any,
    page: Page,
    sortable: Mapping[str, sa.ColumnElement[Any]],
    last: sa.ColumnElement[Any],
) -> Any:
    """Return the query sorted as asked for, `last` deciding between equals; NULL is less than all values.

    Raises `InvalidRequestError` for a name that is not in `sortable`.
    """
    for name in page.order_by:
        column = sortable.get(name.removeprefix("-"))
        if column is None:
            msg = f"cannot order by {name!r}: choose of {', '.join(sorted(sortable))}, with - before it for descending"
            raise InvalidRequestError(msg)
        query = query.order_by(column.desc().nulls_last() if name.startswith("-") else column.asc().nulls_first())
    is_descending = bool(page.order_by) and page.order_by[-1].startswith("-")
    return query.order_by(last.desc() if is_descending else last.asc())


def page_of(connection: sa.Connection, query: Any, page: Page) -> tuple[Sequence[Any], int]:
    """Return the rows on the page, and how many there are on all of them."""
    rows = connection.execute(query.limit(page.limit).offset(page.offset or None)).all()
    if page.limit is None or (len(rows) < page.limit and (rows or not page.offset)):
        return rows, page.offset + len(rows)
    total = connection.execute(sa.select(sa.func.count()).select_from(query.order_by(None).subquery())).scalar_one()
    return rows, total
