"""What the executor reports of tries: each report is checked against the try at work before it changes anything.

A report of another try, of one that has ended, or of one that somebody else has moved meanwhile does nothing at all.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tradewind.core.engine import Outcome
from tradewind.core.ids import TaskInstancePk, slot_of
from tradewind.core.states import PARKED, TaskInstanceState
from tradewind.metadata.batch import AssetEventWrite, CallbackRequest, MappingWrite, RenderedWrite, XComWrite

if TYPE_CHECKING:
    from tradewind.core.clock import Clock
    from tradewind.executors.port import Lost
    from tradewind.scheduler.active_run import ActiveRun
    from tradewind.scheduler.collector import Collector
    from tradewind.scheduler.run_book import RunBook
    from tradewind.serialization.messages import AssetEventReport, Finished, Started, XComPush

_log = logging.getLogger(__name__)

_AT_WORK = frozenset({TaskInstanceState.QUEUED, TaskInstanceState.RUNNING})
_PARKING = frozenset({Outcome.DEFERRED, Outcome.AWAITING_INPUT})
_LIVING_ON = _PARKING | {Outcome.RESCHEDULE}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome} | {Outcome.KILLED.value: Outcome.FAILED}
"""A try that was killed, and whose state nobody has set, is judged by the retry rules."""


class ReportTaker:
    """Applies reports to the book of active runs."""

    def __init__(self, book: RunBook, collector: Collector, clock: Clock) -> None:
        """Write to `collector` what reports bring beside the moves."""
        self._book = book
        self._collector = collector
        self._clock = clock

    def take_started(self, report: Started) -> None:
        """A worker claimed the try."""
        ti_pk = TaskInstancePk(report.ti_pk)
        active = self._book.find(ti_pk)
        if active is None:
            return
        slot = slot_of(ti_pk)
        row = self._book.apply(active, active.engine.start(slot, report.try_number))
        if row is not None:
            row.started_at = active.first_started_at.setdefault(slot, report.started_at)
            row.pid = report.pid

    def take_push(self, push: XComPush) -> None:
        """A task pushed an XCom while it runs."""
        ti_pk = TaskInstancePk(push.ti_pk)
        active = self._book.find(ti_pk)
        if active is not None and active.engine.states[slot_of(ti_pk)] in _AT_WORK:
            self._collector.batch.xcoms.append(XComWrite(ti_pk, push.key, push.value))

    def take_finished(self, report: Finished) -> None:
        """A try ended and told how."""
        ti_pk = TaskInstancePk(report.ti_pk)
        active = self._try_at_work(ti_pk, report.try_number)
        if active is None:
            return
        slot = slot_of(ti_pk)
        outcome = _OUTCOMES.get(report.outcome, Outcome.FAILED)
        if outcome in _PARKING and report.deferral is None:
            outcome = Outcome.FAILED  # nobody would ever say that the wait is over
        started_at = active.first_started_at.get(slot, report.started_at)
        if outcome in _LIVING_ON:
            active.first_started_at[slot] = started_at
        batch = self._collector.batch
        for xcom in report.xcoms:
            batch.xcoms.append(XComWrite(ti_pk, xcom.key, xcom.value))
        if report.map_length is not None or report.rendered_map_index is not None:
            batch.mappings.append(MappingWrite(ti_pk, report.map_length, report.rendered_map_index))
        batch.asset_events += [_asset_event(active, ti_pk, event) for event in report.asset_events]
        if report.rendered_fields is not None:
            batch.rendered.append(RenderedWrite(ti_pk, report.rendered_fields))
        effects = active.engine.end(
            slot,
            report.try_number,
            outcome,
            report.ended_at,
            skips=report.skip_task_ids,
            due_at=report.reschedule_at or report.retry_at,
            map_length=report.map_length,
        )
        self._book.apply(active, effects)
        if report.deferral is not None and active.engine.states[slot] in PARKED:
            self._book.waits.park(active, slot, report.deferral)
        row = self._collector.row_of(ti_pk)
        if row is not None:
            row.started_at = started_at
            row.note = report.error or report.note
            if outcome not in _LIVING_ON:
                row.ended_at = report.ended_at

    def take_lost(self, lost: Lost) -> None:
        """The process of a try is gone without a report."""
        active = self._try_at_work(lost.ti_pk, lost.try_number)
        if active is None:
            return
        slot = slot_of(lost.ti_pk)
        _log.warning("%s: try %d lost: %s", _name(active, slot), lost.try_number, lost.reason)
        now = self._clock.now()
        self._book.apply(active, active.engine.lose(slot, lost.try_number, now, was_started=lost.was_started))
        state = active.engine.states[slot]
        if state not in {TaskInstanceState.UP_FOR_RETRY, TaskInstanceState.FAILED}:
            return
        row = self._collector.row_of(lost.ti_pk)
        if row is not None:
            row.note = lost.reason
        name = "on_retry_callback" if state is TaskInstanceState.UP_FOR_RETRY else "on_failure_callback"
        self._call_back(active, slot, lost, name)

    def _try_at_work(self, ti_pk: TaskInstancePk, try_number: int) -> ActiveRun | None:
        """Return the run whose try has just come to its end, unless the end is of no interest to anybody."""
        book = self._book
        book.land(ti_pk, try_number)
        active = book.find(ti_pk)
        if active is None:
            return None
        slot = slot_of(ti_pk)
        if active.engine.tries[slot] != try_number:
            return None
        state = active.engine.states[slot]
        if state is TaskInstanceState.RESTARTING:
            # A user cleared it while it ran; its process is gone now, however it ended.
            book.apply(active, active.engine.rescue(slot))
            return None
        return active if state in _AT_WORK else None

    def _call_back(self, active: ActiveRun, slot: int, lost: Lost, name: str) -> None:
        """The lost process cannot call the task's own callback any more: another one does."""
        node = active.engine.node_of.get(slot)
        if node is None or name not in active.dag.task_callbacks.get(node.task_id, ()):
            return
        run = active.run
        self._collector.batch.callbacks.append(
            CallbackRequest(
                active.pk,
                run.dag_id,
                run.run_id,
                name,
                lost.reason,
                task_id=node.task_id,
                map_index=active.engine.map_index_of[slot],
                try_number=lost.try_number,
            ),
        )


def _asset_event(active: ActiveRun, ti_pk: TaskInstancePk, event: AssetEventReport) -> AssetEventWrite:
    instance = active.engine.node_of[slot_of(ti_pk)]
    return AssetEventWrite(
        name=event.name,
        uri=event.uri,
        extra=event.extra,
        aliases=event.aliases,
        ti_pk=ti_pk,
        asset_extra=event.asset_extra,
        source_dag_id=active.run.dag_id,
        source_task_id=instance.task_id,
        source_run_id=active.run.run_id,
        source_map_index=active.engine.map_index_of[slot_of(ti_pk)],
        partition_key=event.partition_key,
        partition_date=event.partition_date,
    )


def _name(active: ActiveRun, slot: int) -> str:
    node = active.engine.node_of.get(slot)
    map_index = active.engine.map_index_of[slot]
    mapped = f"[{map_index}]" if map_index >= 0 else ""
    return f"{active.run.dag_id} {active.run.run_id} {node.task_id if node else slot}{mapped}"
