from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tradewind.core.engine import Instance, RunEngine
from tradewind.core.explain import Explanation, Facts, explain
from tradewind.core.ids import DagRunPk, TaskInstancePk
from tradewind.core.limits import Blocker, BlockerKind, Candidate, Hold, Limits
from tradewind.core.states import TaskInstanceState as S

from tests.core.engine import mapping_world
from tests.core.engine.oracle import Task
from tests.core.engine.world import compiled

NOW = datetime(2025, 1, 1, tzinfo=timezone.utc)
PK = TaskInstancePk(7)
K = BlockerKind


def task(name: str, *upstream: str, **fields: Any) -> Task:
    return Task(name, upstream=frozenset(upstream), **fields)


def engine_of(tasks: list[Task], /, due_at: Any = None, **states: S) -> RunEngine:
    names = [*(one.name for one in tasks), *(name for name in states if name not in {one.name for one in tasks})]
    rows = [Instance(slot, name, states.get(name, S.NONE), 1, 1, 1, due_at) for slot, name in enumerate(names)]
    return RunEngine(compiled(tasks), rows)


def explained(engine: RunEngine, slot: int, limits: Limits | None = None, **facts: Any) -> Explanation:
    before = dict(engine.states)
    found = explain(engine, slot, limits or Limits(0), Facts(PK, NOW, **facts))
    assert engine.states == before
    assert found.state is before[slot]
    return found


def test_a_task_that_waits_names_rule_and_unfinished_upstream() -> None:
    tasks = [task("a"), task("b"), task("c"), task("d", "a", "b", "c")]
    found = explained(engine_of(tasks, a=S.RUNNING, b=S.SUCCESS), 3)
    assert [(blocker.kind, blocker.subject, blocker.text) for blocker in found.blockers] == [
        (
            K.TRIGGER_RULE,
            "all_success",
            "Trigger rule all_success needs every upstream to succeed; of 3 upstream: 1 succeeded, 2 not finished.",
        ),
        (K.UPSTREAM, "a", "Upstream task 'a' is running."),
        (K.UPSTREAM, "c", "Upstream task 'c' is not scheduled yet."),
    ]
    assert found.summary == f"{found.blockers[0].text} (2 more)"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (S.UP_FOR_RETRY, "Try 2 begins at 2025-01-01T00:01:30+00:00, in 90 s."),
        (S.UP_FOR_RESCHEDULE, "The sensor looks again at 2025-01-01T00:01:30+00:00, in 90 s."),
    ],
)
def test_a_date_that_is_not_reached(state: S, text: str) -> None:
    found = explained(engine_of([task("a")], NOW + timedelta(seconds=90), a=state), 0)
    assert found == Explanation(state, text, (Blocker(K.DATE, "2025-01-01T00:01:30+00:00", text),))


def test_a_pause_comes_first() -> None:
    found = explained(engine_of([task("a"), task("b", "a")]), 1, is_paused=True)
    assert found.summary == "DAG 'd' is paused. (2 more)"


@pytest.mark.parametrize("past", [None, Blocker(K.PAST, "a", "depends_on_past: the task is failed in DAG run 'r'.")])
def test_the_run_before(past: Blocker | None) -> None:
    engine = engine_of([task("a")])
    engine.open([0])
    (blocker,) = explained(engine, 0, past=past).blockers
    assert blocker == past or blocker.text == "The DAG run before holds task 'a' back."


def test_limits_speak_for_themselves() -> None:
    candidate = Candidate(PK, "d", DagRunPk(1), "a", "p", 1, 1, (0.0, 0), 16)
    limits = Limits(0, [("p", 1, False)])
    limits.hold(candidate._replace(ti_pk=TaskInstancePk(3)), Hold.SLOT)
    limits.offer(candidate)
    found = explained(engine_of([task("a")], a=S.SCHEDULED), 0, limits)
    assert found.summary == "Pool 'p' has no room: 1 of 1 slots are taken."
    assert found.blockers[0].holders == (3,)


def test_a_run_that_is_queued() -> None:
    full = Blocker(K.MAX_ACTIVE_RUNS, "d", "max_active_runs of DAG 'd' is reached.", 1, 1, (4,))
    engine = engine_of([task("a")])
    assert explained(engine, 0, run_blockers=(full,)).summary == f"The DAG run has not started. {full.text}"
    assert explained(engine, 0, run_blockers=(full,)).blockers[1] is full
    assert explained(engine, 0, run_blockers=()).summary == "The DAG run has not started."


@pytest.mark.parametrize(
    ("state", "summary", "kinds"),
    [
        (S.NONE, "Nothing holds it: it is about to be scheduled.", []),
        (S.SCHEDULED, "It is scheduled and next to be queued.", []),
        (S.QUEUED, "Try 1 is queued: it waits for a free worker of executor 'default', queue 'default'.", [K.EXECUTOR]),
        (S.RUNNING, "Try 1 is running.", []),
        (
            S.RESTARTING,
            "It was cleared while it ran: the next try begins when the process of this one has ended.",
            [K.PARKED],
        ),
        (S.DEFERRED, "It is deferred: it goes on when its trigger fires.", [K.PARKED]),
        (S.AWAITING_INPUT, "It waits for the answer of a human.", [K.PARKED]),
        (S.SUCCESS, "It is finished: success.", []),
        (S.FAILED, "It failed in try 1 of 2.", []),
        (S.REMOVED, "The DAG had no such task any more.", []),
        (S.SKIPPED, "It was skipped by itself, by a branch before it, by a timeout of the run or by a user.", []),
        (S.UPSTREAM_FAILED, "Trigger rule all_success waits for nothing.", []),
    ],
)
def test_every_state_has_a_sentence(state: S, summary: str, kinds: list[BlockerKind]) -> None:
    found = explained(engine_of([task("a")], a=state), 0)
    assert found.summary == summary
    assert [blocker.kind for blocker in found.blockers] == kinds


def test_an_executor_may_know_more() -> None:
    full = Blocker(K.EXECUTOR, "celery", "No worker listens on queue 'gpu'.")
    assert explained(engine_of([task("a")], a=S.QUEUED), 0, executor=full).blockers == (full,)


def test_a_failure_after_more_tries_than_planned() -> None:
    engine = RunEngine(compiled([task("a")]), [Instance(0, "a", S.FAILED, 9, 4, 0)])
    assert explained(engine, 0).summary == "It failed in try 4."


def test_a_failure_upstream_is_traced_to_its_origin() -> None:
    tasks = [task("bad"), task("b", "bad"), task("c", "b", "good", "bad"), task("good"), task("e", "c", "b")]
    states = {"bad": S.FAILED, "b": S.UPSTREAM_FAILED, "c": S.UPSTREAM_FAILED, "e": S.UPSTREAM_FAILED}
    assert explained(engine_of(tasks, **states), 4).summary == (
        "It did not run because of what failed before it: 'bad'. "
        "Trigger rule all_success needs every upstream to succeed; of 2 upstream: 2 upstream failed."
    )


def test_a_skip_names_the_branch_or_the_rule() -> None:
    engine = engine_of([task("a"), task("b", "a")], a=S.SKIPPED, b=S.SKIPPED)
    assert explained(engine, 1).summary == (
        "It was skipped by its trigger rule. "
        "Trigger rule all_success needs every upstream to succeed; of 1 upstream: 1 skipped."
    )
    assert explained(engine, 1, skipped_by="choose").summary == "It was skipped by task 'choose'."


def test_a_task_that_the_dag_has_no_more() -> None:
    engine = engine_of([task("a")], gone=S.RUNNING, done=S.SUCCESS, skipped=S.SKIPPED)
    assert explained(engine, 1).summary == "The DAG has no such task any more."
    assert [explained(engine, slot).summary for slot in (2, 3)] == [
        "It is finished: success.",
        "It is finished: skipped.",
    ]


def test_an_upstream_without_instance_is_not_scheduled() -> None:
    engine = RunEngine(compiled([task("a"), task("b", "a")]), [Instance(0, "b", S.NONE, 0, 0, 0)])
    assert explained(engine, 0).blockers[1].text == "Upstream task 'a' is not scheduled yet."


def test_setups_and_scopes_further_up_are_named() -> None:
    setup, work = task("setup", is_setup=True), task("work", "setup")
    late = task("late", "work", rule="one_done")
    waiting = explained(engine_of([setup, work, late], work=S.SUCCESS), 2)
    assert [blocker.text for blocker in waiting.blockers] == [
        "Task 'setup', a setup that it needs, is not scheduled yet."
    ]
    skipped = explained(engine_of([setup, work, late], setup=S.SKIPPED, work=S.SUCCESS, late=S.SKIPPED), 2)
    assert skipped.summary == "It was skipped because its setup task 'setup' was."
    beside = task("beside", "setup")
    join = task("join", "work", "beside", rule="one_success")
    end = task("end", "setup", "join", rule="all_done_setup_success", is_teardown=True)
    states = {"setup": S.SUCCESS, "work": S.SUCCESS, "join": S.SUCCESS, "beside": S.RUNNING}
    waiting = explained(engine_of([setup, work, beside, join, end], **states), 4)
    assert [blocker.text for blocker in waiting.blockers] == [
        "Task 'beside', in the scope of this teardown, is running."
    ]
    ended = explained(engine_of([setup, work, beside, join, end], **states, end=S.SKIPPED), 4)
    assert "setup task" not in ended.summary


def mapped_engine(**states: Any) -> RunEngine:
    """Make an engine of `a` (three instances) and `b`, which is mapped over it; `states` by task and map index."""
    rows = [
        Instance(slot, name, state, 1, 1, 1, map_index=map_index)
        for slot, (name, map_index, state) in enumerate(
            (name, map_index, state) for name, by_index in states.items() for map_index, state in by_index.items()
        )
    ]
    tasks = [mapping_world.Mapped("a", over=3), mapping_world.Mapped("b", upstream=frozenset({"a"}), over="a")]
    return RunEngine(mapping_world.compiled(tasks), rows)


def test_a_mapped_task_says_what_its_length_waits_for() -> None:
    engine = mapped_engine(a={0: S.RUNNING, 1: S.SUCCESS, 2: S.NONE}, b={-1: S.NONE})
    assert [blocker.text for blocker in explained(engine, 3).blockers] == [
        "Trigger rule all_success needs every upstream to succeed; of 3 upstream: 1 succeeded, 2 not finished.",
        "Upstream task 'a' is not finished in 2 of 3 instances: 1 running, 1 not scheduled yet.",
        "It is mapped over what task 'a' returns, which has not finished.",
    ]


@pytest.mark.parametrize(
    ("states", "slot", "summary"),
    [
        (
            {"a": dict.fromkeys(range(3), S.SUCCESS), "b": {-1: S.SKIPPED}},
            3,
            "It was skipped because it is mapped over nothing: the length is 0.",
        ),
        (
            {"a": {0: S.SUCCESS, 1: S.REMOVED}, "b": {0: S.NONE}},
            1,
            "It was removed: what the task is mapped over had become shorter.",
        ),
        (
            {"a": {0: S.SUCCESS, 1: S.FAILED, 2: S.FAILED}, "b": {-1: S.UPSTREAM_FAILED}},
            3,
            "It did not run because of what failed before it: 'a'.",
        ),
    ],
)
def test_how_instances_of_mapped_tasks_ended(states: dict[str, Any], slot: int, summary: str) -> None:
    assert explained(mapped_engine(**states), slot).summary.startswith(summary)
