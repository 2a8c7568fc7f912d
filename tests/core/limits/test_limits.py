from __future__ import annotations

from typing import Any

import pytest

from tradewind.core.ids import DagRunPk, TaskInstancePk
from tradewind.core.limits import Blocker, BlockerKind, Candidate, Hold, Limits

POOLS = [("default_pool", 128, False), ("small", 2, False), ("deep", 2, True), ("endless", -1, False)]


def candidate(pk: int, **fields: Any) -> Candidate:
    plain: dict[str, Any] = {
        "dag_id": "d",
        "run_pk": DagRunPk(1),
        "task_id": "t",
        "pool": "default_pool",
        "pool_slots": 1,
        "priority": 1,
        "order": (0.0, pk),
        "max_active_tasks": 16,
    }
    return Candidate(ti_pk=TaskInstancePk(pk), **{**plain, **fields})


def offered(limits: Limits, *candidates: Candidate) -> Limits:
    for one in candidates:
        limits.offer(one)
    return limits


def admitted(limits: Limits) -> list[int]:
    return [one.ti_pk for one in limits.admit()]


def only_blocker(limits: Limits, pk: int) -> Blocker:
    (blocker,) = limits.blockers(TaskInstancePk(pk))
    return blocker


def test_the_order_is_priority_then_date_then_slot() -> None:
    limits = offered(
        Limits(0, POOLS),
        candidate(1, priority=1, order=(2.0, 0)),
        candidate(2, priority=1, order=(1.0, 5)),
        candidate(3, priority=9, order=(9.0, 9)),
        candidate(4, priority=1, order=(1.0, 4)),
        candidate(5, priority=-7, order=(0.0, 0)),
    )
    assert admitted(limits) == [3, 4, 2, 1, 5]


def test_nothing_that_fits_hides_behind_a_full_limit() -> None:
    limits = Limits(40, POOLS)
    for pk in range(3000):
        limits.offer(candidate(pk, pool="small", priority=100, run_pk=DagRunPk(1)))
    limits.offer(candidate(4000, run_pk=DagRunPk(2)))
    assert admitted(limits) == [0, 1, 4000]
    limits.offer(candidate(4001, run_pk=DagRunPk(2)))
    assert admitted(limits) == [4001]
    limits.release(TaskInstancePk(1))
    assert admitted(limits) == [2]


def test_smaller_ones_pass_one_that_wants_more_slots_than_are_free() -> None:
    limits = offered(Limits(0, POOLS), candidate(1, pool="small"))
    assert admitted(limits) == [1]
    offered(limits, candidate(2, pool="small", pool_slots=2, priority=9), candidate(3, pool="small"))
    assert admitted(limits) == [3]
    assert only_blocker(limits, 2) == Blocker(
        BlockerKind.POOL, "small", "Pool 'small' has no room: 2 of 2 slots are taken, 2 more are wanted.", 2, 2, (1, 3)
    )
    limits.release(TaskInstancePk(1))
    assert admitted(limits) == []
    limits.release(TaskInstancePk(3))
    assert admitted(limits) == [2]


def test_a_candidate_larger_than_its_pool_says_so_until_the_pool_grows() -> None:
    limits = offered(Limits(0, POOLS), candidate(1, pool="small", pool_slots=3))
    assert admitted(limits) == []
    blocker = only_blocker(limits, 1)
    assert blocker.kind is BlockerKind.POOL_TOO_SMALL
    assert blocker.total == 2
    assert blocker.text.startswith("The task wants 3 slots of pool 'small', which has 2 in all")
    limits.set_pools([("small", 3, False)])
    assert admitted(limits) == [1]


def test_an_unknown_pool_blocks_until_somebody_creates_it() -> None:
    limits = offered(Limits(0, POOLS), candidate(1, pool="new"))
    assert admitted(limits) == []
    assert only_blocker(limits, 1).text == "Pool 'new' does not exist: create it, or give the task another pool."
    limits.set_pools([*POOLS, ("new", 1, False)])
    assert admitted(limits) == [1]


def test_an_unlimited_pool_never_blocks() -> None:
    limits = offered(Limits(0, POOLS), *(candidate(pk, pool="endless", pool_slots=7) for pk in range(50)))
    for pk in range(50):
        limits.offer(candidate(pk, pool="endless", pool_slots=7, max_active_tasks=50))
    assert len(admitted(limits)) == 50
    assert limits.usage()["pools"]["endless"] == {
        "total": None,
        "used": 350,
        "deferred": 0,
        "waiting": 0,
        "free": None,
    }


@pytest.mark.parametrize(("scope", "expected"), [("dag_run", [1, 3]), ("dag", [1])])
def test_max_active_tasks_counts_a_run_or_the_whole_dag(scope: Any, expected: list[int]) -> None:
    limits = offered(
        Limits(0, POOLS, max_active_tasks_per=scope),
        candidate(1, max_active_tasks=1),
        candidate(2, max_active_tasks=1),
        candidate(3, max_active_tasks=1, run_pk=DagRunPk(2)),
    )
    assert admitted(limits) == expected
    blocker = only_blocker(limits, 2)
    assert blocker.text == "max_active_tasks of DAG 'd' is reached: 1 of 1 task instances are taken."
    assert blocker.holders == (1,)


def test_the_limits_of_a_task_span_runs_or_one_run() -> None:
    limits = offered(
        Limits(0, POOLS),
        candidate(1, max_active_tis_per_dag=2, max_active_tis_per_dagrun=1),
        candidate(2, max_active_tis_per_dag=2, max_active_tis_per_dagrun=1),
        candidate(3, max_active_tis_per_dag=2, run_pk=DagRunPk(2)),
        candidate(4, max_active_tis_per_dag=2, run_pk=DagRunPk(3)),
    )
    assert admitted(limits) == [1, 3]
    assert [blocker.kind.value for blocker in limits.blockers(TaskInstancePk(2))] == [
        "max_active_tis_per_dag",
        "max_active_tis_per_dagrun",
    ]
    assert str(only_blocker(limits, 4).kind) == "max_active_tis_per_dag"
    assert only_blocker(limits, 4).subject == "d.t"
    limits.release(TaskInstancePk(1))
    assert admitted(limits) == [2]


def test_one_that_was_refused_for_its_task_may_leave_the_line() -> None:
    one, other = (candidate(pk, max_active_tis_per_dag=1) for pk in (1, 2))
    limits = offered(Limits(0, POOLS), one, other)
    assert admitted(limits) == [1]
    limits.offer(one._replace(ti_pk=TaskInstancePk(3)))
    for pk in (2, 3):
        limits.withdraw(TaskInstancePk(pk))
    limits.release(TaskInstancePk(1))
    assert admitted(limits) == []
    assert not limits._groups


def test_every_refusing_limit_is_named() -> None:
    limits = offered(Limits(1, POOLS), candidate(1, pool="small", pool_slots=2, executor="celery", max_active_tasks=1))
    limits.set_executor_slots("celery", 1)
    assert admitted(limits) == [1]
    offered(limits, candidate(2, pool="small", executor="celery", max_active_tasks=1))
    limits.set_paused("d", is_paused=True)
    assert [blocker.text for blocker in limits.blockers(TaskInstancePk(2))] == [
        "DAG 'd' is paused.",
        "The parallelism of the installation is used up: 1 of 1 slots are taken.",
        "Pool 'small' has no room: 2 of 2 slots are taken.",
        "max_active_tasks of DAG 'd' is reached: 1 of 1 task instances are taken.",
        "Executor 'celery' has no free slot: 1 of 1 slots are taken.",
    ]


def test_nothing_is_said_of_those_that_do_not_wait() -> None:
    limits = offered(Limits(0, POOLS), candidate(1))
    assert limits.blockers(TaskInstancePk(1)) == []
    assert limits.is_waiting(TaskInstancePk(1))
    assert admitted(limits) == [1]
    assert limits.blockers(TaskInstancePk(1)) == []
    assert not limits.is_waiting(TaskInstancePk(1))
    assert limits.is_holding(TaskInstancePk(1))
    assert not limits.is_holding(TaskInstancePk(2))


def test_a_deferred_task_instance_counts_for_its_task_and_where_the_pool_says_so() -> None:
    limits = offered(
        Limits(1, POOLS),
        candidate(1, pool="deep", pool_slots=2, max_active_tis_per_dag=1, max_active_tasks=1),
    )
    assert admitted(limits) == [1]
    limits.park(TaskInstancePk(1))
    offered(
        limits,
        candidate(2, max_active_tis_per_dag=1),
        candidate(3, pool="deep", task_id="u"),
    )
    assert admitted(limits) == []
    assert [only_blocker(limits, pk).kind for pk in (2, 3)] == [BlockerKind.MAX_ACTIVE_TIS_PER_DAG, BlockerKind.POOL]
    assert only_blocker(limits, 3).holders == (1,)
    limits.set_pools([("default_pool", 1, False), ("deep", 2, False)])
    assert admitted(limits) == [3]
    # Resumed, it asks for its slots like everybody else.
    limits.offer(candidate(1, pool="deep", task_id="t", order=(9.0, 0)))
    limits.release(TaskInstancePk(3))
    assert admitted(limits) == [2]


def test_events_of_those_that_hold_and_want_nothing_do_nothing() -> None:
    limits = Limits(0, POOLS)
    before = limits.usage()
    for event in (limits.release, limits.withdraw, limits.park):
        event(TaskInstancePk(1))
    assert limits.usage() == before


def test_a_pool_may_begin_and_cease_to_count_deferred_ones() -> None:
    limits = Limits(0, [("p", 3, False)])
    limits.hold(candidate(1, pool="p", pool_slots=2), Hold.DEFERRED)
    limits.offer(candidate(2, pool="unknown"))
    used: list[int] = []
    for includes_deferred in (True, True, False):
        limits.set_pools([("p", 3, includes_deferred)])
        used.append(limits.usage()["pools"]["p"]["used"])
    assert used == [2, 2, 0]


def test_a_human_wait_never_counts_in_a_pool() -> None:
    limits = Limits(0, POOLS)
    limits.hold(candidate(1, pool="deep", pool_slots=2), Hold.AWAITING_INPUT)
    assert limits.usage()["pools"]["deep"]["free"] == 2
    limits.hold(candidate(2, pool="deep", pool_slots=2), Hold.DEFERRED)
    assert limits.usage()["pools"]["deep"] == {"total": 2, "used": 2, "deferred": 2, "waiting": 0, "free": 0}


def test_what_was_found_running_counts_even_beyond_the_limits() -> None:
    limits = Limits(1, [("small", 1, False)])
    for pk in (1, 2):
        limits.hold(candidate(pk, pool="small"))
    offered(limits, candidate(3, pool="small", dag_id="e", run_pk=DagRunPk(2)))
    assert admitted(limits) == []
    assert limits.usage() == {
        "parallelism": 1,
        "used": 2,
        "waiting": 1,
        "pools": {"small": {"total": 1, "used": 2, "deferred": 0, "waiting": 1, "free": 0}},
        "dags": {"e": {"used": 0, "waiting": 1}, "d": {"used": 2, "waiting": 0}},
    }
    limits.release(TaskInstancePk(1))
    assert admitted(limits) == []
    limits.release(TaskInstancePk(2))
    assert admitted(limits) == [3]


def test_a_paused_dag_does_not_hold_up_others() -> None:
    limits = offered(Limits(0, POOLS), candidate(1, priority=9), candidate(2, dag_id="e", run_pk=DagRunPk(2)))
    limits.set_paused("d", is_paused=True)
    assert admitted(limits) == [2]
    limits.set_paused("d", is_paused=False)
    assert admitted(limits) == [1]


def test_a_pool_that_vanishes_keeps_what_it_gave() -> None:
    limits = offered(Limits(0, POOLS), candidate(1, pool="deep"))
    assert admitted(limits) == [1]
    limits.set_pools([("small", 2, False)])
    assert limits.usage()["pools"].keys() == {"small"}
    offered(limits, candidate(2, pool="deep"))
    assert only_blocker(limits, 2).kind is BlockerKind.UNKNOWN_POOL
    limits.release(TaskInstancePk(1))
    limits.set_pools([("deep", 1, True)])
    assert admitted(limits) == [2]


def test_an_event_looks_at_few_groups_however_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    first = Limits._pass

    def counted(self: Limits, group: Any) -> Any:
        nonlocal looks
        looks += 1
        return first(self, group)

    monkeypatch.setattr(Limits, "_pass", counted)
    limits = Limits(0, [("small", 8, False)])
    for pk in range(4000):
        run = pk % 40
        limits.offer(
            candidate(
                pk,
                pool="small",
                run_pk=DagRunPk(run),
                task_id=f"t{pk}",
                max_active_tasks=2,
                max_active_tis_per_dagrun=1,
                order=(float(run), pk),
            )
        )
    running = admitted(limits)
    looks = 0
    while running:
        limits.release(TaskInstancePk(running.pop(0)))
        running += admitted(limits)
    # One look admits; the others are groups that two full limits hand each other.
    assert looks < 3 * 4000
