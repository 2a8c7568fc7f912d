"""Sleeping in the loop of the triggers: imported when a trigger runs, for asyncio is dear."""

from __future__ import annotations

import asyncio  # noqa: TID253 - this module is imported when a trigger runs
from typing import TYPE_CHECKING

from tradewind.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

_clock = SystemClock()
_LONGEST_SLEEP_S = 60.0
"""So late at most is a set wall clock noticed."""


async def sleep_until(moment: datetime) -> None:
    """Sleep until the wall clock shows the moment, also when that clock is set meanwhile."""
    while (rest_s := (moment - _clock.now()).total_seconds()) > 0:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(min(rest_s, _LONGEST_SLEEP_S))


async def pause(seconds: float) -> None:
    """Let the others go on for so long."""
    await asyncio.sleep(seconds)


async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a call that blocks returns, made in a thread of its own."""
    return await asyncio.to_thread(call, *arguments)
