"""Query parameters that many operations share, and what they mean."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from tradewind.metadata.errors import InvalidRequestError
from tradewind.metadata.listing import Page

if TYPE_CHECKING:
    from tradewind.web.operations import Call

ALL = "~"
"""In the place of a dag_id or run_id: every one."""


class PageQuery(msgspec.Struct, kw_only=True):
    """The part of a list that is asked for."""

    limit: int | None = None
    offset: int = 0
    order_by: list[str] = msgspec.field(default_factory=list)


def page_of(call: Call, *, default_order: tuple[str, ...] = (), renamed: dict[str, str] | None = None) -> Page:
    """Return the page that the query asks for, within the limits of the server.

    `renamed` gives the stores' names of fields that the API calls otherwise.
    """
    query: PageQuery = call.query
    options = call.backend.options
    if query.offset < 0 or (query.limit is not None and query.limit < 0):
        raise InvalidRequestError("limit and offset are 0 or more")
    limit = options.fallback_page_limit if query.limit is None else query.limit or options.maximum_page_limit
    names = tuple(query.order_by) or default_order
    if renamed:
        names = tuple(_renamed(name, renamed) for name in names)
    return Page(min(limit, options.maximum_page_limit), query.offset, names)


def only(value: str) -> tuple[str, ...]:
    """Return the filter for one name in a path, empty for every one."""
    return () if value == ALL else (value,)


def earliest(inclusive: datetime | None, exclusive: datetime | None) -> datetime | None:
    """Return the first moment that both bounds allow; the stores' filters are inclusive, in microseconds."""
    return _bound(inclusive, exclusive, direction=1)


def latest(inclusive: datetime | None, exclusive: datetime | None) -> datetime | None:
    """Return the last moment that both bounds allow."""
    return _bound(inclusive, exclusive, direction=-1)


def aware(moment: datetime | None) -> datetime | None:
    """Return the moment; raises for one without a zone, which would mean another one on each machine."""
    if moment is not None and moment.tzinfo is None:
        raise InvalidRequestError(
            f"the date {moment.isoformat()} needs a time zone: write {moment.isoformat()}Z for UTC"
        )
    return moment


def _bound(inclusive: datetime | None, exclusive: datetime | None, *, direction: int) -> datetime | None:
    inclusive, exclusive = aware(inclusive), aware(exclusive)
    if exclusive is not None:
        exclusive += direction * datetime.resolution
    found = [moment for moment in (inclusive, exclusive) if moment is not None]
    if not found:
        return None
    return max(found) if direction > 0 else min(found)


def _renamed(name: str, renamed: dict[str, str]) -> str:
    sign, bare = ("-", name[1:]) if name.startswith("-") else ("", name)
    return sign + renamed.get(bare, bare)
