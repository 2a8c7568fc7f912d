"""Pools and how full they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.states import TaskInstanceState
from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError, NotFoundError
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.metadata.pools import PoolDetail
    from tradewind.web.operations import Call


class PoolsQuery(PageQuery, kw_only=True):
    """Which pools."""

    pool_name_pattern: str | None = None


class PoolBody(msgspec.Struct, kw_only=True):
    """A pool to create."""

    name: str
    slots: int
    description: str | None = None
    include_deferred: bool = False


class PoolPatch(msgspec.Struct, kw_only=True):
    """What to change of a pool; what is not there stays."""

    pool: str | None = None
    name: str | None = None
    slots: int | None = None
    description: str | None = None
    include_deferred: bool | None = None


def list_pools(call: Call) -> dict[str, Any]:
    """List the pools with their use."""
    pattern = (call.query.pool_name_pattern or "").lower().replace("%", "")
    pools = [pool for pool in call.backend.pools.list() if pattern in pool.name.lower()]
    page = page_of(call)
    return {"pools": [_pool(pool) for pool in pools[page.offset :][: page.limit]], "total_entries": len(pools)}


def get_pool(call: Call) -> dict[str, Any]:
    """Get one pool."""
    return _pool(_find_pool(call, call.path["pool_name"]))


def create_pool(call: Call) -> dict[str, Any]:
    """Create a pool."""
    body: PoolBody = call.body
    if call.backend.pools.get(body.name) is not None:
        raise AlreadyExistsError(f"there is a pool {body.name!r} already")
    call.backend.pools.set(body.name, body.slots, body.description, include_deferred=body.include_deferred)
    return _pool(_find_pool(call, body.name))


def patch_pool(call: Call) -> dict[str, Any]:
    """Change a pool."""
    body: PoolPatch = call.body
    pool = _find_pool(call, call.path["pool_name"])
    if (body.pool or body.name or pool.name) != pool.name:
        raise InvalidRequestError("a pool keeps its name: make another and delete this one")
    call.backend.pools.set(
        pool.name,
        pool.slots if body.slots is None else body.slots,
        body.description if "description" in call.sent_fields else pool.description,
        include_deferred=pool.include_deferred if body.include_deferred is None else body.include_deferred,
    )
    return _pool(_find_pool(call, pool.name))


def delete_pool(call: Call) -> None:
    """Delete a pool."""
    if not call.backend.pools.delete(call.path["pool_name"]):
        raise NotFoundError(f"there is no pool {call.path['pool_name']!r}")


def _find_pool(call: Call, name: str) -> PoolDetail:
    found = call.backend.pools.get(name)
    if found is None:
        raise NotFoundError(f"there is no pool {name!r}")
    return found


def _pool(pool: PoolDetail) -> dict[str, Any]:
    used = pool.used
    return {
        "name": pool.name,
        "slots": pool.slots,
        "description": pool.description,
        "include_deferred": pool.include_deferred,
        "occupied_slots": pool.occupied_slots,
        "running_slots": used.get(TaskInstanceState.RUNNING, 0),
        "queued_slots": used.get(TaskInstanceState.QUEUED, 0),
        "scheduled_slots": used.get(TaskInstanceState.SCHEDULED, 0),
        "open_slots": -1 if pool.open_slots is None else pool.open_slots,
        "deferred_slots": used.get(TaskInstanceState.DEFERRED, 0),
        "team_name": None,
    }


OPERATIONS = (
    Operation("GET", "/api/v2/pools", list_pools, query=PoolsQuery),
    Operation("POST", "/api/v2/pools", create_pool, role="op", body=PoolBody, status=201),
    Operation("GET", "/api/v2/pools/{pool_name}", get_pool),
    Operation("PATCH", "/api/v2/pools/{pool_name}", patch_pool, role="op", body=PoolPatch),
    Operation("DELETE", "/api/v2/pools/{pool_name}", delete_pool, role="op", status=204),
)
