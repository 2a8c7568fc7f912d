"""Setups and teardowns: what tasks further up decide, held against what Airflow 3.3.2 decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tradewind.core.engine import Instance, RunEngine
from tradewind.core.states import TaskInstanceState
from tradewind.core.trigger_rules import Verdict

from tests.core.engine.oracle import Task
from tests.core.engine.world import compiled

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "setups.json").read_text())
STATES = {".": "none", "s": "success", "f": "failed", "u": "upstream_failed", "k": "skipped"}
LETTERS = {Verdict.WAIT: "w", Verdict.RUN: "r", Verdict.SKIP: "k", Verdict.UPSTREAM_FAILED: "u"}


def engine_of(tasks: list[Task], states: str) -> RunEngine:
    rows = [
        Instance(slot, task.name, TaskInstanceState(STATES[letter]), 0, 0, 0)
        for slot, (task, letter) in enumerate(zip(tasks, states, strict=True))
    ]
    return RunEngine(compiled(tasks), rows)


def tasks_of(fact: Any) -> list[Task]:
    return [
        Task(
            name=f"t{place}",
            rule=rule,
            upstream=frozenset(f"t{other}" for other in upstream),
            is_setup=kind == "setup",
            is_teardown=kind == "teardown",
        )
        for place, (kind, rule, upstream) in enumerate(fact)
    ]


def verdicts(tasks: list[Task], states: str) -> str:
    engine = engine_of(tasks, states)
    return "".join(
        LETTERS[engine.verdict(node)] if letter == "." else "-"
        for node, letter in zip(engine.dag.nodes, states, strict=True)
    )


def test_every_verdict_is_airflows() -> None:
    assert len(GOLDEN["dags"]) == 250
    wrong = [
        (fact, states, expected, found)
        for fact, cases in GOLDEN["dags"]
        for states, expected in cases
        if (found := verdicts(tasks_of(fact), states)) != expected
    ]
    assert wrong == []


SETUP = Task("setup", is_setup=True)
WORK = Task("work", upstream=frozenset({"setup"}))
LATE = Task("late", rule="all_done", upstream=frozenset({"work"}))
END = Task("end", rule="all_done_setup_success", upstream=frozenset({"setup", "late"}), is_teardown=True)


@pytest.mark.parametrize(
    ("states", "expected"),
    [("s...", "-rww"), ("f...", "-uuw"), ("k...", "-kkw"), ("sf..", "--rw"), ("sff.", "---r"), ("ku..", "--kw")],
)
def test_a_task_needs_its_setup_whatever_its_rule(states: str, expected: str) -> None:
    # The teardown itself waits for all that is directly before it.
    assert verdicts([SETUP, WORK, LATE, END], states) == expected


def test_a_setup_whose_teardown_comes_before_a_task_is_over() -> None:
    after = Task("after", rule="all_done", upstream=frozenset({"end"}))
    assert verdicts([SETUP, WORK, LATE, END, after], "fuus.") == "----r"
    assert verdicts([SETUP, WORK, Task("after", rule="all_done", upstream=frozenset({"work"}))], "fu.") == "--u"


def test_a_teardown_waits_for_what_lies_between() -> None:
    beside = Task("beside", upstream=frozenset({"setup"}))
    join = Task("join", rule="one_success", upstream=frozenset({"work", "beside"}))
    end = Task("end", rule="all_done_setup_success", upstream=frozenset({"setup", "join"}), is_teardown=True)
    tasks = [SETUP, WORK, beside, join, end]
    assert verdicts(tasks, "ss.s.")[4] == "w"
    assert verdicts(tasks, "ssss.")[4] == "r"
