"""Runs of small DAGs as real Airflow decided them, held against the run engine.

A sample of `conformance/facts`; `make conformance` compares them all. To see a difference whole:
`python -m conformance.facts.comparison <part of a spec's id>`.
"""

from __future__ import annotations

from typing import Any

import pytest

from conformance.facts.comparison import RELEASES, difference, expected_deviations, recorded
from conformance.facts.specs import FAMILIES, RULES, Draw, generate, rank, turn

EVERY = 6


@pytest.fixture(scope="module", params=RELEASES)
def facts(request: pytest.FixtureRequest) -> tuple[str, list[dict[str, Any]]]:
    return request.param, recorded(request.param)


@pytest.mark.parametrize("family", FAMILIES)
def test_runs_end_as_under_airflow(family: str, facts: tuple[str, list[dict[str, Any]]]) -> None:
    release, rows = facts
    deviations = expected_deviations(release)
    rows = [row for row in rows if row["spec"]["id"].startswith(f"{family}/")]
    decided = {row["spec"]["id"] for row in rows if row["spec"]["id"] in deviations}
    sample = [row for number, row in enumerate(rows) if number % EVERY == 0 or row["spec"]["id"] in decided]
    found = {row["spec"]["id"]: why for row in sample if (why := difference(row)) is not None}
    assert {spec_id: why for spec_id, why in found.items() if spec_id not in decided} == {}
    assert decided <= found.keys()


def test_the_generator_gives_the_recorded_specs(facts: tuple[str, list[dict[str, Any]]]) -> None:
    specs = {spec["id"]: spec for spec in generate()}
    assert all(specs[row["spec"]["id"]] == row["spec"] for row in facts[1])
    assert len(specs) == sum(count for _, count in FAMILIES.values())


def test_facts_hold_every_rule_and_every_end(facts: tuple[str, list[dict[str, Any]]]) -> None:
    release, rows = facts
    rules = {task.get("rule") for row in rows for task in row["spec"]["tasks"].values()}
    newer = {"all_done_min_one_success"} if release == "2.8.1" else set[str]()
    assert rules >= set(RULES) - {"all_success"} - newer
    states = {state for row in rows for _, tasks in row["runs"] for state in tasks.values() if isinstance(state, str)}
    assert states >= {"success", "failed", "skipped", "upstream_failed"}


def test_a_difference_names_run_task_and_states() -> None:
    spec = {"id": "own/0", "tasks": {"t0": {"out": "f"}, "t1": {}}, "edges": [["t0", "t1"]]}
    assert difference({"spec": spec, "runs": [["failed", {"t0": "failed", "t1": "upstream_failed"}]]}) is None
    said = difference({"spec": spec, "runs": [["success", {"t0": "failed", "t1": "skipped"}]]})
    assert said is not None
    assert "run 0 is failed, success in Airflow" in said
    assert "t1 of run 0 is upstream_failed, skipped in Airflow" in said


def test_what_happens_in_a_try_hangs_on_run_index_and_try() -> None:
    assert [turn("abcde", *where) for where in ((0, -1, 1), (0, 0, 2), (0, 1, 1), (1, 0, 1))] == ["a", "b", "d", "a"]
    spec = Draw("own/1").spec
    assert rank(spec, 0, "t0", -1) == rank(spec, 0, "t0", -1) != rank(spec, 1, "t0", -1)
