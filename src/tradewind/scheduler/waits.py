"""What parked task instances wait for, and with what they go on: kept beside the run book, written with its batches.

The rows of triggers are the truth. In memory are only who waits, the timers of their time limits, and what a try that has
been resumed is to be told when it is handed out.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.engine import Outcome
from tradewind.core.ids import slot_of, task_instance_pk
from tradewind.core.states import PARKED, TaskInstanceState
from tradewind.core.transitions import Actor, Event
from tradewind.metadata.batch import (
    CallbackRequest,
    NewDeferral,
    OverDeferral,
    Question,
    ResumedDeferral,
    XComWrite,
)
from tradewind.serialization.messages import FAIL_METHOD, Resumption

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.core.effects import Move
    from tradewind.metadata.batch import DeferralRow
    from tradewind.metadata.scheduling import SchedulerStore
    from tradewind.scheduler.active_run import ActiveRun
    from tradewind.scheduler.collector import Collector
    from tradewind.scheduler.reactor import SelectorReactor
    from tradewind.scheduler.run_book import RunBook
    from tradewind.serialization.messages import Deferral, HumanQuestion

_log = logging.getLogger(__name__)

_S = TaskInstanceState
_GOING_ON = frozenset({*PARKED, _S.SCHEDULED, _S.QUEUED, _S.RUNNING, _S.RESTARTING})
"""In these a try may still need what it was parked with."""
_TIMED_OUT: dict[str, Any] = {"error": "Trigger timeout"}
_FAILED: dict[str, Any] = {"error": "Trigger failure"}
_ENDS = {"success": Outcome.SUCCESS, "failed": Outcome.FAILED, "skipped": Outcome.SKIPPED}
"""A trigger may end its task itself."""
_CALLBACKS = {
    _S.SUCCESS: "on_success_callback",
    _S.FAILED: "on_failure_callback",
    _S.UP_FOR_RETRY: "on_retry_callback",
}


class Waits:
    """The waits of all active runs."""

    def __init__(
        self, book: RunBook, store: SchedulerStore, collector: Collector, reactor: SelectorReactor, clock: Clock
    ) -> None:
        """Move task instances through `book`; write to `collector`."""
        self._book = book
        self._store = store
        self._collector = collector
        self._reactor = reactor
        self._clock = clock

    # ---- a wait begins and ends ----------------------------------------------------------------------------------------

    def park(self, active: ActiveRun, slot: int, deferral: Deferral) -> None:
        """The instance has just been parked: write what it waits for, and watch its time limit."""
        ti_pk = task_instance_pk(active.pk, slot)
        engine = active.engine
        self._collector.batch.deferrals.append(
            NewDeferral(
                ti_pk=ti_pk,
                ti_version=engine.versions[slot],
                try_number=engine.tries[slot],
                classpath=deferral.classpath,
                kwargs=deferral.kwargs,
                next_method=deferral.next_method,
                next_kwargs=deferral.next_kwargs,
                queue=deferral.queue,
                question=None if deferral.question is None else _as_stored(deferral.question),
            ),
        )
        active.waits[slot] = None
        row = self._collector.row_of(ti_pk)
        if row is not None:
            row.due_at = deferral.timeout_at
        self._watch(active, slot, deferral.timeout_at)

    def follow(self, active: ActiveRun, move: Move) -> None:
        """An instance has moved: it may begin by waiting, and what it went on with may be of no use any more."""
        slot = move.slot
        if move.event is Event.START_DEFERRED:
            deferral = active.dag.start_deferral(active.engine.node_of[slot].task_id, self._clock.now())
            self.park(active, slot, deferral)
        elif slot in active.waits and move.target not in _GOING_ON:
            was_waiting = active.waits.pop(slot) is None
            active.arm(slot, _nothing)
            self._collector.batch.deferrals_over.append(
                OverDeferral(task_instance_pk(active.pk, slot), was_waiting),
            )

    # ---- after a restart -----------------------------------------------------------------------------------------------

    def take_up(self, active: ActiveRun, rows: Iterable[DeferralRow], due: dict[int, datetime | None]) -> None:
        """Know again what the instances of a run wait for. `due`: the ends of their time, by slot."""
        engine = active.engine
        for row in rows:
            slot = slot_of(row.ti_pk)
            if engine.tries.get(slot) != row.try_number or engine.states[slot] not in _GOING_ON:
                continue
            if row.state == "resumed":
                active.waits[slot] = _resumption(row)
            elif engine.states[slot] in PARKED:
                active.waits[slot] = None
                self._watch(active, slot, due.get(slot))

    # ---- what they wait for comes --------------------------------------------------------------------------------------

    def take_fired(self) -> None:
        """Let every instance go on whose wait is over."""
        newest = 0
        while rows := self._store.load_fired(newest):
            newest = rows[-1].trigger_pk
            self.take(rows)

    def take(self, rows: Iterable[DeferralRow]) -> None:
        """Let instances go on whose waits are over; rows of others, and of waits before, do nothing."""
        for row in rows:
            active = self._book.find(row.ti_pk)
            slot = slot_of(row.ti_pk)
            if active is None or row.state != "fired" or active.engine.versions[slot] != row.ti_version:
                continue
            if active.engine.states[slot] not in PARKED:
                continue
            outcome = _ENDS.get(row.outcome or "")
            if outcome is not None:
                self._end(active, slot, outcome, row)
            else:
                actor = Actor.USER if active.engine.states[slot] is _S.AWAITING_INPUT else Actor.TRIGGERER
                self._resume(
                    active, slot, _resumption(row), ResumedDeferral(row.ti_pk, row.ti_version, row.outcome or ""), actor
                )

    def _resume(
        self, active: ActiveRun, slot: int, resumption: Resumption, over: ResumedDeferral, actor: Actor
    ) -> None:
        active.arm(slot, _nothing)
        active.waits[slot] = resumption
        self._collector.batch.deferrals_resumed.append(over)
        self._book.apply(active, active.engine.resume(slot, active.engine.tries[slot], actor))

    def _end(self, active: ActiveRun, slot: int, outcome: Outcome, row: DeferralRow) -> None:
        """The trigger has decided how its task ends."""
        now = self._clock.now()
        engine = active.engine
        self._book.apply(active, engine.end_parked(slot, row.try_number, outcome, now))
        state = engine.states[slot]
        written = self._collector.row_of(row.ti_pk)
        if written is not None:
            written.ended_at = now
            if outcome is Outcome.FAILED:
                written.note = "its trigger ended it as failed"
        if state is not _S.UP_FOR_RETRY and row.payload is not None:
            xcoms: dict[str, Any] = msgspec.json.decode(row.payload)
            batch = self._collector.batch
            batch.xcoms.extend(XComWrite(row.ti_pk, key, msgspec.json.encode(value)) for key, value in xcoms.items())
        self._call_back(active, slot, row.try_number, _CALLBACKS.get(state))

    def _call_back(self, active: ActiveRun, slot: int, try_number: int, name: str | None) -> None:
        node = active.engine.node_of.get(slot)
        if node is None or name is None or name not in active.dag.task_callbacks.get(node.task_id, ()):
            return
        self._collector.batch.callbacks.append(
            CallbackRequest(
                active.pk,
                active.run.dag_id,
                active.run.run_id,
                name,
                "its trigger ended the task",
                task_id=node.task_id,
                try_number=try_number,
            ),
        )

    # ---- time limits ---------------------------------------------------------------------------------------------------

    def _watch(self, active: ActiveRun, slot: int, until: datetime | None) -> None:
        if until is None:
            active.arm(slot, _nothing)
            return
        version = active.engine.versions[slot]
        active.arm(slot, self._reactor.call_at(until, lambda: self._time_out(active, slot, version)))

    def _time_out(self, active: ActiveRun, slot: int, version: int) -> None:
        engine = active.engine
        if engine.versions[slot] != version or engine.states[slot] not in PARKED:
            return
        ti_pk = task_instance_pk(active.pk, slot)
        _log.info("task instance %d has waited for as long as it may", ti_pk)
        over = ResumedDeferral(ti_pk, version, "timeout")
        self._resume(active, slot, _failing(_TIMED_OUT), over, Actor.SCHEDULER)


def _resumption(row: DeferralRow) -> Resumption:
    if row.outcome == "timeout":
        return _failing(_TIMED_OUT)
    if row.outcome == "error":
        lines = msgspec.json.decode(row.payload) if row.payload is not None else None
        return _failing(_FAILED | {"traceback": lines})
    return Resumption(next_method=row.next_method, next_kwargs=row.next_kwargs, event=row.payload)


def _failing(reason: dict[str, Any]) -> Resumption:
    return Resumption(next_method=FAIL_METHOD, next_kwargs=msgspec.json.encode(reason))


def _as_stored(question: HumanQuestion) -> Question:
    return Question(
        subject=question.subject,
        body=question.body,
        options=_json(question.options),
        defaults=None if question.defaults is None else _json(question.defaults),
        multiple=question.multiple,
        params=_json(question.params),
        assigned_users=_json(question.assigned_users),
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _nothing() -> None:
    """Cancel nothing: there is no timer."""
