"""The limits admit exactly what a scan of everything, from the best candidate to the worst, would admit."""

# ruff: noqa: D102 - the rules of a state machine are sentences by their names

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tradewind.core.ids import DagRunPk, TaskInstancePk
from tradewind.core.limits import BlockerKind, Candidate, Hold, Limits

RUNS = {1: "a", 2: "a", 3: "b"}
POOLS = ("p", "p", "q")


@dataclass
class Scan:
    """The reference: nothing is counted, everything is looked at again each time."""

    parallelism: int = 0
    per_run: bool = True
    pools: dict[str, tuple[int, bool]] = field(default_factory=dict)
    executors: dict[str | None, int] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    waiting: dict[int, Candidate] = field(default_factory=dict)
    held: dict[int, tuple[Candidate, Hold]] = field(default_factory=dict)

    def fits(self, one: Candidate) -> bool:
        slots = [other for other, hold in self.held.values() if hold is Hold.SLOT]
        everybody = [other for other, _ in self.held.values()]
        if one.dag_id in self.paused or one.pool not in self.pools:
            return False
        size, includes_deferred = self.pools[one.pool]
        counting = {Hold.SLOT, Hold.DEFERRED} if includes_deferred else {Hold.SLOT}
        in_pool = sum(
            other.pool_slots for other, hold in self.held.values() if hold in counting and other.pool == one.pool
        )
        active = [
            other for other in slots if (other.run_pk == one.run_pk if self.per_run else other.dag_id == one.dag_id)
        ]
        of_task = [other for other in everybody if (other.dag_id, other.task_id) == (one.dag_id, one.task_id)]
        of_run = [other for other in of_task if other.run_pk == one.run_pk]
        of_executor = [other for other in slots if other.executor == one.executor]
        return (
            (self.parallelism == 0 or len(slots) < self.parallelism)
            and (size == -1 or in_pool + one.pool_slots <= size)
            and len(active) < one.max_active_tasks
            and (one.max_active_tis_per_dag is None or len(of_task) < one.max_active_tis_per_dag)
            and (one.max_active_tis_per_dagrun is None or len(of_run) < one.max_active_tis_per_dagrun)
            and (one.executor not in self.executors or len(of_executor) < self.executors[one.executor])
        )

    def admit(self) -> list[Candidate]:
        admitted: list[Candidate] = []
        for one in sorted(self.waiting.values(), key=lambda c: (-c.priority, c.order, c.ti_pk)):
            if self.fits(one):
                del self.waiting[one.ti_pk]
                self.held[one.ti_pk] = (one, Hold.SLOT)
                admitted.append(one)
        return admitted


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    run = draw(st.sampled_from(sorted(RUNS)))
    task = draw(st.integers(0, 1))
    return Candidate(
        ti_pk=TaskInstancePk(draw(st.integers(0, 30))),
        dag_id=RUNS[run],
        run_pk=DagRunPk(run),
        task_id=f"t{task}",
        pool=draw(st.sampled_from(POOLS)),
        pool_slots=draw(st.sampled_from((1, 1, 1, 2, 3))),
        priority=draw(st.integers(-1, 3)),
        order=(float(draw(st.integers(0, 2))), task),
        max_active_tasks=draw(st.sampled_from((1, 3, 16))),
        max_active_tis_per_dag=draw(st.sampled_from((None, 1, 1, 0, 2))),
        max_active_tis_per_dagrun=draw(st.sampled_from((None, None, 1))),
        executor=draw(st.sampled_from((None, None, "celery"))),
    )


POOL_SETS = st.dictionaries(
    st.sampled_from(POOLS), st.tuples(st.sampled_from((-1, 1, 2, 4)), st.booleans()), max_size=3
)
TI_PKS = st.integers(0, 30).map(TaskInstancePk)


class LimitsAgainstScan(RuleBasedStateMachine):
    """Drives both with the same events."""

    @initialize(parallelism=st.sampled_from((0, 2, 6)), pools=POOL_SETS, per_run=st.booleans())
    def begin(self, parallelism: int, pools: dict[str, tuple[int, bool]], per_run: bool) -> None:
        self.scan = Scan(parallelism=parallelism, per_run=per_run, pools=pools)
        self.limits = Limits(
            parallelism,
            [(name, *size) for name, size in pools.items()],
            max_active_tasks_per="dag_run" if per_run else "dag",
        )

    @rule(several=st.lists(candidates(), min_size=1, max_size=8))
    def offer(self, several: list[Candidate]) -> None:
        for one in several:
            self.limits.offer(one)
            self.scan.held.pop(one.ti_pk, None)
            self.scan.waiting[one.ti_pk] = one

    @rule()
    def admit(self) -> None:
        expected = self.scan.admit()
        assert self.limits.admit() == expected

    @precondition(lambda self: self.scan.held)
    @rule(data=st.data(), is_asked=st.booleans())
    def release(self, data: st.DataObject, is_asked: bool) -> None:
        several = st.lists(st.sampled_from(sorted(self.scan.held)), min_size=1, max_size=4, unique=True)
        for pk in data.draw(several):
            self.limits.release(TaskInstancePk(pk))
            del self.scan.held[pk]
            if is_asked:
                self.admit()

    @precondition(lambda self: self.scan.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        pk = data.draw(st.sampled_from(sorted(self.scan.waiting)))
        self.limits.withdraw(TaskInstancePk(pk))
        del self.scan.waiting[pk]

    @rule(pk=TI_PKS)
    def end_what_is_not_there(self, pk: TaskInstancePk) -> None:
        if pk not in self.scan.held:
            self.limits.release(pk)
            self.limits.park(pk)
        if pk not in self.scan.waiting:
            self.limits.withdraw(pk)

    @precondition(lambda self: self.scan.held)
    @rule(data=st.data(), hold=st.sampled_from(Hold))
    def park(self, data: st.DataObject, hold: Hold) -> None:
        pk = data.draw(st.sampled_from(sorted(self.scan.held)))
        self.limits.park(TaskInstancePk(pk), hold)
        self.scan.held[pk] = (self.scan.held[pk][0], hold)

    @rule(one=candidates(), hold=st.sampled_from(Hold))
    def hold(self, one: Candidate, hold: Hold) -> None:
        self.limits.hold(one, hold)
        self.scan.waiting.pop(one.ti_pk, None)
        self.scan.held[one.ti_pk] = (one, hold)

    @rule(pools=POOL_SETS)
    def set_pools(self, pools: dict[str, tuple[int, bool]]) -> None:
        self.limits.set_pools([(name, *size) for name, size in pools.items()])
        self.scan.pools = pools

    @rule(parallelism=st.sampled_from((0, 1, 4, 8)))
    def set_parallelism(self, parallelism: int) -> None:
        self.limits.set_parallelism(parallelism)
        self.scan.parallelism = parallelism

    @rule(executor=st.sampled_from((None, "celery")), slots=st.sampled_from((None, 0, 2)))
    def set_executor_slots(self, executor: str | None, slots: int | None) -> None:
        self.limits.set_executor_slots(executor, slots)
        if slots is None:
            self.scan.executors.pop(executor, None)
        else:
            self.scan.executors[executor] = slots

    @rule(dag_id=st.sampled_from("ab"), is_paused=st.booleans())
    def set_paused(self, dag_id: str, is_paused: bool) -> None:
        self.limits.set_paused(dag_id, is_paused=is_paused)
        (self.scan.paused.add if is_paused else self.scan.paused.discard)(dag_id)

    @invariant()
    def blockers_are_said_of_exactly_those_that_do_not_fit(self) -> None:
        if hasattr(self, "scan"):
            for pk, one in self.scan.waiting.items():
                assert bool(self.limits.blockers(TaskInstancePk(pk))) != self.scan.fits(one)

    @invariant()
    def figures_agree(self) -> None:
        if hasattr(self, "scan"):
            usage = self.limits.usage()
            assert usage["waiting"] == len(self.scan.waiting)
            assert usage["used"] == sum(hold is Hold.SLOT for _, hold in self.scan.held.values())
            assert usage["pools"].keys() == self.scan.pools.keys()

    def teardown(self) -> None:
        if hasattr(self, "scan"):
            for pk in range(31):
                self.limits.withdraw(TaskInstancePk(pk))
                self.limits.release(TaskInstancePk(pk))
            self.limits.set_pools(())
            # Nothing is kept of task instances that have gone.
            assert not self.limits._groups
            kinds = {counter.kind for counter in self.limits._ledger._counters.values()}
            assert kinds <= {BlockerKind.EXECUTOR}


TestLimitsAgainstScan = LimitsAgainstScan.TestCase
TestLimitsAgainstScan.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
