"""The run under test: the scheduler's engine on one side, a try in this process on the other."""

from __future__ import annotations

import logging
import re
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.effects import Arm, Finish, Move, Note, Offer, Withdraw
from tradewind.core.engine import Instance, Outcome, RunEngine, first_map_indexes
from tradewind.core.ids import DagRunPk, task_instance_pk
from tradewind.core.retries import jitter_key_of
from tradewind.core.states import FINISHED, PARKED, WAITING, DagRunState, TaskInstanceState
from tradewind.core.transitions import Actor, Event
from tradewind.sdk.plugins.listening import tell
from tradewind.sdk.runtime.dag_run import DagRun
from tradewind.serialization.compile import compile_document
from tradewind.serialization.document import tasks_by_group
from tradewind.serialization.expansions import length_of
from tradewind.serialization.messages import DagFile, RunCallback, RunTask
from tradewind.serialization.records import DagRecord, DagRunRecord, TaskInstanceRecord
from tradewind.serialization.waits import TASK_ENDS, resumption_after, start_deferral
from tradewind.standalone.in_process.finished_run import FinishedRun
from tradewind.standalone.in_process.waits import Answers, InlineTriggers
from tradewind.worker.calls.order import run_callback_order
from tradewind.worker.inline import callback_limit, run_inline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.core.effects import Effect
    from tradewind.executors.local_protocol import WorkerOptions
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.serialization.document import DagDocument
    from tradewind.serialization.messages import DagRunFacts, Deferral, Finished, Resumption
    from tradewind.standalone.memory_store import MemoryStore

_log = logging.getLogger("tradewind.task")


class TestedRun:
    """Runs one run to its end, one task after the other, those of higher priority first."""

    __test__ = False  # for pytest: no class of tests

    def __init__(
        self,
        dag: DAG,
        document: DagDocument,
        *,
        facts: DagRunFacts,
        store: MemoryStore,
        options: WorkerOptions,
        clock: Clock,
        mark_success_pattern: str | None = None,
        answers: Mapping[str, str] | None = None,
    ) -> None:
        """Take the DAG with its document, the run's dates and conf, and the store that tasks ask.

        `answers` are those to the questions that tasks ask people, by task_id.
        """
        self._dag = dag
        self._document = document
        self._facts = facts
        self._store = store
        self._options = options
        self._clock = clock
        self._marked = re.compile(mark_success_pattern) if mark_success_pattern is not None else None
        compiled = compile_document(document)
        births = ((node, index) for node in compiled.nodes for index in first_map_indexes(compiled, node))
        instances = [
            Instance(slot, node.task_id, TaskInstanceState.NONE, 0, 0, node.retry.retries, map_index=map_index)
            for slot, (node, map_index) in enumerate(births)
        ]
        self._engine = RunEngine(compiled, instances, jitter_key_of(facts.dag_id, "", facts.logical_date))
        self._file = DagFile(path=dag.fileloc, folder=str(Path(dag.fileloc).parent), fingerprint="")
        self._ready: set[int] = set()
        self._due: dict[int, datetime] = {}
        self._waits: dict[int, Deferral] = {}
        self._resumptions: dict[int, Resumption] = {}
        self._triggers = InlineTriggers(clock)
        self._answers = Answers(answers or {}, clock)
        self._begun: dict[int, int] = {}
        self._started_at: dict[int, datetime] = {}
        self._ended_at: dict[int, datetime] = {}
        self._state = DagRunState.RUNNING
        self._reason = ""
        store.task_instances = self._records
        store.know_assets_of(dag.fileloc)
        store.dags[document.dag_id] = DagRecord(
            dag_id=document.dag_id,
            task_ids=[task.task_id for task in document.tasks],
            task_groups=tasks_by_group(document),
        )

    def run(self) -> FinishedRun:
        """Run everything; return the finished run."""
        self._keep_run()
        self._tell_listeners("running", "")
        self._apply(self._engine.open())
        try:
            self._go_on()
        finally:
            self._triggers.close()
        record = self._keep_run(self._clock.now())
        self._tell_listeners(record.state, self._reason)
        self._call_back(record)
        _log.info("DAG run %s ended: %s", record.run_id, record.state)
        return FinishedRun(record, self._dag, self._store)

    def _go_on(self) -> None:
        while not self._engine.is_over:
            if self._ready:
                self._run_try(min(self._ready, key=self._place))
            elif self._waits:
                self._wait()
            elif self._due:
                self._fall_due(min(self._due, key=lambda slot: self._due[slot]))
            else:
                waiting = [record.task_id for record in self._records() if record.state not in FINISHED]
                raise RuntimeError(f"DAG {self._dag.dag_id!r}: nothing can run, and these have not ended: {waiting}")

    # ---- the engine's side -------------------------------------------------------------------------------------------

    def _apply(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Offer):
                self._ready.add(effect.slot)
            elif isinstance(effect, Withdraw):
                self._ready.discard(effect.slot)
            elif isinstance(effect, Arm):
                self._due[effect.slot] = effect.due_at
            elif isinstance(effect, Note):
                _log.warning("Task %s: %s", self._engine.node_of[effect.slot].task_id, effect.text)
            elif isinstance(effect, Finish):
                self._state, self._reason = effect.state, effect.reason
            elif isinstance(effect, Move):
                self._follow(effect)

    def _follow(self, move: Move) -> None:
        slot = move.slot
        if move.target in FINISHED:
            self._ended_at[slot] = self._clock.now()
        if move.event is Event.START_DEFERRED:
            task = next(task for task in self._document.tasks if task.task_id == self._engine.node_of[slot].task_id)
            if task.start_trigger is not None:
                self._waits[slot] = start_deferral(task.start_trigger, self._clock.now())
        elif move.found in PARKED:
            self._waits.pop(slot, None)
        if move.target in {*FINISHED, *WAITING}:
            self._resumptions.pop(slot, None)

    def _place(self, slot: int) -> tuple[int, int]:
        return -self._engine.node_of[slot].priority_of(self._engine.tries[slot]), slot

    def _fall_due(self, slot: int) -> None:
        due_at = self._due.pop(slot)
        wait_s = (due_at - self._clock.now()).total_seconds()
        if self._engine.states[slot] is TaskInstanceState.UP_FOR_RETRY:
            task_id = self._engine.node_of[slot].task_id
            _log.warning("Task %s is tried again at once: a test does not wait %.0f s for it", task_id, max(wait_s, 0))
        elif wait_s > 0:
            time.sleep(wait_s)
        self._apply(self._engine.fall_due(slot, due_at))

    # ---- waits -------------------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Let one task go on that waits for a person, or else the one whose trigger fires first."""
        for slot, deferral in self._waits.items():
            if deferral.question is not None:
                event = self._answers.event_for(self._engine.node_of[slot].task_id, deferral.question)
                self._resume(slot, resumption_after(deferral, "event", event))
                return
        waits = {slot: (deferral, self._order(slot, is_first_look=False)) for slot, deferral in self._waits.items()}
        fired = self._triggers.next_fired(waits)
        slot = fired.trigger_pk
        if fired.outcome in TASK_ENDS:
            self._end_parked(slot, Outcome(fired.outcome), fired.payload)
        else:
            self._resume(slot, resumption_after(self._waits[slot], fired.outcome, fired.payload))

    def _resume(self, slot: int, resumption: Resumption) -> None:
        self._resumptions[slot] = resumption
        self._apply(self._engine.resume(slot, self._engine.tries[slot], Actor.TRIGGERER))

    def _end_parked(self, slot: int, outcome: Outcome, xcoms: bytes | None) -> None:
        """The trigger ended its task itself."""
        values: dict[str, Any] = {} if xcoms is None else msgspec.json.decode(xcoms)
        for key, value in values.items():
            self._store.set_xcom(
                dag_id=self._dag.dag_id,
                run_id=self._facts.run_id,
                task_id=self._engine.node_of[slot].task_id,
                map_index=self._engine.map_index_of[slot],
                key=key,
                value=msgspec.json.encode(value),
            )
        length = length_of(values, self._engine.map_index_of[slot])
        tries = self._engine.tries[slot]
        self._apply(self._engine.end_parked(slot, tries, outcome, self._clock.now(), map_length=length))

    # ---- a try -------------------------------------------------------------------------------------------------------

    def _run_try(self, slot: int) -> None:
        self._ready.discard(slot)
        engine = self._engine
        self._apply(engine.admit(slot))
        task_id, map_index, try_number = engine.node_of[slot].task_id, engine.map_index_of[slot], engine.tries[slot]
        if self._marked is not None and self._marked.fullmatch(task_id):
            _log.info("Task %s is marked as success, not run", task_id)
            self._apply(engine.end(slot, try_number, Outcome.SUCCESS, self._clock.now()))
            return
        self._apply(engine.start(slot, try_number))
        is_first_look = self._begun.get(slot) != try_number
        if is_first_look:
            # A new try; not another look of a sensor, whose timeout counts from its first one.
            self._begun[slot] = try_number
            self._started_at[slot] = self._clock.now()
            run = {"dag_id": self._dag.dag_id, "run_id": self._facts.run_id}
            self._store.delete_xcoms(**run, task_id=task_id, map_index=map_index)
        finished = run_inline(
            self._order(slot, is_first_look=is_first_look), self._dag, store=self._store, options=self._options
        )
        self._take(slot, finished)

    def _order(self, slot: int, *, is_first_look: bool) -> RunTask:
        engine = self._engine
        node = engine.node_of[slot]
        return RunTask(
            ti_pk=task_instance_pk(DagRunPk(self._facts.pk), slot),
            try_number=engine.tries[slot],
            max_tries=engine.max_tries[slot],
            dag_file=self._file,
            dag_id=self._dag.dag_id,
            task_id=node.task_id,
            map_index=engine.map_index_of[slot],
            expanded_ti_count=engine.expanded_count(node),
            dag_run=self._facts,
            log_path="",
            pool=node.pool,
            pool_slots=node.pool_slots,
            queue=node.queue,
            priority_weight=node.priority_of(engine.tries[slot]),
            queued_at=self._clock.now(),
            operator=node.operator,
            first_started_at=None if is_first_look else self._started_at.get(slot),
            resumption=self._resumptions.get(slot),
        )

    def _take(self, slot: int, finished: Finished) -> None:
        """Keep what the try left, and let the engine go on."""
        task_id, map_index = self._engine.node_of[slot].task_id, self._engine.map_index_of[slot]
        for xcom in finished.xcoms:
            self._store.set_xcom(
                dag_id=self._dag.dag_id,
                run_id=self._facts.run_id,
                task_id=xcom.task_id or task_id,
                map_index=map_index if xcom.map_index is None else xcom.map_index,
                key=xcom.key,
                value=xcom.value,
            )
        if finished.deferral is not None:
            self._waits[slot] = finished.deferral
            self._resumptions.pop(slot, None)
        for event in finished.asset_events:
            self._store.note_asset_event(self._order(slot, is_first_look=False), event, finished.ended_at)
        self._apply(
            self._engine.end(
                slot,
                finished.try_number,
                Outcome(finished.outcome),
                finished.ended_at,
                skips=finished.skip_task_ids,
                due_at=finished.reschedule_at or finished.retry_at,
                map_length=finished.map_length,
            )
        )

    # ---- what others see of the run ----------------------------------------------------------------------------------

    def _keep_run(self, ended_at: datetime | None = None) -> DagRunRecord:
        facts = self._facts
        record = DagRunRecord(
            dag_id=facts.dag_id,
            run_id=facts.run_id,
            run_type=facts.run_type,
            state=self._state.value,
            logical_date=facts.logical_date,
            data_interval_start=facts.data_interval_start,
            data_interval_end=facts.data_interval_end,
            run_after=facts.run_after,
            start_date=facts.start_date,
            end_date=ended_at,
            conf=facts.conf,
        )
        self._store.runs[record.dag_id, record.run_id] = record
        return record

    def _records(self) -> list[TaskInstanceRecord]:
        engine = self._engine
        return [
            TaskInstanceRecord(
                dag_id=self._dag.dag_id,
                run_id=self._facts.run_id,
                task_id=node.task_id,
                map_index=engine.map_index_of[slot],
                state=None if engine.states[slot] is TaskInstanceState.NONE else engine.states[slot].value,
                try_number=engine.tries[slot],
                max_tries=engine.max_tries[slot],
                start_date=self._started_at.get(slot),
                end_date=self._ended_at.get(slot),
                operator=node.operator,
                pool=node.pool,
                logical_date=self._facts.logical_date,
            )
            for slot, node in engine.node_of.items()
        ]

    def _tell_listeners(self, state: str, reason: str) -> None:
        run = DagRun(msgspec.structs.replace(self._facts, state=state))
        tell(f"on_dag_run_{state}", callback_limit(self._options), dag_run=run, msg=reason)

    def _call_back(self, record: DagRunRecord) -> None:
        name = "on_success_callback" if self._state is DagRunState.SUCCESS else "on_failure_callback"
        if name not in self._document.callbacks:
            return
        wanted = TaskInstanceState.SUCCESS if self._state is DagRunState.SUCCESS else TaskInstanceState.FAILED
        ended = [slot for slot in self._ended_at if self._engine.states[slot] is wanted]
        # As in Airflow, the callback sees the context of the instance that decided last.
        last = max(ended, key=lambda slot: self._ended_at[slot], default=None)
        order = RunCallback(
            callback_pk=0,
            kind="dag",
            task_id=None if last is None else self._engine.node_of[last].task_id,
            map_index=-1 if last is None else self._engine.map_index_of[last],
            try_number=0 if last is None else self._engine.tries[last],
            dag_file=self._file,
            dag_id=self._dag.dag_id,
            dag_run=msgspec.structs.replace(self._facts, state=record.state, end_date=record.end_date),
            name=name,
            reason=self._reason,
            log_path="",
        )
        run_callback_order(order, lambda: self._dag, self._options, socket.gethostname(), callback_limit(self._options))
