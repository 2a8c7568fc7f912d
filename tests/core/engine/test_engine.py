from __future__ import annotations

import tracemalloc
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tradewind.core.effects import Arm, Effect, Finish, Move, Offer, Park, Release, Stop, Withdraw
from tradewind.core.engine import MAX_REQUEUES, Instance, Outcome, RunEngine
from tradewind.core.graph import CompiledDag, TaskNode
from tradewind.core.lifecycle import IllegalTransitionError
from tradewind.core.retries import RetryPolicy
from tradewind.core.states import DagRunState
from tradewind.core.states import TaskInstanceState as S
from tradewind.core.transitions import Actor, Event

from tests.core.engine.oracle import Task
from tests.core.engine.world import compiled

AT = datetime(2025, 1, 1, tzinfo=timezone.utc)


def task(name: str, *upstream: str, **fields: Any) -> Task:
    return Task(name, upstream=frozenset(upstream), **fields)


def engine_of(*tasks: Task, rows: dict[str, Any] | None = None, fail_fast: bool = False) -> RunEngine:
    """Make an engine; `rows` are states, or instances, of tasks that the run has already."""
    known = rows or {}
    names = [*(one.name for one in tasks), *(name for name in known if name not in {one.name for one in tasks})]
    retries = {one.name: one.retries for one in tasks}
    instances: list[Instance] = []
    for slot, name in enumerate(names):
        row = known.get(name, S.NONE)
        if isinstance(row, S):
            tries = 0 if row in {S.NONE, S.REMOVED} else 1
            row = Instance(slot, name, row, 4 if name in known else 0, tries, retries.get(name, 0))
        instances.append(row)
    return RunEngine(compiled(tasks, fail_fast=fail_fast), instances)


def moves(effects: list[Effect]) -> list[tuple[int, str]]:
    return [(effect.slot, effect.event.value) for effect in effects if isinstance(effect, Move)]


def test_a_chain_runs_to_its_end() -> None:
    engine = engine_of(task("a"), task("b", "a"))
    assert engine.open() == [Move(0, Event.SCHEDULE, S.NONE, S.SCHEDULED, 1, 1), Offer(0)]
    assert engine.admit(0) == [Move(0, Event.ENQUEUE, S.SCHEDULED, S.QUEUED, 1, 2)]
    assert engine.start(0, 1) == [Move(0, Event.START, S.QUEUED, S.RUNNING, 1, 3)]
    assert engine.end(0, 1, Outcome.SUCCESS, AT) == [
        Move(0, Event.SUCCEED, S.RUNNING, S.SUCCESS, 1, 4),
        Release(0),
        Move(1, Event.SCHEDULE, S.NONE, S.SCHEDULED, 1, 1),
        Offer(1),
    ]
    engine.admit(1)
    assert engine.end(1, 1, Outcome.SUCCESS, AT)[-1] == Finish(DagRunState.SUCCESS, "success")
    assert engine.is_over


def test_a_report_that_overtakes_the_claim_brings_it_along() -> None:
    engine = engine_of(task("a", retries=1))
    engine.open()
    engine.admit(0)
    assert moves(engine.end(0, 1, Outcome.FAILED, AT)) == [(0, "start"), (0, "retry")]
    engine.fall_due(0, engine.due[0])
    engine.admit(0)
    assert moves(engine.lose(0, 2, AT, was_started=True)) == [(0, "start"), (0, "fail")]


def test_a_run_without_tasks_succeeds_at_once() -> None:
    assert engine_of().open() == [Finish(DagRunState.SUCCESS, "success")]


def test_an_empty_task_needs_no_worker() -> None:
    engine = engine_of(task("a", is_empty=True), task("b", "a"))
    assert engine.open() == [
        Move(0, Event.COMPLETE_EMPTY, S.NONE, S.SUCCESS, 1, 1),
        Move(1, Event.SCHEDULE, S.NONE, S.SCHEDULED, 1, 1),
        Offer(1),
    ]


def test_admission_of_what_is_not_scheduled_is_an_error() -> None:
    engine = engine_of(task("a"), task("b", "a"))
    engine.open()
    with pytest.raises(IllegalTransitionError):
        engine.admit(1)


def test_the_verdicts_of_one_event_do_not_depend_on_the_order_in_the_file() -> None:
    # Skipping `a` decides `b` and `last` in the same round: `last` does not see yet that `b` was refused.
    tasks = (task("x"), task("a"), task("b", "x", "a", rule="one_success"), task("last", "a", "b"))
    for order in (tasks, tuple(reversed(tasks))):
        engine = engine_of(*order)
        slots = {one.name: slot for slot, one in enumerate(order)}
        engine.open()
        for name, outcome in (("x", Outcome.FAILED), ("a", Outcome.SKIPPED)):
            engine.admit(slots[name])
            engine.end(slots[name], 1, outcome, AT)
        assert engine.states[slots["b"]] is S.UPSTREAM_FAILED
        assert engine.states[slots["last"]] is S.SKIPPED


def test_a_retry_waits_for_its_time() -> None:
    engine = engine_of(task("a", retries=1))
    engine.open()
    engine.admit(0)
    due_at = AT + timedelta(seconds=300)
    assert engine.end(0, 1, Outcome.FAILED, AT)[-1] == Arm(0, due_at)
    assert engine.fall_due(0, due_at - timedelta(seconds=1)) == []
    assert engine.fall_due(0, due_at) == [Move(0, Event.SCHEDULE, S.UP_FOR_RETRY, S.SCHEDULED, 2, 5), Offer(0)]
    engine.admit(0)
    effects = engine.end(0, 2, Outcome.FAILED, AT)
    assert effects[-1] == Finish(DagRunState.FAILED, "task_failure")


def test_the_worker_may_say_when_to_retry() -> None:
    engine = engine_of(task("a", retries=1))
    engine.open()
    engine.admit(0)
    assert engine.end(0, 1, Outcome.FAILED, AT, due_at=AT)[-1] == Arm(0, AT)


def test_retries_of_different_runs_are_spread_differently() -> None:
    def due_at(seed: str) -> datetime:
        node = TaskNode(index=0, task_id="a", retry=RetryPolicy(1, 600.0, exponential_backoff=2.0), is_leaf=True)
        dag = CompiledDag(dag_id="d", nodes=(node,), index_of={"a": 0})
        engine = RunEngine(dag, [Instance(0, "a", S.RUNNING, 1, 1, 1)], seed)
        engine.end(0, 1, Outcome.FAILED, AT)
        return engine.due[0]

    assert len({due_at(seed) for seed in "abcde"}) > 1


def test_a_sensor_goes_on_with_the_same_try() -> None:
    engine = engine_of(task("a"))
    engine.open()
    engine.admit(0)
    assert engine.end(0, 1, Outcome.RESCHEDULE, AT)[-1] == Arm(0, AT)
    assert engine.fall_due(0, AT)[0] == Move(0, Event.SCHEDULE, S.UP_FOR_RESCHEDULE, S.SCHEDULED, 1, 5)


def test_what_never_began_goes_back_into_the_line_some_times() -> None:
    engine = engine_of(task("a"))
    engine.open()
    for _ in range(MAX_REQUEUES):
        engine.admit(0)
        assert engine.lose(0, 1, AT, was_started=False)[1:] == [Release(0), Offer(0)]
    engine.admit(0)
    assert moves(engine.lose(0, 1, AT, was_started=False)) == [(0, "fail")]


def test_the_end_of_a_lost_try_comes_too_late() -> None:
    engine = engine_of(task("a", retries=1))
    engine.open()
    engine.admit(0)
    engine.lose(0, 1, AT, was_started=True)
    assert engine.end(0, 1, Outcome.SUCCESS, AT) == []
    assert engine.lose(0, 1, AT, was_started=True) == []
    assert engine.lose(9, 1, AT, was_started=True) == []
    assert engine.start(9, 1) == []


def test_a_branch_skips_whatever_has_no_slot_yet() -> None:
    rows = {"run": S.RUNNING, "none": S.NONE, "line": S.SCHEDULED, "slot": S.QUEUED, "parked": S.DEFERRED}
    engine = engine_of(
        *(task(name, "run", rule="one_failed") if name != "run" else task(name) for name in rows), rows=rows
    )
    engine.open()
    effects = engine.end(0, 1, Outcome.SUCCESS, AT, skips=tuple(rows)[1:])
    assert moves(effects) == [(0, "succeed"), (1, "skip_downstream"), (2, "skip_downstream"), (4, "skip_downstream")]
    assert Withdraw(2) in effects
    assert engine.states[3] is S.QUEUED


def test_a_branch_skips_what_something_else_has_failed_and_those_after_it_see_it_skipped() -> None:
    rows = {"run": S.RUNNING, "bad": S.FAILED, "named": S.UPSTREAM_FAILED, "slow": S.RUNNING, "last": S.NONE}
    engine = engine_of(
        task("run"),
        task("bad"),
        task("named", "run", "bad"),
        task("slow"),
        task("last", "named", "slow", rule="all_done_min_one_success"),
        rows=rows,
    )
    engine.open()
    assert moves(engine.end(0, 1, Outcome.SUCCESS, AT, skips=("named",))) == [
        (0, "succeed"),
        (2, "skip_downstream"),
        (4, "rule_skip"),
    ]


@pytest.mark.parametrize(
    ("setup", "other", "expected"),
    [
        (Outcome.SUCCESS, Outcome.FAILED, "schedule"),
        (Outcome.SKIPPED, Outcome.SUCCESS, "rule_skip"),
        (Outcome.FAILED, Outcome.SUCCESS, "fail_upstream"),
    ],
)
def test_setups_are_counted_apart(setup: Outcome, other: Outcome, expected: str) -> None:
    last = task("last", "setup", "other", rule="all_done_setup_success")
    engine = engine_of(task("setup", is_setup=True), task("other"), last)
    engine.open()
    effects: list[Effect] = []
    for slot, outcome in enumerate((setup, other)):
        engine.admit(slot)
        effects = engine.end(slot, 1, outcome, AT)
    assert moves(effects)[-1] == (2, expected)


def test_the_past_holds_a_start_but_not_the_passing_on_of_failure() -> None:
    tasks = (
        task("bad"),
        task("start"),
        task("pass_on", "bad", waits_before_skipping=True),
        task("skip", "bad", rule="all_skipped"),
        task("skip_later", "bad", rule="all_skipped", waits_before_skipping=True),
    )
    engine = engine_of(*tasks)
    assert moves(engine.open(range(1, 5))) == [(0, "schedule")]
    engine.admit(0)
    assert moves(engine.end(0, 1, Outcome.FAILED, AT))[2:] == [(2, "fail_upstream"), (3, "rule_skip")]
    assert engine.hear_of_past(4, is_held=True) == []
    assert moves(engine.hear_of_past(4, is_held=False)) == [(4, "rule_skip")]
    assert moves(engine.hear_of_past(1, is_held=False)) == [(1, "schedule")]
    assert engine.hear_of_past(1, is_held=False) == []


def test_fail_fast_stops_everything_but_teardowns() -> None:
    rows = {
        "bad": S.RUNNING,
        "run": S.RUNNING,
        "slot": S.QUEUED,
        "line": S.SCHEDULED,
        "done": S.SUCCESS,
        "down": S.NONE,
    }
    tasks = [task(name, is_teardown=name == "down", rule="all_done") for name in rows]
    engine = engine_of(
        *tasks[:-1], task("down", *list(rows)[:-1], is_teardown=True, rule="all_done"), rows=rows, fail_fast=True
    )
    engine.open()
    effects = engine.end(0, 1, Outcome.FAIL_WITHOUT_RETRY, AT)
    assert moves(effects) == [
        (0, "fail"),
        (1, "mark_failed"),
        (2, "mark_skipped"),
        (3, "mark_skipped"),
        (5, "schedule"),
    ]
    assert [effect for effect in effects if isinstance(effect, Stop)] == [Stop(1, 1), Stop(2, 1)]
    assert engine.end(1, 1, Outcome.SUCCESS, AT) == []


def test_a_run_that_takes_too_long_is_stopped() -> None:
    rows = {
        "run": S.RUNNING,
        "line": S.SCHEDULED,
        "retry": Instance(2, "retry", S.UP_FOR_RETRY, 1, 1, 1, AT),
        "done": S.SUCCESS,
    }
    engine = engine_of(*(task(name) for name in rows), task("behind", "run", rule="all_done"), rows=rows)
    engine.open()
    effects = engine.time_out()
    assert moves(effects) == [(slot, "mark_skipped") for slot in (0, 1, 2, 4)]
    assert {Stop(0, 1), Release(0), Withdraw(1)} <= set(effects)
    assert effects[-1] == Finish(DagRunState.FAILED, "timed_out")
    assert engine.is_over
    assert engine.time_out() == []
    assert engine.end(0, 1, Outcome.SUCCESS, AT) == []
    assert engine.fall_due(2, AT) == []


def test_after_a_restart_everything_goes_on_where_it_stood() -> None:
    rows = {
        "line": S.SCHEDULED,
        "wait": Instance(1, "wait", S.UP_FOR_RETRY, 3, 1, 1, AT),
        "poke": Instance(2, "poke", S.UP_FOR_RESCHEDULE, 3, 1, 0, None),
        "run": S.RUNNING,
    }
    engine = engine_of(*(task(name) for name in rows), rows=rows)
    assert engine.open() == [
        Offer(0),
        Arm(1, AT),
        Move(2, Event.SCHEDULE, S.UP_FOR_RESCHEDULE, S.SCHEDULED, 1, 4),
        Offer(2),
    ]


def test_who_lost_its_owner_gets_a_new_try() -> None:
    engine = engine_of(task("a"), rows={"a": S.RESTARTING})
    engine.open()
    assert engine.rescue(0) == [
        Move(0, Event.RESCUE, S.RESTARTING, S.NONE, 1, 5),
        Release(0),
        Move(0, Event.SCHEDULE, S.NONE, S.SCHEDULED, 2, 6),
        Offer(0),
    ]
    assert engine.rescue(0) == []


def test_what_the_dag_does_not_have_any_more_is_removed_unless_it_is_at_work() -> None:
    rows = {
        "wait": Instance(1, "wait", S.UP_FOR_RETRY, 1, 1, 1, AT),
        "done": S.FAILED,
        "run": S.RUNNING,
        "again": S.RUNNING,
        "lost": S.QUEUED,
        "rescued": S.RUNNING,
        "fail": S.RUNNING,
    }
    engine = engine_of(task("a"), rows=rows)
    assert moves(engine.open()) == [(1, "remove"), (0, "schedule")]
    assert moves(engine.end(3, 1, Outcome.SUCCESS, AT)) == [(3, "succeed")]
    assert engine.end(4, 1, Outcome.RESCHEDULE, AT)[-1] == Release(4)
    assert engine.lose(5, 1, AT, was_started=False)[-1] == Release(5)
    assert moves(engine.rescue(6)) == [(6, "remove")]
    assert moves(engine.end(7, 1, Outcome.FAILED, AT)) == [(7, "fail")]
    engine.admit(0)
    # Nobody asks how those ended that the DAG does not have.
    assert engine.end(0, 1, Outcome.SUCCESS, AT)[-1] == Finish(DagRunState.SUCCESS, "success")


def test_a_task_that_comes_back_runs() -> None:
    engine = engine_of(task("a"), task("b", "a", rule="all_done"), rows={"a": S.REMOVED})
    assert moves(engine.open()) == [(0, "restore"), (0, "schedule")]
    engine.admit(0)
    assert moves(engine.end(0, 1, Outcome.FAILED, AT)) == [(0, "start"), (0, "fail"), (1, "schedule")]


def test_tasks_without_instances_are_told() -> None:
    engine = RunEngine(compiled([task("a"), task("b")]), [Instance(0, "b", S.NONE, 0, 0, 0)])
    assert [node.task_id for node in engine.missing_nodes()] == ["a"]
    engine.open()
    engine.admit(0)
    assert engine.end(0, 1, Outcome.SUCCESS, AT)[-1] == Finish(DagRunState.SUCCESS, "success")


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ((task("a"), task("b", "a", rule="all_done")), DagRunState.SUCCESS),
        ((task("a"), task("b", "a", rule="all_done", is_teardown=True)), DagRunState.FAILED),
        ((task("a"), task("b", "a", rule="all_done", is_teardown=True, fails_run=True)), DagRunState.SUCCESS),
        ((task("a", is_teardown=True),), DagRunState.FAILED),
    ],
)
def test_the_leaves_decide_over_the_run(tasks: tuple[Task, ...], expected: DagRunState) -> None:
    engine = engine_of(*tasks)
    effects = engine.open()
    for slot, outcome in enumerate((Outcome.FAILED, Outcome.SUCCESS)[: len(tasks)]):
        engine.admit(slot)
        effects = engine.end(slot, 1, outcome, AT)
    assert isinstance(effects[-1], Finish)
    assert effects[-1].state is expected


def test_an_instance_costs_little_memory() -> None:
    size = 2000
    names = [f"t{index}" for index in range(size)]
    dag = compiled([task("first"), *(task(name, "first") for name in names), task("last", *names)])
    tracemalloc.start()
    try:
        engine = RunEngine(dag, (Instance(slot, node.task_id, S.NONE, 0, 0, 0) for slot, node in enumerate(dag.nodes)))
        engine.open()
        engine.admit(0)
        offered = engine.end(0, 1, Outcome.SUCCESS, AT)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(offered) > 2 * size
    assert held / size < 2048


def parked(outcome: Outcome, **fields: Any) -> RunEngine:
    engine = engine_of(task("a", **fields), task("b", "a"))
    engine.open()
    engine.admit(0)
    engine.start(0, 1)
    engine.end(0, 1, outcome, AT)
    return engine


@pytest.mark.parametrize(
    ("outcome", "event", "state"),
    [(Outcome.DEFERRED, Event.DEFER, S.DEFERRED), (Outcome.AWAITING_INPUT, Event.ASK_HUMAN, S.AWAITING_INPUT)],
)
def test_a_parked_try_keeps_its_number_when_it_goes_on(outcome: Outcome, event: Event, state: S) -> None:
    engine = engine_of(task("a"))
    engine.open()
    engine.admit(0)
    assert engine.end(0, 1, outcome, AT)[1:] == [Move(0, event, S.RUNNING, state, 1, 4), Park(0, state)]
    assert engine.resume(0, 2, Actor.TRIGGERER) == []
    assert engine.resume(0, 1, Actor.TRIGGERER) == [Move(0, Event.RESUME, state, S.SCHEDULED, 1, 5), Offer(0)]
    assert engine.resume(0, 1, Actor.TRIGGERER) == []
    engine.admit(0)
    assert engine.end(0, 1, Outcome.SUCCESS, AT)[-1] == Finish(DagRunState.SUCCESS, "success")


@pytest.mark.parametrize(
    ("outcome", "event"), [(Outcome.SUCCESS, "succeed"), (Outcome.SKIPPED, "skip"), (Outcome.FAILED, "fail")]
)
def test_a_trigger_may_end_its_task(outcome: Outcome, event: str) -> None:
    engine = parked(Outcome.DEFERRED)
    effects = engine.end_parked(0, 1, outcome, AT)
    assert moves(effects)[0] == (0, event)
    assert effects[1] == Release(0)


def test_a_failure_told_by_a_trigger_is_retried_by_the_rules() -> None:
    engine = parked(Outcome.DEFERRED, retries=1)
    effects = engine.end_parked(0, 1, Outcome.FAILED, AT)
    assert moves(effects) == [(0, "retry")]
    assert effects[1:] == [Release(0), Arm(0, AT + timedelta(minutes=5))]


def test_a_trigger_cannot_end_what_waits_for_a_human() -> None:
    assert parked(Outcome.AWAITING_INPUT).end_parked(0, 1, Outcome.SUCCESS, AT) == []


def test_a_task_that_starts_from_its_trigger_begins_deferred() -> None:
    engine = engine_of(task("a", starts_from_trigger=True, retries=1))
    assert engine.open() == [Move(0, Event.START_DEFERRED, S.NONE, S.DEFERRED, 1, 1), Park(0, S.DEFERRED)]
    engine.end_parked(0, 1, Outcome.FAILED, AT)
    assert engine.fall_due(0, AT + timedelta(minutes=5)) == [
        Move(0, Event.START_DEFERRED, S.UP_FOR_RETRY, S.DEFERRED, 2, 3),
        Park(0, S.DEFERRED),
    ]


def test_parked_tries_end_with_the_run() -> None:
    engine = parked(Outcome.DEFERRED)
    effects = engine.time_out()
    assert Release(0) in effects
    assert effects[-1] == Finish(DagRunState.FAILED, "timed_out")


@pytest.mark.parametrize("state", [S.DEFERRED, S.AWAITING_INPUT])
def test_a_parked_task_that_the_dag_has_no_more_is_removed(state: S) -> None:
    engine = engine_of(task("a"), rows={"gone": state})
    assert engine.open()[:2] == [Move(1, Event.REMOVE, state, S.REMOVED, 1, 5), Release(1)]


def test_a_task_that_the_dag_has_no_more_cannot_be_parked() -> None:
    engine = engine_of(task("a"), rows={"gone": S.RUNNING})
    engine.open()
    assert moves(engine.end(1, 1, Outcome.DEFERRED, AT)) == [(1, "remove")]
