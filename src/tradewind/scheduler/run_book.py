"""The book of active runs: applies the engine's effects to limits, timers and the batch to be written.

Everything here is a cache. `reload` makes a run anew from the database at any moment, and after a restart all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tradewind.core.effects import Arm, Effect, Expand, Finish, Move, Note, Offer, Park, Release, Stop, Withdraw
from tradewind.core.ids import run_pk_of, slot_of, task_instance_pk
from tradewind.core.limits import Hold
from tradewind.core.past import begins_after, counts_as_past, is_first_of_backfill, is_held_by_past
from tradewind.core.states import FINISHED, HOLDING_SLOT, PARKED, WAITING, DagRunState, TaskInstanceState
from tradewind.metadata.batch import Expansion, RunEnd, RunStart
from tradewind.scheduler.active_run import ActiveRun, first_instances, fresh, new_instance, stored
from tradewind.scheduler.calling.requests import requests_at_end, requests_at_start
from tradewind.scheduler.run_queue import room_of
from tradewind.scheduler.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from tradewind.core.clock import Clock
    from tradewind.core.graph import TaskNode
    from tradewind.core.ids import DagRunPk, TaskInstancePk
    from tradewind.core.limits import Limits
    from tradewind.metadata.batch import NewTaskInstance, RunRow, TaskInstanceRow, TaskTransition
    from tradewind.metadata.scheduling import SchedulerStore
    from tradewind.scheduler.collector import Collector
    from tradewind.scheduler.dags import DagState
    from tradewind.scheduler.reactor import SelectorReactor
    from tradewind.scheduler.run_queue import Room

K = TypeVar("K")
_IN_TRY = frozenset(
    {
        TaskInstanceState.SCHEDULED,
        TaskInstanceState.QUEUED,
        TaskInstanceState.RUNNING,
        TaskInstanceState.UP_FOR_RESCHEDULE,
        *PARKED,
    },
)
"""In these a try goes on that may have begun already."""

_HOLDS = {TaskInstanceState.DEFERRED: Hold.DEFERRED, TaskInstanceState.AWAITING_INPUT: Hold.AWAITING_INPUT}


class RunBook:
    """All runs that have started and not ended."""

    def __init__(
        self,
        store: SchedulerStore,
        limits: Limits,
        collector: Collector,
        reactor: SelectorReactor,
        clock: Clock,
    ) -> None:
        """Start with no runs."""
        self.runs: dict[DagRunPk, ActiveRun] = {}
        self.by_dag: dict[str, set[DagRunPk]] = {}
        self.by_room: dict[Room, set[DagRunPk]] = {}
        self.in_flight: dict[TaskInstancePk, int] = {}
        """What the executor has been given and not reported the end of, with its try number."""
        self.kills: list[tuple[TaskInstancePk, int]] = []
        """Tries to be killed in this turn."""
        self.to_dispatch: list[TaskInstancePk] = []
        self.listened: frozenset[str] = frozenset()
        """Hooks that listeners of plugins implement."""
        self.ended: list[ActiveRun] = []
        """Runs that ended in this turn; the scheduler looks at their DAGs once the end is committed."""
        self.waits = Waits(self, store, collector, reactor, clock)
        self._doomed: set[tuple[TaskInstancePk, int]] = set()
        """Tries that were to be killed and have not ended."""
        self.epoch = 0
        """Of the lease under which the scheduler writes."""
        self._store = store
        self._limits = limits
        self._collector = collector
        self._reactor = reactor
        self._clock = clock

    # ---- a run's life --------------------------------------------------------------------------------------------------

    def start(self, run: RunRow, dag: DagState) -> ActiveRun:
        """Start a queued run: its task instances come into being, or go on where a run that was over has them already."""
        now = self._clock.now()
        # Whoever reopens a run that was over, or changes one that waits, raises its version.
        rows = self._store.load_task_instances(run.run_pk) if run.version else []
        if rows and run.dag_version_pk not in {None, dag.row.version_pk}:
            self._store.follow_version([run.run_pk], dag.row.version_pk, epoch=self.epoch)
        run.state = DagRunState.RUNNING
        run.started_at = now
        run.dag_version_pk, run.bundle_version = dag.row.version_pk, dag.pinned_version
        active, added = self._with_missing(run, dag, rows)
        self._collector.batch.run_starts.append(
            RunStart(
                run.run_pk,
                run.dag_id,
                run.run_id,
                now,
                dag.row.version_pk,
                added,
                run.version,
                bundle_version=dag.pinned_version,
            ),
        )
        self._collector.batch.callbacks.extend(requests_at_start(active, self.listened))
        for row in rows:
            self._take_up(active, row, rescues=False)
        self._enter(active)
        return active

    def resume(self, run: RunRow, dag: DagState, rows: Iterable[TaskInstanceRow], *, rescues: bool) -> ActiveRun:
        """Take up a run that is under way. `rescues`: no process of the scheduler before can be at work any more."""
        rows = list(rows)
        active, added = self._with_missing(run, dag, rows)
        self._collector.batch.new_task_instances.extend((run.run_pk, row) for row in added)
        waits = self._store.load_deferrals(run.run_pk)
        self.waits.take_up(active, waits, {slot_of(row.ti_pk): row.due_at for row in rows})
        for row in rows:
            self._take_up(active, row, rescues=rescues)
        self._enter(active)
        self.waits.take(waits)
        return active

    def reload(self, run_pk: DagRunPk, dag_of: Callable[[RunRow], DagState | None]) -> RunRow | None:
        """Make the run anew from the database, where it is under way; what is at work for it and not wanted is killed.

        Returns the run's row as it is now, None when it was deleted. Whatever was decided of it has to be written before.
        """
        before = self.runs.get(run_pk)
        if before is not None:
            self.leave(before)
        run = next(iter(self._store.load_runs([run_pk])), None)
        is_under_way = run is not None and run.state is DagRunState.RUNNING
        rows = self._store.load_task_instances(run_pk) if is_under_way else []
        wanted = {
            row.ti_pk: row.try_number
            for row in rows
            if row.state in HOLDING_SLOT and row.state is not TaskInstanceState.RESTARTING
        }
        for ti_pk, try_number in self.in_flight.items():
            if run_pk_of(ti_pk) == run_pk and wanted.get(ti_pk) != try_number:
                self._kill(ti_pk, try_number)
        if run is not None and is_under_way:
            dag = dag_of(run)
            if dag is not None:
                self.resume(run, dag, rows, rescues=False)
        return run

    def leave(self, active: ActiveRun) -> None:
        """Forget a run and give back what it holds; nothing happens when it was made anew meanwhile."""
        run_pk = active.pk
        if self.runs.get(run_pk) is not active:
            return
        del self.runs[run_pk]
        active.disarm()
        _discard(self.by_dag, active.run.dag_id, run_pk)
        _discard(self.by_room, room_of(active.run), run_pk)
        for slot, state in active.engine.states.items():
            if state in HOLDING_SLOT or state in PARKED:
                self._limits.release(task_instance_pk(run_pk, slot))
            elif state is TaskInstanceState.SCHEDULED:
                self._limits.withdraw(task_instance_pk(run_pk, slot))
        if self.to_dispatch:
            self.to_dispatch = [pk for pk in self.to_dispatch if run_pk_of(pk) != run_pk]

    def find(self, ti_pk: TaskInstancePk) -> ActiveRun | None:
        """Return the active run of an instance, if it is one of the run's."""
        active = self.runs.get(run_pk_of(ti_pk))
        return active if active is not None and slot_of(ti_pk) in active.engine.states else None

    def land(self, ti_pk: TaskInstancePk, try_number: int) -> None:
        """The executor has reported the end of a try: no process is at work on it any more."""
        self._doomed.discard((ti_pk, try_number))
        if self.in_flight.get(ti_pk) == try_number:
            del self.in_flight[ti_pk]

    # ---- effects -------------------------------------------------------------------------------------------------------

    def apply(self, active: ActiveRun, effects: Iterable[Effect]) -> TaskTransition | None:
        """Carry effects out, in order; returns the row of the last move, for what its report brings beside."""
        row: TaskTransition | None = None
        now = self._clock.now()
        for effect in effects:
            if isinstance(effect, Move):
                row = self._collector.move(active.pk, effect, now)
                self.waits.follow(active, effect)
                if effect.target not in _IN_TRY:
                    self._note_end(active, effect)
            elif isinstance(effect, Arm):
                if row is not None and slot_of(row.ti_pk) == effect.slot:
                    row.due_at = effect.due_at
                self._arm(active, effect)
            elif isinstance(effect, Note):
                if row is not None:
                    row.note = effect.text
            elif isinstance(effect, Finish):
                self._finish(active, effect)
            else:
                self._pass_on(active, effect)
        return row

    def admit(self) -> None:
        """Queue everything that the limits have room for."""
        for candidate in self._limits.admit():
            active = self.runs[candidate.run_pk]
            self.apply(active, active.engine.admit(slot_of(candidate.ti_pk)))
            self.to_dispatch.append(candidate.ti_pk)

    # ---- the past ------------------------------------------------------------------------------------------------------

    def tell_past(self, run: RunRow) -> None:
        """Something of a run moved that may hold later runs back, or does not any more: look at them once it is written."""
        if run.logical_date is not None:
            self._collector.past.add((run.dag_id, run.logical_date))

    def check_past(self) -> bool:
        """Tell the runs after those that moved whether the past holds them; True when something followed.

        Looks at what is committed, so it is called after a commit.
        """
        pending, self._collector.committed_past = self._collector.committed_past, set()
        followers = {run.pk: run for dag_id, date in pending for run in self._followers_of(dag_id, date)}
        has_moved = False
        for follower in followers.values():
            held = self._held_by_past(follower)
            before = set(follower.engine.held_by_past)
            for slot in before ^ held:
                effects = follower.engine.hear_of_past(slot, is_held=slot in held)
                has_moved = has_moved or bool(effects)
                self.apply(follower, effects)
        return has_moved

    def _followers_of(self, dag_id: str, logical_date: datetime) -> Iterator[ActiveRun]:
        """Give the active runs whose run before may be the one of that date: up to the first that is one itself."""
        runs = (self.runs[pk] for pk in self.by_dag.get(dag_id, ()))
        dated = ((date, run.pk, run) for run in runs if (date := run.run.logical_date) is not None)
        for _, _, run in sorted(entry for entry in dated if entry[0] > logical_date):
            if run.dag.compiled_asks_past:
                yield run
            if counts_as_past(run.run.run_type, is_catchup=run.dag.document.catchup):
                return

    def _held_by_past(self, active: ActiveRun) -> set[int]:
        dag = active.dag
        run = active.run
        if not dag.compiled_asks_past or run.logical_date is None or is_first_of_backfill(run.backfill_ordinal):
            return set()
        engine = active.engine
        asking = [
            (slot, node)
            for node in dag.compiled.nodes
            if node.asks_the_past
            for slot in engine.slots_of(node)
            if engine.states[slot] in WAITING
        ]
        asking = self._without_late_starters(active, asking)
        if not asking:
            return set()
        task_ids = {node.task_id for _, node in asking}
        for node in {node.index: node for _, node in asking}.values():
            task_ids.update(dag.compiled.nodes[index].task_id for index in node.downstream)
        past = self._store.previous_task_states(
            run.dag_id,
            run.logical_date,
            sorted(task_ids),
            scheduled_only=dag.document.catchup,
        )
        return {slot for slot, node in asking if _is_held(dag, node, past)}

    def _without_late_starters(
        self, active: ActiveRun, asking: list[tuple[int, TaskNode]]
    ) -> list[tuple[int, TaskNode]]:
        """Leave out the tasks that begin after the run before."""
        run, starts = active.run, active.dag.task_starts
        if not asking or not active.dag.document.catchup or not starts or run.logical_date is None:
            return asking
        previous = self._store.previous_logical_date(run.dag_id, run.logical_date)
        return [
            (slot, node)
            for slot, node in asking
            if not begins_after(previous, starts.get(node.task_id), is_catchup=True)
        ]

    # ---- inner ---------------------------------------------------------------------------------------------------------

    def _with_missing(
        self,
        run: RunRow,
        dag: DagState,
        rows: list[TaskInstanceRow],
    ) -> tuple[ActiveRun, list[NewTaskInstance]]:
        """Make the run of its rows and of new ones for the tasks that it has no row of."""
        added = first_instances(run.run_pk, dag.compiled, rows)
        active = ActiveRun(run, dag, [*map(stored, rows), *map(fresh, added)])
        for row in rows:
            if row.started_at is not None and row.state in _IN_TRY:
                active.first_started_at[slot_of(row.ti_pk)] = row.started_at
        return active, added

    def _enter(self, active: ActiveRun) -> None:
        self.runs[active.pk] = active
        self.by_dag.setdefault(active.run.dag_id, set()).add(active.pk)
        self.by_room.setdefault(room_of(active.run), set()).add(active.pk)
        self.apply(active, active.engine.open(self._held_by_past(active)))
        if active.dag.compiled_asks_past:
            self.tell_past(active.run)
        timeout = active.dag.compiled.dagrun_timeout
        if timeout is not None and active.run.started_at is not None and not active.engine.is_over:
            active.arm(None, self._reactor.call_at(active.run.started_at + timeout, lambda: self._time_out(active)))

    def _take_up(self, active: ActiveRun, row: TaskInstanceRow, *, rescues: bool) -> None:
        slot = slot_of(row.ti_pk)
        if row.state in PARKED and slot not in active.engine.orphans:
            self._limits.hold(active.candidate(slot), _HOLDS[row.state])
        if row.state not in HOLDING_SLOT:
            return
        if slot in active.engine.orphans:
            if rescues or row.ti_pk not in self.in_flight:
                self.apply(active, active.engine.rescue(slot))
            return
        self._limits.hold(active.candidate(slot))
        if rescues or (row.ti_pk not in self.in_flight and row.state is not TaskInstanceState.QUEUED):
            self.apply(active, active.engine.rescue(slot))
        elif row.ti_pk not in self.in_flight:
            self.to_dispatch.append(row.ti_pk)

    def _note_end(self, active: ActiveRun, effect: Move) -> None:
        active.first_started_at.pop(effect.slot, None)
        if effect.target in FINISHED:
            active.last_ended[effect.target] = effect.slot
            if active.dag.compiled_asks_past:
                self.tell_past(active.run)

    def _pass_on(self, active: ActiveRun, effect: Expand | Offer | Park | Release | Withdraw | Stop) -> None:
        if isinstance(effect, Expand):
            self._expand(active, effect)
            return
        if isinstance(effect, Offer):
            self._limits.offer(active.candidate(effect.slot))
            return
        if isinstance(effect, Park):
            self._limits.hold(active.candidate(effect.slot), _HOLDS[effect.state])
            return
        ti_pk = task_instance_pk(active.pk, effect.slot)
        if isinstance(effect, Release):
            self._limits.release(ti_pk)
        elif isinstance(effect, Withdraw):
            self._limits.withdraw(ti_pk)
        else:
            self._kill(ti_pk, effect.try_number)

    def _expand(self, active: ActiveRun, effect: Expand) -> None:
        node = active.dag.compiled.nodes[active.dag.compiled.index_of[effect.task_id]]
        added = [
            new_instance(active.pk, slot, node, map_index)
            for slot, map_index in enumerate(effect.map_indexes, effect.first_slot)
        ]
        placeholder = None if effect.placeholder is None else task_instance_pk(active.pk, effect.placeholder)
        self._collector.batch.expansions.append(Expansion(active.pk, placeholder, added))

    def _kill(self, ti_pk: TaskInstancePk, try_number: int) -> None:
        if self.in_flight.get(ti_pk) == try_number and (ti_pk, try_number) not in self._doomed:
            self._doomed.add((ti_pk, try_number))
            self.kills.append((ti_pk, try_number))

    def _arm(self, active: ActiveRun, effect: Arm) -> None:
        def fall_due() -> None:
            self.apply(active, active.engine.fall_due(effect.slot, self._clock.now()))

        active.arm(effect.slot, self._reactor.call_at(effect.due_at, fall_due))

    def _time_out(self, active: ActiveRun) -> None:
        self.apply(active, active.engine.time_out())

    def _finish(self, active: ActiveRun, effect: Finish) -> None:
        now = self._clock.now()
        active.run.state = effect.state
        self._collector.batch.run_ends.append(RunEnd(active.pk, effect.state, now, active.run.version))
        self._collector.batch.callbacks.extend(requests_at_end(active, effect, self.listened))
        self.ended.append(active)


def _discard(pks_by: dict[K, set[DagRunPk]], key: K, run_pk: DagRunPk) -> None:
    pks = pks_by[key]
    pks.discard(run_pk)
    if not pks:
        del pks_by[key]


def _is_held(dag: DagState, node: TaskNode, past: dict[str, list[TaskInstanceState]] | None) -> bool:
    downstream = [dag.compiled.nodes[index].task_id for index in node.downstream]
    if past is None:
        return is_held_by_past(node, None, downstream)
    # The store tells an empty list where the run before has no instance of the task but an earlier one has.
    has_earlier = past.get(node.task_id) == []
    present = {task_id: states for task_id, states in past.items() if states}
    return is_held_by_past(node, present, downstream, has_earlier=has_earlier)
