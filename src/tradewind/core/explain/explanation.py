"""What an explanation is made of and made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.ids import TaskInstancePk
    from tradewind.core.limits.blockers import Blocker
    from tradewind.core.states import TaskInstanceState


class Facts(NamedTuple):
    """What is known of a task instance beside its run's engine and the limits."""

    ti_pk: TaskInstancePk
    now: datetime
    run_blockers: tuple[Blocker, ...] | None = None
    """For a run that is queued: what keeps it from starting (`tradewind.core.runs.run_blockers`); None once it runs."""
    is_paused: bool = False
    past: Blocker | None = None
    """How the run before holds it back (`tradewind.core.past.past_blocker`)."""
    executor: Blocker | None = None
    """Why the executor has not begun with a queued task instance, where it can say so."""
    skipped_by: str | None = None
    """The task_id of the branch that chose another way, where that is known."""


class Explanation(NamedTuple):
    """Why a task instance stands where it stands: one line, and each thing that it waits for."""

    state: TaskInstanceState
    summary: str
    blockers: tuple[Blocker, ...] = ()
