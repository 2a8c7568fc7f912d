"""The book of active runs: applies the engine's effects to limits, timers and the batch to be written.

Everything here is a cache. `reload` makes a run anew from the database at any moment, and after a restart all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.effects import Arm, Effect, Finish, Move, Offer, Release, Stop, Withdraw
from tradewind.core.ids import run_pk_of, slot_of, task_instance_pk
from tradewind.core.past import is_held_by_past
from tradewind.core.states import FINISHED, HOLDING_SLOT, DagRunState, TaskInstanceState
from tradewind.metadata.batch import CallbackRequest, RunEnd, RunStart
from tradewind.scheduler.active_run import ActiveRun, fresh, new_instance, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tradewind.core.clock import Clock
    from tradewind.core.graph import TaskNode
    from tradewind.core.ids import DagRunPk, TaskInstancePk
    from tradewind.core.limits import Limits
    from tradewind.metadata.batch import RunRow, TaskInstanceRow, TaskTransition
    from tradewind.metadata.scheduling import SchedulerStore
    from tradewind.scheduler.collector import Collector
    from tradewind.scheduler.dags import DagState
    from tradewind.scheduler.reactor import SelectorReactor


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
        self.in_flight: dict[TaskInstancePk, int] = {}
        """What the executor has been given, with its try number."""
        self.kills: list[tuple[TaskInstancePk, int]] = []
        self.to_dispatch: list[TaskInstancePk] = []
        self.ended: list[ActiveRun] = []
        """Runs that ended in this turn; the scheduler looks at their DAGs once the end is committed."""
        self._store = store
        self._limits = limits
        self._collector = collector
        self._reactor = reactor
        self._clock = clock
        self._past_to_check: set[DagRunPk] = set()

    # ---- a run's life --------------------------------------------------------------------------------------------------

    def start(self, run: RunRow, dag: DagState) -> ActiveRun:
        """Start a queued run: its task instances come into being, or go on where a cleared run has them already."""
        now = self._clock.now()
        rows = self._store.load_task_instances(run.run_pk) if run.clear_number or run.started_at else []
        run.state = DagRunState.RUNNING
        run.started_at = run.started_at or now
        known = {row.task_id for row in rows}
        first_free = max((slot_of(row.ti_pk) for row in rows), default=-1) + 1
        nodes = [node for node in dag.compiled.nodes if node.task_id not in known]
        added = [new_instance(run.run_pk, slot, node) for slot, node in enumerate(nodes, first_free)]
        active = ActiveRun(run, dag, [*map(stored, rows), *map(fresh, added)])
        self._collector.batch.run_starts.append(
            RunStart(run.run_pk, run.dag_id, run.run_id, now, dag.row.version_pk, added, run.version),
        )
        self._enter(active)
        return active

    def resume(self, run: RunRow, dag: DagState, rows: Iterable[TaskInstanceRow], *, rescues: bool) -> ActiveRun:
        """Take up a run that is under way. `rescues`: no process of the scheduler before can be at work any more."""
        rows = list(rows)
        active = ActiveRun(run, dag, map(stored, rows))
        first_free = max((slot_of(row.ti_pk) for row in rows), default=-1) + 1
        missing = active.engine.missing_nodes()
        if missing:
            added = [new_instance(run.run_pk, slot, node) for slot, node in enumerate(missing, first_free)]
            self._collector.batch.new_task_instances.extend((run.run_pk, row) for row in added)
            active = ActiveRun(run, dag, [*map(stored, rows), *map(fresh, added)])
        for row in rows:
            self._take_up(active, row, rescues=rescues)
        self._enter(active)
        return active

    def reload(self, run_pk: DagRunPk, dags: Callable[[str], DagState | None]) -> RunRow | None:
        """Make the run anew from the database. Returns its row when it is queued now, to be started like a new one."""
        self.leave(run_pk)
        run = next(iter(self._store.load_runs([run_pk])), None)
        rows = self._store.load_task_instances(run_pk) if run is not None else []
        wanted = {row.ti_pk: row.try_number for row in rows if row.state in HOLDING_SLOT}
        is_over = run is None or run.state not in {DagRunState.QUEUED, DagRunState.RUNNING}
        for ti_pk in [pk for pk in self.in_flight if run_pk_of(pk) == run_pk]:
            if is_over or wanted.get(ti_pk) != self.in_flight[ti_pk] or _is_restarting(rows, ti_pk):
                self.kills.append((ti_pk, self.in_flight[ti_pk]))
        if run is None or is_over:
            return None
        dag = dags(run.dag_id)
        if run.state is DagRunState.QUEUED or dag is None:
            return run
        self.resume(run, dag, rows, rescues=False)
        return None

    def leave(self, run_pk: DagRunPk) -> None:
        """Forget a run and give back what it holds."""
        active = self.runs.pop(run_pk, None)
        if active is None:
            return
        pks = self.by_dag[active.run.dag_id]
        pks.discard(run_pk)
        if not pks:
            del self.by_dag[active.run.dag_id]
        for slot, state in active.engine.states.items():
            if state in HOLDING_SLOT:
                self._limits.release(task_instance_pk(run_pk, slot))
            elif state is TaskInstanceState.SCHEDULED:
                self._limits.withdraw(task_instance_pk(run_pk, slot))
        self.to_dispatch = [pk for pk in self.to_dispatch if run_pk_of(pk) != run_pk]

    def find(self, ti_pk: TaskInstancePk) -> ActiveRun | None:
        """Return the active run of an instance, if it is one of the run's."""
        active = self.runs.get(run_pk_of(ti_pk))
        return active if active is not None and slot_of(ti_pk) in active.engine.states else None

    # ---- effects -------------------------------------------------------------------------------------------------------

    def apply(self, active: ActiveRun, effects: Iterable[Effect]) -> TaskTransition | None:
        """Carry effects out, in order; returns the row of the last move, for what its report brings beside."""
        row: TaskTransition | None = None
        now = self._clock.now()
        for effect in effects:
            if isinstance(effect, Move):
                row = self._collector.move(active.pk, effect, now)
                if effect.target in FINISHED and active.dag.compiled_asks_past:
                    self._past_to_check.add(active.pk)
            elif isinstance(effect, Arm):
                if row is not None and slot_of(row.ti_pk) == effect.slot:
                    row.due_at = effect.due_at
                self._arm(active, effect)
            elif isinstance(effect, Finish):
                self._finish(active, effect)
            else:
                self._ask_limits(active, effect)
        return row

    def admit(self) -> None:
        """Queue everything that the limits have room for."""
        for candidate in self._limits.admit():
            active = self.runs[candidate.run_pk]
            self.apply(active, active.engine.admit(slot_of(candidate.ti_pk)))
            self.to_dispatch.append(candidate.ti_pk)

    def check_past(self) -> bool:
        """Tell the runs after those that moved on whether the past still holds them; True when something followed."""
        pending, self._past_to_check = self._past_to_check, set()
        has_moved = False
        for pk in pending:
            follower = self._follower_of(pk)
            if follower is None:
                continue
            held = self._held_by_past(follower)
            for slot in list(follower.engine.held_by_past - held):
                effects = follower.engine.hear_of_past(slot, is_held=False)
                has_moved = has_moved or bool(effects)
                self.apply(follower, effects)
        return has_moved

    # ---- inner ---------------------------------------------------------------------------------------------------------

    def _enter(self, active: ActiveRun) -> None:
        self.runs[active.pk] = active
        self.by_dag.setdefault(active.run.dag_id, set()).add(active.pk)
        self.apply(active, active.engine.open(self._held_by_past(active)))
        timeout = active.dag.compiled.dagrun_timeout
        if timeout is not None and active.run.started_at is not None:
            self._reactor.call_at(active.run.started_at + timeout, lambda: self._time_out(active))

    def _take_up(self, active: ActiveRun, row: TaskInstanceRow, *, rescues: bool) -> None:
        if row.state not in HOLDING_SLOT:
            return
        slot = slot_of(row.ti_pk)
        if slot in active.engine.orphans:
            if rescues or row.ti_pk not in self.in_flight:
                self.apply(active, active.engine.rescue(slot))
            return
        self._limits.hold(active.candidate(slot))
        if rescues or (row.ti_pk not in self.in_flight and row.state is not TaskInstanceState.QUEUED):
            self.apply(active, active.engine.rescue(slot))
        elif row.ti_pk not in self.in_flight:
            self.to_dispatch.append(row.ti_pk)

    def _ask_limits(self, active: ActiveRun, effect: Offer | Release | Withdraw | Stop) -> None:
        ti_pk = task_instance_pk(active.pk, effect.slot)
        if isinstance(effect, Offer):
            self._limits.offer(active.candidate(effect.slot))
        elif isinstance(effect, Release):
            self._limits.release(ti_pk)
        elif isinstance(effect, Withdraw):
            self._limits.withdraw(ti_pk)
        else:
            self.kills.append((ti_pk, effect.try_number))

    def _arm(self, active: ActiveRun, effect: Arm) -> None:
        def fall_due() -> None:
            if self.runs.get(active.pk) is active:
                self.apply(active, active.engine.fall_due(effect.slot, self._clock.now()))

        self._reactor.call_at(effect.due_at, fall_due)

    def _time_out(self, active: ActiveRun) -> None:
        if self.runs.get(active.pk) is active:
            self.apply(active, active.engine.time_out())

    def _finish(self, active: ActiveRun, effect: Finish) -> None:
        now = self._clock.now()
        active.run.state = effect.state
        self._collector.batch.run_ends.append(RunEnd(active.pk, effect.state, now, active.run.version))
        name = "on_success_callback" if effect.state is DagRunState.SUCCESS else "on_failure_callback"
        if name in active.dag.document.callbacks:
            self._collector.batch.callbacks.append(
                CallbackRequest(active.pk, active.run.dag_id, active.run.run_id, name, effect.reason),
            )
        self.ended.append(active)

    def _held_by_past(self, active: ActiveRun) -> set[int]:
        dag = active.dag
        run = active.run
        if not dag.compiled_asks_past or run.logical_date is None:
            return set()
        asking = [node for node in dag.compiled.nodes if node.asks_the_past]
        task_ids = {node.task_id for node in asking}
        for node in asking:
            task_ids.update(dag.compiled.nodes[index].task_id for index in node.downstream)
        past = self._store.previous_task_states(
            run.dag_id,
            run.logical_date,
            sorted(task_ids),
            scheduled_only=dag.document.catchup,
        )
        held: set[int] = set()
        for node in asking:
            slot = active.engine.slot_of[node.index]
            if slot is not None and _is_held(dag, node, past):
                held.add(slot)
        return held

    def _follower_of(self, pk: DagRunPk) -> ActiveRun | None:
        active = self.runs.get(pk) or next((run for run in self.ended if run.pk == pk), None)
        if active is None or active.run.logical_date is None:
            return None
        later = [
            self.runs[other]
            for other in self.by_dag.get(active.run.dag_id, ())
            if (date := self.runs[other].run.logical_date) is not None and date > active.run.logical_date
        ]
        return min(later, key=lambda run: (run.run.logical_date, run.pk), default=None)


def _is_held(dag: DagState, node: TaskNode, past: dict[str, list[TaskInstanceState]] | None) -> bool:
    downstream = [dag.compiled.nodes[index].task_id for index in node.downstream]
    if past is None:
        return is_held_by_past(node, None, downstream)
    # The store tells an empty list where the run before has no instance of the task but an earlier one has.
    has_earlier = past.get(node.task_id) == []
    present = {task_id: states for task_id, states in past.items() if states}
    return is_held_by_past(node, present, downstream, has_earlier=has_earlier)


def _is_restarting(rows: list[TaskInstanceRow], ti_pk: TaskInstancePk) -> bool:
    return any(row.ti_pk == ti_pk and row.state is TaskInstanceState.RESTARTING for row in rows)
