"""Which scheduled task instances are queued now: every limit at once, best candidate first.

The rules are Airflow's: a candidate that some limit refuses waits, and the others go on, so that smaller candidates pass
one that wants more slots of a pool than are free (which may wait for long: nothing is reserved for it). What it admits,
and in which order, equals a scan of all candidates from the best to the worst; what it costs does not. A candidate stands
in line at one limit that refuses it, and only that limit's release lets it be looked at again, so that an event costs
O(log n) however many wait behind full limits. Two limits that fill up in turn pass each other whole groups of alike
candidates, never single ones, and max_active_tis_per_dag looks at one group for each active run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tradewind.core.limits.blockers import (
    Blocker,
    BlockerKind,
    dag_paused,
    full_limit,
    pool_too_small,
    unknown_pool,
)
from tradewind.core.limits.candidate import Candidate, Hold
from tradewind.core.limits.counters import UNLIMITED, Counter, Gate, Group, PoolCounter, Sub, closed_gate
from tradewind.core.limits.ledger import Ledger
from tradewind.core.limits.lines import Line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.core.ids import TaskInstancePk
    from tradewind.core.limits.usage import PoolUsage, Usage

DEFAULT_POOL = "default_pool"


class Limits:
    """The limits of the installation, who holds of them and who waits for them."""

    def __init__(
        self,
        parallelism: int,
        pools: Iterable[tuple[str, int, bool]] = (),
        *,
        max_active_tasks_per: Literal["dag_run", "dag"] = "dag_run",
    ) -> None:
        """Take the sizes: `parallelism` (0: no limit) and pools as (name, slots, include_deferred), -1 slots: no limit.

        `max_active_tasks_per` says whose task instances `max_active_tasks` counts: Airflow 3 those of the DAG run,
        Airflow 2 those of all runs of the DAG.
        """
        self._ledger = Ledger(counts_per_run=max_active_tasks_per == "dag_run")
        self._waiting: dict[TaskInstancePk, tuple[Candidate, Sub]] = {}
        self._groups: dict[tuple[object, ...], Group] = {}
        # Whoever was never refused stands here.
        self._entrance = Gate(Counter((), BlockerKind.PARALLELISM, ""), 0, None)
        # The open gates at which somebody stands, by their best; outdated entries are found out when they come first.
        self._open: Line[Gate] = Line()
        self.set_parallelism(parallelism)
        self.set_pools(pools)

    # ---- what happens ------------------------------------------------------------------------------------------------

    def offer(self, candidate: Candidate) -> None:
        """Put a scheduled task instance in line. Offered again, it stands as it says now; what it held is given back."""
        ti_pk = candidate.ti_pk
        self.withdraw(ti_pk)
        self.release(ti_pk)
        sub = self._sub_for(candidate)
        sub.members.put(ti_pk, candidate.key)
        self._waiting[ti_pk] = (candidate, sub)
        self._stand(sub)

    def withdraw(self, ti_pk: TaskInstancePk) -> None:
        """Take a task instance out of the line; nothing happens when it does not wait."""
        entry = self._waiting.pop(ti_pk, None)
        if entry is not None:
            sub = entry[1]
            sub.members.drop(ti_pk)
            self._stand(sub)

    def admit(self) -> list[Candidate]:
        """Give all candidates that fit now, best first; their slots are taken."""
        admitted: list[Candidate] = []
        total = self._ledger.total
        while total.used < total.total and (sub := self._next_sub()) is not None:
            candidate, _ = self._waiting.pop(sub.members.pop())
            self._ledger.take(candidate, Hold.SLOT)
            self._stand(sub)
            admitted.append(candidate)
        return admitted

    def hold(self, candidate: Candidate, hold: Hold = Hold.SLOT) -> None:
        """Count a task instance that was found to be past its limits already, whether it fits or not."""
        self.withdraw(candidate.ti_pk)
        self.release(candidate.ti_pk)
        self._ledger.take(candidate, hold)

    def release(self, ti_pk: TaskInstancePk) -> None:
        """Give back all that a task instance holds; nothing happens when it holds nothing."""
        for counter in self._ledger.give_back(ti_pk):
            self._freed(counter)

    def park(self, ti_pk: TaskInstancePk, hold: Hold = Hold.DEFERRED) -> None:
        """Keep of what a task instance holds what it counts for while it is deferred; when it resumes it is offered again."""
        entry = self._ledger.held.get(ti_pk)
        if entry is not None:
            self.hold(entry[0], hold)

    # ---- sizes -------------------------------------------------------------------------------------------------------

    def set_parallelism(self, parallelism: int) -> None:
        """Let at most so many task instances hold a slot; 0 means no limit. Who holds one keeps it."""
        self._ledger.total.total = parallelism or UNLIMITED

    def set_pools(self, pools: Iterable[tuple[str, int, bool]]) -> None:
        """Replace all pools by these (name, slots, include_deferred); one that is missing does not exist any more."""
        for pool in self._ledger.set_pools(pools):
            self._freed(pool)

    def set_executor_slots(self, executor: str | None, slots: int | None) -> None:
        """Let at most so many task instances hold a slot of one executor (None: the default one); None: no limit."""
        self._freed(self._ledger.set_executor_slots(executor, slots))

    def set_paused(self, dag_id: str, *, is_paused: bool) -> None:
        """Stop admitting task instances of a DAG, or go on; who holds a slot keeps it."""
        self._freed(self._ledger.set_paused(dag_id, is_paused=is_paused))

    # ---- questions ---------------------------------------------------------------------------------------------------

    def blockers(self, ti_pk: TaskInstancePk) -> list[Blocker]:
        """Say what keeps a waiting task instance from its slots: each limit that refuses it now.

        Nothing is said of one that does not wait, or that the next `admit` lets through.
        """
        entry = self._waiting.get(ti_pk)
        if entry is None:
            return []
        sub = entry[1]
        paused, pool, active, executor = sub.group.gates
        gates = (paused, Gate(self._ledger.total, 1, None), pool, active, *sub.gates, executor)
        return [_blocker(gate) for gate in gates if not gate.is_open]

    def is_waiting(self, ti_pk: TaskInstancePk) -> bool:
        """Whether the task instance stands in line."""
        return ti_pk in self._waiting

    def is_holding(self, ti_pk: TaskInstancePk) -> bool:
        """Whether the task instance holds anything."""
        return ti_pk in self._ledger.held

    def usage(self) -> Usage:
        """Give the figures for pages; counts through who waits and who holds."""
        total, held = self._ledger.total, self._ledger.held
        usage: Usage = {
            "parallelism": None if total.total == UNLIMITED else int(total.total),
            "used": total.used,
            "waiting": len(self._waiting),
            "pools": {pool.subject: _pool_usage(pool) for pool in self._ledger.pools()},
            "dags": {},
        }
        pools, dags = usage["pools"], usage["dags"]
        for candidate, _ in self._waiting.values():
            if candidate.pool in pools:
                pools[candidate.pool]["waiting"] += candidate.pool_slots
            dags.setdefault(candidate.dag_id, {"used": 0, "waiting": 0})["waiting"] += 1
        for ti_pk in total.held:
            dags.setdefault(held[ti_pk][0].dag_id, {"used": 0, "waiting": 0})["used"] += 1
        return usage

    # ---- inner -------------------------------------------------------------------------------------------------------

    def _next_sub(self) -> Sub | None:
        # Serves the open gates by their best group. Whoever is refused by another gate moves to it, and is not looked at
        # again before that one opens.
        while self._open:
            key, gate = self._open.first()
            if not (gate.is_open and gate.groups):
                self._open.drop(gate)
                continue
            own_key, group = gate.groups.first()
            if own_key != key:
                self._open.put(gate, own_key)
                continue
            sub = self._pass(group)
            if sub is not None:
                return sub
        return None

    def _pass(self, group: Group) -> Sub | None:
        refusing = closed_gate(group.gates)
        if refusing is not None:
            self._move(group, refusing)
            return None
        sub = group.subs.first()[1]
        refusing = closed_gate(sub.gates)
        if refusing is None:
            return sub
        group.subs.drop(sub)
        sub.gate = refusing
        refusing.subs[sub] = None
        self._move(group, group.gate)
        return None

    def _move(self, group: Group, gate: Gate) -> None:
        """Let the group stand at `gate` with the key of its best candidate, or nowhere when no candidate is left."""
        if gate is not group.gate:
            group.gate.groups.drop(group)
            group.gate = gate
        if group.subs:
            gate.groups.put(group, group.subs.first()[0])
            self._announce(gate)
        else:
            gate.groups.drop(group)

    def _announce(self, gate: Gate) -> None:
        if gate.groups and gate.is_open:
            self._open.put(gate, gate.groups.first()[0])

    def _freed(self, counter: Counter) -> None:
        """Look at those again who stand at the counter's gates that are open now."""
        for gate in counter.gates.values():
            if not gate.is_open:
                continue
            self._announce(gate)
            parked, gate.subs = gate.subs, {}
            for sub in parked:
                sub.gate = None
                self._stand(sub)
        self._ledger.forget(counter)

    def _stand(self, sub: Sub) -> None:
        """Bring the places of the sub and its group up to date after its candidates changed."""
        group = sub.group
        if not sub.members:
            self._leave(sub)
        elif sub.gate is None:
            group.subs.put(sub, sub.members.first()[0])
        self._move(group, group.gate)

    def _leave(self, sub: Sub) -> None:
        group = sub.group
        group.subs.drop(sub)
        del group.all_subs[sub.key]
        if sub.gate is not None:
            del sub.gate.subs[sub]
        self._close(sub.gates)
        if not group.all_subs:
            del self._groups[group.key]
            self._close(group.gates)

    def _close(self, gates: tuple[Gate, ...]) -> None:
        for gate in gates:
            gate.refs -= 1
            if gate.refs == 0:
                self._open.drop(gate)
                del gate.counter.gates[gate.size, gate.total]
                self._ledger.forget(gate.counter)

    def _sub_for(self, candidate: Candidate) -> Sub:
        group = self._group_for(candidate)
        per_dag, per_run = candidate.max_active_tis_per_dag, candidate.max_active_tis_per_dagrun
        if per_dag is None and per_run is None:
            key: tuple[object, ...] = ()
        else:
            key = (candidate.run_pk, candidate.task_id, per_dag, per_run)
        sub = group.all_subs.get(key)
        if sub is None:
            gates: list[Gate] = []
            if per_dag is not None:
                gates.append(_gate(self._ledger.task(candidate), 1, per_dag))
            if per_run is not None:
                gates.append(_gate(self._ledger.task_of_run(candidate), 1, per_run))
            sub = group.all_subs[key] = Sub(key, group, tuple(gates))
        return sub

    def _group_for(self, candidate: Candidate) -> Group:
        ledger = self._ledger
        slots, most = candidate.pool_slots, candidate.max_active_tasks
        key = (ledger.scope(candidate), candidate.pool, slots, candidate.executor, most)
        group = self._groups.get(key)
        if group is None:
            gates = (
                _gate(ledger.paused(candidate.dag_id), 0, None),
                _gate(ledger.pool(candidate.pool), slots, None),
                _gate(ledger.active_tasks(candidate), 1, most),
                _gate(ledger.executor(candidate.executor), 1, None),
            )
            group = self._groups[key] = Group(key, gates, self._entrance)
        return group


def _gate(counter: Counter, size: int, total: float | None) -> Gate:
    gate = counter.gates.get((size, total))
    if gate is None:
        gate = counter.gates[size, total] = Gate(counter, size, total)
    gate.refs += 1
    return gate


def _blocker(gate: Gate) -> Blocker:
    counter = gate.counter
    if isinstance(counter, PoolCounter):
        if not counter.is_known:
            return unknown_pool(counter.subject)
        if gate.size > counter.total:
            return pool_too_small(counter.subject, size=int(counter.total), wanted=gate.size)
    if counter.kind is BlockerKind.DAG_PAUSED:
        return dag_paused(counter.subject)
    total = int(gate.ceiling)
    return full_limit(
        counter.kind, counter.subject, used=counter.used, total=total, wanted=gate.size, holders=counter.holders
    )


def _pool_usage(pool: PoolCounter) -> PoolUsage:
    is_unlimited = pool.total == UNLIMITED
    return {
        "total": None if is_unlimited else int(pool.total),
        "used": pool.used,
        "deferred": sum(pool.deferred.values()),
        "waiting": 0,
        "free": None if is_unlimited else max(0, int(pool.total) - pool.used),
    }
