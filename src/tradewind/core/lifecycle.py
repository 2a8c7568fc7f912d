"""Applying a row of the table of transitions: the only place that turns an event into a new state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.transitions import TRANSITIONS, Actor, Event, Transition

if TYPE_CHECKING:
    from tradewind.core.states import TaskInstanceState

_BY_EVENT: dict[Event, Transition] = {row.event: row for row in TRANSITIONS}


class IllegalTransitionError(ValueError):
    """The event may not be fired from the state found, or not by that actor."""

    def __init__(self, event: Event, found: TaskInstanceState, actor: Actor) -> None:
        row = _BY_EVENT[event]
        allowed = ", ".join(sorted(s.value for s in row.sources))
        who = ", ".join(sorted(a.value for a in row.actors))
        super().__init__(
            f"{actor.value} cannot {event.value} a task instance that is {found.value}; "
            f"allowed from {allowed}, by {who}",
        )
        self.event = event
        self.found = found
        self.actor = actor


def transition_of(event: Event) -> Transition:
    """Return the table's row of `event`."""
    return _BY_EVENT[event]


def apply(found: TaskInstanceState, event: Event, actor: Actor) -> TaskInstanceState:
    """Return the state that `event` leads to from `found`.

    Raises `IllegalTransitionError` where the table has no such way for that actor.
    """
    row = _BY_EVENT[event]
    if found not in row.sources or actor not in row.actors:
        raise IllegalTransitionError(event, found, actor)
    return row.target
