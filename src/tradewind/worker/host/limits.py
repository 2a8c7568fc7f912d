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
_STDERR = 2


@contextmanager
def ended_after(interrupts: Interrupts, limit_s: float, what: str) -> Iterator[None]:
    """Raise `AirflowTaskTimeout` inside the block when it takes longer than `limit_s`.

    Code that goes on all the same, in a C library or by swallowing the exception, has a few seconds; then the traceback
    of each thread goes to the log and the process exits with code 1.
    """
    faulthandler.dump_traceback_later(limit_s + min(limit_s, LAST_WORD_S), exit=True, file=_STDERR)
    try:
        with interrupts.time_limit(limit_s, what):
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()
