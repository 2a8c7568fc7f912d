"""The figures of the limits, as pages show them."""

from __future__ import annotations

from typing import TypedDict


class PoolUsage(TypedDict):
    """The slots of one pool. `total` and `free` are None when it is unlimited."""

    total: int | None
    used: int
    """Held by queued and running task instances, and by deferred ones where the pool includes them."""
    deferred: int
    """Wanted by deferred task instances, whether the pool counts them or not."""
    waiting: int
    """Wanted by scheduled task instances that no limit has let through yet."""
    free: int | None


class DagUsage(TypedDict):
    """The task instances of one DAG: how many hold a slot and how many wait for one."""

    used: int
    waiting: int


class Usage(TypedDict):
    """All figures of the limits. `parallelism` is None when it is unlimited."""

    parallelism: int | None
    used: int
    waiting: int
    pools: dict[str, PoolUsage]
    dags: dict[str, DagUsage]
