"""From what a task waited for to what it goes on with: the same in the scheduler and in a test of one process."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from tradewind.serialization.messages import FAIL_METHOD, Deferral, Resumption

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.serialization.document import StartTriggerDocument

TASK_ENDS = frozenset({"success", "failed", "skipped"})
"""A trigger may end its task itself; all other ends of a wait let the task go on: event, error, timeout."""

_TIMED_OUT: dict[str, Any] = {"error": "Trigger timeout"}
_FAILED: dict[str, Any] = {"error": "Trigger failure"}


class Wait(Protocol):
    """Where a task goes on, and with which arguments of its own."""

    @property
    def next_method(self) -> str:
        """The operator's method."""
        ...

    @property
    def next_kwargs(self) -> bytes:
        """Its arguments, written as XComs are."""
        ...


def resumption_after(wait: Wait, outcome: str | None, payload: bytes | None) -> Resumption:
    """Return with what the try goes on whose wait ended as event, error or timeout."""
    if outcome == "timeout":
        return _failing(_TIMED_OUT)
    if outcome == "error":
        return _failing(_FAILED | {"traceback": None if payload is None else msgspec.json.decode(payload)})
    return Resumption(next_method=wait.next_method, next_kwargs=wait.next_kwargs, event=payload)


def start_deferral(start: StartTriggerDocument, now: datetime) -> Deferral:
    """Return what a task waits for that begins by waiting."""
    return Deferral(
        classpath=start.classpath,
        kwargs=msgspec.json.encode(start.kwargs),
        next_method=start.next_method,
        next_kwargs=msgspec.json.encode(start.next_kwargs),
        due_at=None if start.timeout_s is None else now + timedelta(seconds=start.timeout_s),
    )


def _failing(reason: dict[str, Any]) -> Resumption:
    return Resumption(next_method=FAIL_METHOD, next_kwargs=msgspec.json.encode(reason))
