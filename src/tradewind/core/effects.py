"""What the run engine asks its shell to do: plain values, in the order in which they have to happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tradewind.core.states import DagRunState, TaskInstanceState
    from tradewind.core.transitions import Event


class Move(NamedTuple):
    """Write a transition of the instance in `slot`. `version` is the one after it."""

    slot: int
    event: Event
    found: TaskInstanceState
    target: TaskInstanceState
    try_number: int
    version: int


class Offer(NamedTuple):
    """The instance is scheduled and wants a slot of its limits."""

    slot: int


class Withdraw(NamedTuple):
    """The instance does not want a slot any more."""

    slot: int


class Release(NamedTuple):
    """The instance gives its slots back."""

    slot: int


class Park(NamedTuple):
    """The instance waits for something outside: it keeps of its limits what its state counts for."""

    slot: int
    state: TaskInstanceState


class Expand(NamedTuple):
    """Instances of a mapped task come into being: one for each map index, in the slots from `first_slot` on.

    The one in `placeholder`, which has just moved by `EXPAND`, has map index 0 from now on; None: there were others.
    """

    task_id: str
    placeholder: int | None
    first_slot: int
    map_indexes: Sequence[int]


class Note(NamedTuple):
    """Write one line about why the instance in `slot` moved as it just did."""

    slot: int
    text: str


class Arm(NamedTuple):
    """Call `RunEngine.fall_due` at that time."""

    slot: int
    due_at: datetime


class Stop(NamedTuple):
    """End the process of the try that is at work."""

    slot: int
    try_number: int


class Finish(NamedTuple):
    """The run has ended."""

    state: DagRunState
    reason: str


Effect = Move | Offer | Withdraw | Release | Park | Expand | Note | Arm | Stop | Finish
