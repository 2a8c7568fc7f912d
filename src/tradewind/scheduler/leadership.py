"""Taking the lease: one scheduler at a time writes, each under a higher epoch than the one before."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import TYPE_CHECKING

from tradewind.metadata.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    import threading

    from tradewind.core.clock import Clock
    from tradewind.metadata.scheduling import SchedulerStore

_log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 1.0
_FIRST_PAUSE_S = 0.01


def owner_of_process(hostname: str) -> str:
    """Return how this process calls itself as an owner."""
    return f"{hostname}:{os.getpid()}"


def take_lease(
    store: SchedulerStore,
    *,
    hostname: str,
    ttl_s: float,
    clock: Clock,
    stopping: threading.Event,
) -> int | None:
    """Wait until the lease is free and take it; returns its epoch, or None when told to stop before.

    A lease whose owner was a process of this host that is gone need not run out first. A database that is away is
    waited for.
    """
    owner = owner_of_process(hostname)
    has_told = False
    pause_s = _FIRST_PAUSE_S
    while not stopping.is_set():
        try:
            state = store.read_lease()
            dead = state.owner if state.owner is not None and _is_dead(state.owner, hostname) else None
            epoch = store.acquire_lease(owner, ttl_s, clock.now(), dead_owner=dead)
        except DatabaseUnavailableError as error:
            _log.warning("database unavailable, trying again in %.2f s: %s", pause_s, error)
            stopping.wait(pause_s)
            pause_s = min(2 * pause_s, _LOOK_AGAIN_S)
            continue
        if epoch is not None:
            return epoch
        if not has_told:
            _log.info("scheduler %s is at work: standing by", state.owner)
            has_told = True
        remaining = (state.expires_at or clock.now()) - clock.now()
        stopping.wait(min(max(remaining, timedelta(milliseconds=50)).total_seconds(), _LOOK_AGAIN_S))
    return None


def _is_dead(owner: str, hostname: str) -> bool:
    host, _, pid = owner.rpartition(":")
    if host != hostname or not pid.isdigit() or int(pid) == os.getpid():
        return host == hostname and pid == str(os.getpid())
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
