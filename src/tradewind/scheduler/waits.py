"""What parked task instances wait for, and with what they go on: kept beside the run book, written with its batches.

The rows of triggers are the truth. In memory are only who waits, the timers of their time limits, and what a try that has
been resumed is to be told when it is handed out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.engine import Outcome
from tradewind.core.ids import slot_of, task_instance_pk
from tradewind.core.states import PARKED, TaskInstanceState
from tradewind.core.transitions import Actor, Event
from tradewind.metadata.batch import (
    CallbackRequest,
    MappingWrite,
    NewDeferral,
    OverDeferral,
    Question,
    ResumedDeferral,
    XComWrite,
)
from tradewind.serialization.expansions import length_of
from tradewind.serialization.waits import TASK_ENDS, resumption_after

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

_S = TaskInstanceState
_GOING_ON = frozenset({*PARKED, _S.SCHEDULED, _S.QUEUED, _S.RUNNING, _S.RESTARTING})
"""In these a try may still need what it was parked with."""
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
                due_outcome=deferral.due_outcome,
                due_payload=deferral.due_payload,
                is_timed=deferral.is_timed,
                queue=deferral.queue,
                question=None if deferral.question is None else _as_stored(deferral.question),
            ),
        )
        active.waits[slot] = None
        row = self._collector.row_of(ti_pk)
        if row is not None:
            row.due_at = deferral.due_at
        self._watch(active, slot, deferral.due_at)

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
                active.waits[slot] = resumption_after(row, row.outcome, row.payload)
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
            if active is not None and row.state == "fired":
                is_human = active.engine.states[slot_of(row.ti_pk)] is _S.AWAITING_INPUT
                self._conclude(active, row, Actor.USER if is_human else Actor.TRIGGERER)

    def _conclude(self, active: ActiveRun, row: DeferralRow, actor: Actor) -> None:
        """A wait is over as its row says: the instance goes on, or its trigger has ended it."""
        slot = slot_of(row.ti_pk)
        engine = active.engine
        if engine.versions[slot] != row.ti_version or engine.states[slot] not in PARKED:
            return
        if row.outcome in TASK_ENDS:
            self._end(active, slot, Outcome(row.outcome), row)
            return
        over = ResumedDeferral(row.ti_pk, row.ti_version, was_waiting=row.state == "waiting")
        if over.was_waiting and engine.states[slot] is _S.AWAITING_INPUT:
            over.default_answer = _default_answer(row)
        active.arm(slot, _nothing)
        active.waits[slot] = resumption_after(row, row.outcome, row.payload)
        self._collector.batch.deferrals_resumed.append(over)
        self._book.apply(active, engine.resume(slot, row.try_number, actor))

    def _end(self, active: ActiveRun, slot: int, outcome: Outcome, row: DeferralRow) -> None:
        """The trigger has decided how its task ends."""
        now = self._clock.now()
        engine = active.engine
        xcoms: dict[str, Any] = {} if row.payload is None else msgspec.json.decode(row.payload)
        node = engine.node_of.get(slot)
        length = length_of(xcoms, engine.map_index_of[slot]) if node is not None and node.lengthens else None
        self._book.apply(active, engine.end_parked(slot, row.try_number, outcome, now, map_length=length))
        state = engine.states[slot]
        written = self._collector.row_of(row.ti_pk)
        if written is not None:
            written.ended_at = now
            if outcome is Outcome.FAILED:
                written.note = "its trigger ended it as failed"
        batch = self._collector.batch
        if length is not None and state is _S.SUCCESS:
            batch.mappings.append(MappingWrite(row.ti_pk, length, None))
        if state is not _S.UP_FOR_RETRY:
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
                map_index=active.engine.map_index_of[slot],
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
        row = self._store.load_deferral(task_instance_pk(active.pk, slot))
        if row is not None:
            self._conclude(active, row, Actor.SCHEDULER)


def _default_answer(row: DeferralRow) -> tuple[int, str, str] | None:
    """Return what a question is answered with that nobody has answered, None where it has no defaults."""
    event: dict[str, Any] = msgspec.json.decode(row.payload or b"{}")
    if "chosen_options" not in event:
        return None
    return row.try_number, _json(event["chosen_options"]), _json(event["params_input"])


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
