"""The scheduler's own rules under a clock that jumps from event to event: schedules, run engine, limits and the past.

Every try succeeds after its drawn duration, branches follow all their ways, and a task that others are mapped over
returns one item. A run is created and starts when its time has come and its DAG has room, as in the scheduler.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from tradewind.core.effects import Arm, Finish, Offer, Park, Release, Withdraw
from tradewind.core.engine import Outcome
from tradewind.core.ids import DagRunPk, TaskInstancePk, run_pk_of, slot_of, task_instance_pk
from tradewind.core.limits import BlockerKind, Limits
from tradewind.core.runs import has_room_for_new_run, next_run
from tradewind.core.simulation.record import DagRecord, Limit, Miss, Record
from tradewind.core.simulation.runs import SimulatedRun, held_by_past
from tradewind.core.states import PARKED
from tradewind.core.timetables.codec import NeedsAuthorCode
from tradewind.core.timetables.protocol import TimetableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from tradewind.core.effects import Effect
    from tradewind.core.graph import CompiledDag
    from tradewind.core.limits import Candidate
    from tradewind.core.simulation.durations import Durations
    from tradewind.core.timetables.protocol import DagRunInfo, Timetable

PARALLELISM = "parallelism"


@dataclass(frozen=True, kw_only=True)
class SimulatedDag:
    """One DAG and its schedule."""

    compiled: CompiledDag
    timetable: Timetable
    start_date: datetime | None = None
    end_date: datetime | None = None
    catchup: bool = False
    deadlines_s: tuple[tuple[str, float], ...] = ()
    """Names of deadlines, and how long after its run-after date a run has to have ended for each."""


class _Dag:
    """What is known of a DAG while it is played."""

    def __init__(self, plan: SimulatedDag, record: DagRecord) -> None:
        self.plan = plan
        self.record = record
        self.dag_id = plan.compiled.dag_id
        self.last: DagRunInfo | None = None
        self.refused: DagRunInfo | None = None
        """A run whose time has come and for which there is no room."""
        self.running: dict[DagRunPk, SimulatedRun] = {}
        self.newest: SimulatedRun | None = None
        self.asks_past = any(node.asks_the_past for node in plan.compiled.nodes)


class Simulator:
    """Plays the schedules of DAGs over a period."""

    def __init__(
        self,
        dags: Iterable[SimulatedDag],
        *,
        durations: Durations,
        parallelism: int = 32,
        pools: Sequence[tuple[str, int, bool]] = (("default_pool", 128, False),),
        late_after_s: float = 300.0,
    ) -> None:
        """`pools` are (name, slots, include_deferred); a run that starts more than `late_after_s` after it may is late."""
        self.record = Record()
        self._durations = durations
        self._late_after_s = late_after_s
        self._limits = Limits(parallelism, pools)
        self._dags = [_Dag(dag, self.record.dags.setdefault(dag.compiled.dag_id, DagRecord())) for dag in dags]
        self._runs: dict[DagRunPk, tuple[_Dag, SimulatedRun]] = {}
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._sequence = count()
        self._run_numbers = count(1)
        self._offered: dict[TaskInstancePk, tuple[datetime, Limit | None]] = {}
        self._fresh: list[TaskInstancePk] = []
        """Offered since the limits were last asked."""
        self._holding: dict[TaskInstancePk, Candidate] = {}
        self._used: Counter[str] = Counter()
        self._now: datetime
        self._until: datetime

    def play(self, begin: datetime, until: datetime) -> Record:
        """Play from one moment to the other; what has not ended then is left unfinished."""
        self._now, self._until = begin, until
        for dag in self._dags:
            self._plan_first(dag)
        while self._events and self._events[0][0] <= until:
            self._now = self._events[0][0]
            while self._events and self._events[0][0] == self._now:
                heappop(self._events)[2]()
            self._admit()
        return self.record

    def _at(self, moment: datetime, call: Callable[[], None]) -> None:
        heappush(self._events, (max(moment, self._now), next(self._sequence), call))

    # ---- schedules ---------------------------------------------------------------------------------------------------

    def _plan_first(self, dag: _Dag) -> None:
        """Find the first run that is due in the period, whatever ran before."""
        info = self._ask(dag, catchup=False)
        while info is not None and info.run_after < self._now:
            dag.last = info
            info = self._ask(dag, catchup=False)
        self._expect(dag, info)

    def _ask(self, dag: _Dag, *, catchup: bool) -> DagRunInfo | None:
        plan, last = dag.plan, dag.last
        try:
            return next_run(
                plan.timetable,
                last_interval=None if last is None else last.data_interval,
                last_run_after=None if last is None else last.run_after,
                start_date=plan.start_date,
                end_date=plan.end_date,
                catchup=catchup,
                now=self._now,
            )
        except (TimetableError, NeedsAuthorCode) as error:
            self.record.left_out[dag.dag_id] = str(error)
            return None

    def _expect(self, dag: _Dag, info: DagRunInfo | None) -> None:
        if info is not None and info.run_after <= self._until:
            self._at(info.run_after, lambda: self._create(dag, info))

    def _create(self, dag: _Dag, info: DagRunInfo) -> None:
        total = dag.plan.compiled.max_active_runs
        if not has_room_for_new_run(len(dag.running), total):
            dag.refused = info
            waiting = self.record.wait_for(Limit(BlockerKind.MAX_ACTIVE_RUNS, dag.dag_id))
            waiting.holders[dag.dag_id] += len(dag.running)
            return
        run = SimulatedRun(DagRunPk(next(self._run_numbers)), dag.plan.compiled, info, self._now, dag.newest)
        if dag.newest is not None:
            dag.newest.follower = run
        dag.newest, dag.last, dag.refused = run, info, None
        dag.running[run.pk] = run
        self._runs[run.pk] = (dag, run)
        self._note_start(dag, run)
        timeout = dag.plan.compiled.dagrun_timeout
        if timeout is not None:
            self._at(self._now + timeout, lambda: self._time_out(dag, run))
        self._apply(dag, run, run.engine.open(held_by_past(run) if dag.asks_past else ()))
        if dag.plan.timetable.active_runs_limit is None:
            self._expect(dag, self._ask(dag, catchup=dag.plan.catchup))

    def _note_start(self, dag: _Dag, run: SimulatedRun) -> None:
        dag.record.created += 1
        delay_s = (self._now - run.info.run_after).total_seconds()
        dag.record.latest_start_s = max(dag.record.latest_start_s, delay_s)
        if delay_s > 0:
            limit = Limit(BlockerKind.MAX_ACTIVE_RUNS, dag.dag_id)
            self.record.wait_for(limit).add(dag.dag_id, f"{dag.dag_id} {run.date.isoformat()}", delay_s)
        if delay_s > self._late_after_s:
            dag.record.late_starts += 1
            self.record.misses.append(Miss(dag.dag_id, run.info.run_after, "late start", delay_s))

    def _end(self, dag: _Dag, run: SimulatedRun) -> None:
        del dag.running[run.pk], self._runs[run.pk]
        run.forget_earlier()
        record = dag.record
        lasted_s = (self._now - run.started_at).total_seconds()
        record.ended += 1
        record.total_run_s += lasted_s
        record.longest_run_s = max(record.longest_run_s, lasted_s)
        for name, allowed_s in dag.plan.deadlines_s:
            over_s = (self._now - run.info.run_after).total_seconds() - allowed_s
            if over_s > 0:
                self._miss(dag, run, f"deadline {name}", over_s)
        if dag.refused is not None:
            self._expect(dag, dag.refused)
        elif dag.plan.timetable.active_runs_limit is not None:
            # A continuous schedule counts from the end of the run before.
            self._expect(dag, self._ask(dag, catchup=dag.plan.catchup))

    def _miss(self, dag: _Dag, run: SimulatedRun, what: str, by_s: float) -> None:
        dag.record.missed_deadlines += 1
        self.record.misses.append(Miss(dag.dag_id, run.info.run_after, what, by_s))

    def _time_out(self, dag: _Dag, run: SimulatedRun) -> None:
        if run.pk in dag.running:
            self._miss(dag, run, "dagrun_timeout", 0.0)
            self._apply(dag, run, run.engine.time_out())

    # ---- tries -------------------------------------------------------------------------------------------------------

    def _apply(self, dag: _Dag, run: SimulatedRun, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Offer):
                self._offer(run, effect.slot)
            elif isinstance(effect, Withdraw):
                ti_pk = task_instance_pk(run.pk, effect.slot)
                self._limits.withdraw(ti_pk)
                self._offered.pop(ti_pk, None)
            elif isinstance(effect, Release):
                self._release(task_instance_pk(run.pk, effect.slot))
            elif isinstance(effect, Park):
                self._at(
                    run.ends_at(self._durations, effect.slot, self._now),
                    lambda e=effect: self._unpark(dag, run, e.slot),
                )
            elif isinstance(effect, Arm):
                self._at(effect.due_at, lambda e=effect: self._apply(dag, run, run.engine.fall_due(e.slot, e.due_at)))
            elif isinstance(effect, Finish):
                self._end(dag, run)

    def _offer(self, run: SimulatedRun, slot: int) -> None:
        candidate = run.candidate(slot)
        self._limits.offer(candidate)
        self._offered[candidate.ti_pk] = (self._now, None)
        self._fresh.append(candidate.ti_pk)

    def _admit(self) -> None:
        for candidate in self._limits.admit():
            dag, run = self._runs[candidate.run_pk]
            since, limit = self._offered.pop(candidate.ti_pk)
            if limit is not None:
                who = f"{candidate.dag_id}.{candidate.task_id} {run.date.isoformat()}"
                self.record.wait_for(limit).add(candidate.dag_id, who, (self._now - since).total_seconds())
            self._take(candidate)
            self._begin(dag, run, slot_of(candidate.ti_pk))
        for ti_pk in self._fresh:
            if ti_pk in self._offered:
                self._note_wait(ti_pk)
        self._fresh.clear()

    def _note_wait(self, ti_pk: TaskInstancePk) -> None:
        blockers = self._limits.blockers(ti_pk)
        if not blockers:
            return
        limit = Limit(blockers[0].kind, blockers[0].subject)
        self._offered[ti_pk] = (self._offered[ti_pk][0], limit)
        holders = self.record.wait_for(limit).holders
        for holder in blockers[0].holders:
            holders[self._runs[run_pk_of(TaskInstancePk(holder))][0].dag_id] += 1

    def _take(self, candidate: Candidate) -> None:
        self._holding[candidate.ti_pk] = candidate
        for name, slots in ((PARALLELISM, 1), (candidate.pool, candidate.pool_slots)):
            self._used[name] += slots
            self.record.peak(name).see(self._used[name], self._now)

    def _release(self, ti_pk: TaskInstancePk) -> None:
        self._limits.release(ti_pk)
        candidate = self._holding.pop(ti_pk, None)
        if candidate is not None:
            self._used[PARALLELISM] -= 1
            self._used[candidate.pool] -= candidate.pool_slots

    def _begin(self, dag: _Dag, run: SimulatedRun, slot: int) -> None:
        engine = run.engine
        try_number = engine.tries[slot]
        self.record.tries += 1
        self._apply(dag, run, engine.admit(slot))
        self._apply(dag, run, engine.start(slot, try_number))
        self._at(run.ends_at(self._durations, slot, self._now), lambda: self._succeed(dag, run, slot, try_number))

    def _succeed(self, dag: _Dag, run: SimulatedRun, slot: int, try_number: int) -> None:
        engine = run.engine
        length = 1 if engine.node_of[slot].lengthens else None
        self._apply(dag, run, engine.end(slot, try_number, Outcome.SUCCESS, self._now, map_length=length))
        self._tell_follower(dag, run)

    def _unpark(self, dag: _Dag, run: SimulatedRun, slot: int) -> None:
        if run.engine.states[slot] in PARKED:
            self._apply(dag, run, run.engine.end_parked(slot, run.engine.tries[slot], Outcome.SUCCESS, self._now))
            self._tell_follower(dag, run)

    def _tell_follower(self, dag: _Dag, run: SimulatedRun) -> None:
        follower = run.follower
        if not dag.asks_past or follower is None:
            return
        held = held_by_past(follower)
        for slot in follower.engine.held_by_past - held:
            self._apply(dag, follower, follower.engine.hear_of_past(slot, is_held=False))
