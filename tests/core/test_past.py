"""Each case was read off Airflow 3.3.2's check of the previous DAG run."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.core.graph import TaskNode
from tradewind.core.past import counts_as_past, is_held_by_past, past_blocker
from tradewind.core.states import RunType
from tradewind.core.states import TaskInstanceState as S


def node(**fields: Any) -> TaskNode:
    return TaskNode(index=0, task_id="t", **{"depends_on_past": True, **fields})


@pytest.mark.parametrize(
    ("state", "expected"),
    [(state, state not in {S.SUCCESS, S.SKIPPED}) for state in S],
)
def test_the_task_must_have_succeeded_or_been_skipped(state: S, expected: bool) -> None:
    assert is_held_by_past(node(), {"t": state}) is expected
    assert is_held_by_past(node(wait_for_downstream=True, depends_on_past=False), {"t": state}) is expected
    assert not is_held_by_past(node(depends_on_past=False), {"t": state})


def test_all_mapped_instances_count() -> None:
    assert not is_held_by_past(node(), {"t": [S.SUCCESS, S.SKIPPED]})
    assert is_held_by_past(node(), {"t": [S.SUCCESS, S.RUNNING]})


def test_the_first_run_is_not_held() -> None:
    assert not is_held_by_past(node(), None)


@pytest.mark.parametrize(
    ("ignores_first", "has_earlier", "expected"),
    [(True, False, False), (True, True, True), (False, False, True), (False, True, True)],
)
def test_a_task_that_the_run_before_did_not_have(ignores_first: bool, has_earlier: bool, expected: bool) -> None:
    one = node(ignore_first_depends_on_past=ignores_first)
    assert is_held_by_past(one, {"other": S.SUCCESS}, has_earlier=has_earlier) is expected


@pytest.mark.parametrize(
    ("waits", "behind", "expected"),
    [
        (True, {"a": S.SUCCESS, "b": S.SKIPPED}, False),
        (True, {"a": S.SUCCESS, "b": S.RUNNING}, True),
        (True, {"a": S.FAILED, "b": S.NONE}, True),
        (True, {}, False),
        (False, {"a": S.FAILED}, False),
    ],
)
def test_wait_for_downstream_asks_for_the_tasks_right_after(waits: bool, behind: dict[str, S], expected: bool) -> None:
    one = node(wait_for_downstream=waits)
    assert is_held_by_past(one, {"t": S.SUCCESS, **behind}, ["a", "b"]) is expected


def test_the_sentences_name_run_and_state() -> None:
    waiting = node(wait_for_downstream=True, ignore_first_depends_on_past=False)
    texts = [
        blocker.text
        for past in ({}, {"t": [S.FAILED, S.NONE]}, {"t": S.SUCCESS, "a": S.RUNNING, "b": [S.FAILED, S.UP_FOR_RETRY]})
        if (blocker := past_blocker(waiting, past, ["a", "b"], run_id="r1"))
    ]
    assert texts == [
        "depends_on_past: DAG run 'r1' has no instance of the task.",
        "depends_on_past: the task is failed, not scheduled in DAG run 'r1'.",
        "wait_for_downstream: in DAG run 'r1', 'a' is running, 'b' is failed and up_for_retry.",
    ]


def test_under_catchup_manual_runs_are_nobodys_past() -> None:
    counted = {run_type for run_type in RunType if counts_as_past(run_type, is_catchup=True)}
    assert counted == set(RunType) - {RunType.MANUAL}
    assert all(counts_as_past(run_type, is_catchup=False) for run_type in RunType)
