"""The time limit of what a worker does beside tasks: author code that hangs is ended, its process with it if need be."""

from __future__ import annotations

import faulthandler
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.worker.host.interrupts import Interrupts

LAST_WORD_S = 5.0
"""What code that was interrupted gets to end by itself, but no more than it had before."""
_MARGIN_S = 0.5
_STDERR = 2


@contextmanager
def ended_after(interrupts: Interrupts, limit_s: float, what: str) -> Iterator[None]:
    """Raise `AirflowTaskTimeout` inside the block when it takes longer than `limit_s`.

    Code that swallows the exception and goes on has a few seconds; then a line in the log says where it is, and the
    process exits with code 1. So it does when no Python code runs, as in a C library: then the log gets the traceback
    of each thread.
    """
    rest_s = min(limit_s, LAST_WORD_S)
    faulthandler.dump_traceback_later(limit_s + rest_s + _MARGIN_S, exit=True, file=_STDERR)
    try:
        with interrupts.time_limit(limit_s, what, end_after_s=rest_s):
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()
