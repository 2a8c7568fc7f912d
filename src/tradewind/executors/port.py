"""The executor port: how the scheduler hands out orders and hears of their end.

The scheduler is one thread with one selector. An executor registers its sockets with that selector through the
`Reactor` it is given, and turns what it reads into reports by calling `deliver`. It decides nothing about states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.core.ids import TaskInstancePk
    from tradewind.serialization.messages import ComputeNextRun, Report, RunCallback, RunTask, StoreCall, StoreReply


@dataclass(slots=True, frozen=True)
class Lost:
    """The process that had the order is gone without a report. `was_started`: the try had begun."""

    ti_pk: TaskInstancePk
    try_number: int
    was_started: bool
    reason: str


@dataclass(slots=True, frozen=True)
class CallbackLost:
    """The process that had a callback order is gone."""

    callback_pk: int
    reason: str


Delivery = "Report | Lost | CallbackLost"


class Reactor(Protocol):
    """What the scheduler's loop offers to an executor. All calls come back in the loop's own thread."""

    def watch(self, fileno: int, on_readable: Callable[[], None]) -> None:
        """Call `on_readable` whenever `fileno` has something to read."""
        ...

    def unwatch(self, fileno: int) -> None:
        """Stop watching; call before the descriptor is closed."""
        ...

    def call_after(self, delay_s: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once after `delay_s`; returns a function that cancels it."""
        ...

    def deliver(self, report: Report | Lost | CallbackLost) -> None:
        """Put a report into the scheduler's inbox: handled in this turn of the loop, in order."""
        ...

    def answer(self, call: StoreCall) -> StoreReply:
        """Carry out a worker's store call against the metadata database."""
        ...


class Executor(Protocol):
    """Where task instances run."""

    name: str

    def start(self, reactor: Reactor) -> None:
        """Bring the executor up; must not block for longer than a process start."""
        ...

    @property
    def free_slots(self) -> int:
        """How many more orders it takes now: parallelism minus what it holds."""
        ...

    def submit(self, order: RunTask | RunCallback | ComputeNextRun) -> None:
        """Take an order, already committed as queued. Never blocks, never refuses."""
        ...

    def kill(self, ti_pk: TaskInstancePk, try_number: int) -> None:
        """Stop a try: SIGTERM (so that `on_kill` runs), SIGKILL after the grace time. Its end is reported as usual."""
        ...

    def flush(self) -> None:
        """Called once at the end of each turn of the loop: send what `submit` collected."""
        ...

    def stop(self, grace_s: float) -> None:
        """End all processes; tries still at work after `grace_s` are killed."""
        ...
