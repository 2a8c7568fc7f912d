"""From effects to one batch: the moves of a turn that belong to one instance become one row to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.ids import task_instance_pk
from tradewind.core.states import TaskInstanceState
from tradewind.core.transitions import Event
from tradewind.metadata.batch import Batch, TaskTransition

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.effects import Move
    from tradewind.core.ids import DagRunPk, TaskInstancePk
    from tradewind.metadata.batch import DagSchedule

    PastOf = tuple[str, datetime]
    """A DAG and the logical date of one of its runs."""

_ENDS = frozenset(
    {
        Event.SUCCEED,
        Event.SKIP,
        Event.FAIL,
        Event.RETRY,
        Event.COMPLETE_EMPTY,
        Event.FAIL_UPSTREAM,
        Event.RULE_SKIP,
        Event.SKIP_DOWNSTREAM,
        Event.MARK_FAILED,
        Event.MARK_SKIPPED,
    },
)
_DERIVED = frozenset(
    {
        Event.SCHEDULE,
        Event.START_DEFERRED,
        Event.EXPAND,
        Event.ENQUEUE,
        Event.COMPLETE_EMPTY,
        Event.FAIL_UPSTREAM,
        Event.RULE_SKIP,
    },
)
"""Decided by the states of the run alone: whoever reads the run again decides them again."""
_WITHOUT_PROCESS = frozenset({Event.COMPLETE_EMPTY, Event.FAIL_UPSTREAM, Event.RULE_SKIP, Event.SKIP_DOWNSTREAM})


class Collector:
    """Gathers what one turn of the loop has to write."""

    def __init__(self) -> None:
        """Start with an empty batch."""
        self.batch = Batch()
        self.past: set[PastOf] = set()
        """What this batch may change of the past of later runs."""
        self.committed_past: set[PastOf] = set()
        """The same of the batches taken before: whoever has told the later runs empties it."""
        self._by_ti: dict[TaskInstancePk, TaskTransition] = {}
        self._schedules: dict[str, DagSchedule] = {}

    @property
    def has_work(self) -> bool:
        """Whether anything is to be written."""
        return bool(self._schedules) or bool(self.batch)

    def take(self) -> Batch:
        """Return the batch and start the next one."""
        batch, self.batch = self.batch, Batch()
        batch.schedules.extend(self._schedules.values())
        self._schedules.clear()
        self._by_ti.clear()
        self.committed_past |= self.past
        self.past.clear()
        return batch

    def schedule(self, schedule: DagSchedule) -> None:
        """Let a DAG's next run be written; of several in one turn the last one counts."""
        self._schedules[schedule.dag_id] = schedule

    def row_of(self, ti_pk: TaskInstancePk) -> TaskTransition | None:
        """Return the row that this turn writes of the instance, if any."""
        return self._by_ti.get(ti_pk)

    def move(self, run_pk: DagRunPk, move: Move, at: datetime) -> TaskTransition:
        """Add one move; returns its row, so that the caller can fill in what the event itself brought."""
        ti_pk = task_instance_pk(run_pk, move.slot)
        row = self._by_ti.get(ti_pk)
        if row is None:
            row = TaskTransition(
                ti_pk=ti_pk,
                expected=move.found,
                expected_version=move.version - 1,
                target=move.target,
                version=move.version,
                events=(move.event,),
                at=at,
                try_number=move.try_number,
                is_derived=move.event in _DERIVED,
            )
            self._by_ti[ti_pk] = row
            self.batch.transitions.append(row)
        else:
            row.target = move.target
            row.version = move.version
            row.events += (move.event,)
            row.try_number = move.try_number
            row.is_derived = row.is_derived and move.event in _DERIVED
        _stamp(row, move, at)
        return row


def _stamp(row: TaskTransition, move: Move, at: datetime) -> None:
    event = move.event
    if event in {Event.SCHEDULE, Event.START_DEFERRED}:
        row.scheduled_at = at
        if move.found is not TaskInstanceState.UP_FOR_RESCHEDULE:
            row.is_new_try = True
            row.archives_try = row.archives_try or move.found is TaskInstanceState.UP_FOR_RETRY
            row.queued_at = row.started_at = row.ended_at = row.due_at = None
    elif event is Event.RESUME:
        row.scheduled_at = at
    elif event is Event.ENQUEUE:
        row.queued_at = at
    elif event is Event.RESCUE or (event is Event.EXPAND and move.found is not TaskInstanceState.NONE):
        row.archives_try = True
        row.is_new_try = True
    elif event in _ENDS:
        row.ended_at = at
        if event in _WITHOUT_PROCESS:
            row.started_at = at
