"""All counters by what they count, and the entry of each task instance that holds something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.core.limits.blockers import BlockerKind
from tradewind.core.limits.candidate import Candidate, Hold
from tradewind.core.limits.counters import UNLIMITED, Counter, PoolCounter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.core.ids import TaskInstancePk

_Kind = BlockerKind


class Ledger:
    """Who holds how much of what. Counters come into being when they are asked for and go when they say nothing."""

    def __init__(self, *, counts_per_run: bool) -> None:
        """Start with no pool; `counts_per_run` says whether max_active_tasks counts a run or all runs of the DAG."""
        self.total = Counter((), _Kind.PARALLELISM, "")
        self.held: dict[TaskInstancePk, tuple[Candidate, tuple[Counter, ...]]] = {}
        self._counts_per_run = counts_per_run
        self._counters: dict[tuple[object, ...], Counter] = {}
        self._paused: set[str] = set()
        self._executors: set[str | None] = set()

    # ---- entries -----------------------------------------------------------------------------------------------------

    def take(self, candidate: Candidate, hold: Hold) -> None:
        """Count the task instance wherever that kind of hold counts."""
        ti_pk = candidate.ti_pk
        counters: list[Counter] = [self.task(candidate), self.task_of_run(candidate)]
        if hold is Hold.SLOT:
            counters += [self.active_tasks(candidate), self.executor(candidate.executor), self.total]
        for counter in counters:
            counter.take(ti_pk, 1)
        if hold is not Hold.AWAITING_INPUT:
            pool = self.pool(candidate.pool)
            if hold is Hold.DEFERRED:
                pool.defer(ti_pk, candidate.pool_slots)
            else:
                pool.take(ti_pk, candidate.pool_slots)
            counters.append(pool)
        self.held[ti_pk] = (candidate, tuple(counters))

    def give_back(self, ti_pk: TaskInstancePk) -> tuple[Counter, ...]:
        """Count the task instance nowhere any more; give the counters on which it stood."""
        if ti_pk not in self.held:
            return ()
        _, counters = self.held.pop(ti_pk)
        for counter in counters:
            counter.give_back(ti_pk)
        return counters

    # ---- counters ----------------------------------------------------------------------------------------------------

    def scope(self, candidate: Candidate) -> int | str:
        """Give what max_active_tasks counts by: the number of the run, or the dag_id."""
        return candidate.run_pk if self._counts_per_run else candidate.dag_id

    def active_tasks(self, candidate: Candidate) -> Counter:
        """Give the counter of max_active_tasks."""
        return self._counter(_Kind.MAX_ACTIVE_TASKS, candidate.dag_id, self.scope(candidate))

    def task(self, candidate: Candidate) -> Counter:
        """Give the counter of max_active_tis_per_dag."""
        dag_id, task_id = candidate.dag_id, candidate.task_id
        return self._counter(_Kind.MAX_ACTIVE_TIS_PER_DAG, f"{dag_id}.{task_id}", dag_id, task_id)

    def task_of_run(self, candidate: Candidate) -> Counter:
        """Give the counter of max_active_tis_per_dagrun."""
        task_id = candidate.task_id
        subject = f"{candidate.dag_id}.{task_id}"
        return self._counter(_Kind.MAX_ACTIVE_TIS_PER_DAGRUN, subject, candidate.run_pk, task_id)

    def executor(self, executor: str | None) -> Counter:
        """Give the counter of an executor's slots."""
        return self._counter(_Kind.EXECUTOR, executor or "default", executor)

    def paused(self, dag_id: str) -> Counter:
        """Give the counter that is full while the DAG is paused."""
        counter = self._counter(_Kind.DAG_PAUSED, dag_id, dag_id)
        counter.total = -UNLIMITED if dag_id in self._paused else UNLIMITED
        return counter

    def pool(self, name: str) -> PoolCounter:
        """Give the counter of a pool, known or not."""
        key = (_Kind.POOL, name)
        counter = self._counters.get(key)
        if not isinstance(counter, PoolCounter):
            counter = self._counters[key] = PoolCounter(key, _Kind.POOL, name)
        return counter

    def pools(self) -> list[PoolCounter]:
        """Give the pools that exist."""
        return [counter for counter in self._counters.values() if isinstance(counter, PoolCounter) and counter.is_known]

    # ---- sizes -------------------------------------------------------------------------------------------------------

    def set_pools(self, pools: Iterable[tuple[str, int, bool]]) -> list[PoolCounter]:
        """Replace the pools; give all whose size may have changed."""
        before = {pool.subject: pool for pool in self.pools()}
        changed: dict[str, PoolCounter] = {}
        for name, slots, includes_deferred in pools:
            changed[name] = self.pool(name)
            changed[name].define(slots, includes_deferred=includes_deferred)
        for name in before.keys() - changed.keys():
            before[name].undefine()
            self.forget(before[name])
        return list(changed.values())

    def set_executor_slots(self, executor: str | None, slots: int | None) -> Counter:
        """Set the slots of an executor, None for no limit."""
        counter = self.executor(executor)
        counter.total = UNLIMITED if slots is None else slots
        self._executors.add(executor)
        return counter

    def set_paused(self, dag_id: str, *, is_paused: bool) -> Counter:
        """Note whether the DAG is paused."""
        if is_paused:
            self._paused.add(dag_id)
        else:
            self._paused.discard(dag_id)
        return self.paused(dag_id)

    # ---- inner -------------------------------------------------------------------------------------------------------

    def forget(self, counter: Counter) -> None:
        """Drop a counter that says nothing any more, for runs and tasks come and go."""
        is_kept = counter.kind is _Kind.EXECUTOR and counter.key[1] in self._executors
        if counter.is_idle and not is_kept:
            self._counters.pop(counter.key, None)

    def _counter(self, kind: BlockerKind, subject: str, *names: object) -> Counter:
        key = (kind, *names)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = Counter(key, kind, subject)
        return counter
