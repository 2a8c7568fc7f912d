from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

from tradewind.core.trigger_rules import (
    TriggerRule,
    UpstreamCounts,
    Verdict,
    decide,
    parse_trigger_rule,
    why_waiting,
)

GOLDEN = json.loads((Path(__file__).parent / "golden" / "trigger_rules.json").read_text())
LETTERS = {Verdict.WAIT: "w", Verdict.RUN: "r", Verdict.SKIP: "s", Verdict.UPSTREAM_FAILED: "u"}


def every_upstream() -> list[UpstreamCounts]:
    """Count the combinations in the order in which the golden table lists them."""
    kinds = [(state, is_setup) for state in GOLDEN["states"] for is_setup in (False, True)]
    every: list[UpstreamCounts] = []
    for size in range(1, GOLDEN["most_upstream"] + 1):
        for upstream in itertools.combinations_with_replacement(kinds, size):
            states = Counter(state for state, _ in upstream if state)
            setups = Counter(state for state, is_setup in upstream if is_setup)
            every.append(
                UpstreamCounts(
                    total=size,
                    **states,
                    success_setup=setups["success"],
                    skipped_setup=setups["skipped"],
                    total_setup=sum(setups.values()),
                )
            )
    return every


def verdicts(rule: TriggerRule, *, flag_upstream_failed: bool) -> str:
    return "".join(
        LETTERS[decide(rule, counts, flag_upstream_failed=flag_upstream_failed)] for counts in every_upstream()
    )


def test_the_golden_table_knows_the_same_rules() -> None:
    assert set(GOLDEN["verdicts"]) == {rule.value for rule in TriggerRule}


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_verdicts_agree_with_airflow(rule: TriggerRule) -> None:
    assert verdicts(rule, flag_upstream_failed=True) == GOLDEN["verdicts"][rule.value]["flag"]


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_asking_without_marking_agrees_with_airflow(rule: TriggerRule) -> None:
    assert verdicts(rule, flag_upstream_failed=False) == GOLDEN["verdicts"][rule.value]["ask"]


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_no_upstream_means_run(rule: TriggerRule) -> None:
    assert decide(rule, UpstreamCounts()) is Verdict.RUN


@pytest.mark.parametrize(
    ("map_index", "verdict"), [(-1, Verdict.RUN), (1, Verdict.RUN), (2, Verdict.REMOVED), (3, Verdict.REMOVED)]
)
def test_a_shrunken_mapped_upstream_removes_the_indexes_beyond_it(map_index: int, verdict: Verdict) -> None:
    counts = UpstreamCounts(total=4, success=2, removed=2)
    assert decide(TriggerRule.ALL_SUCCESS, counts, map_index=map_index) is verdict


def test_nothing_is_removed_while_no_upstream_succeeded() -> None:
    counts = UpstreamCounts(total=2, removed=1)
    assert decide(TriggerRule.ALL_SUCCESS, counts, map_index=3) is Verdict.WAIT


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_every_rule_is_parsed_from_its_value(rule: TriggerRule) -> None:
    assert parse_trigger_rule(rule.value) is rule
    assert parse_trigger_rule(rule) is rule
    assert str(rule) == rule.value


def test_removed_spellings_mean_their_successors() -> None:
    assert parse_trigger_rule("dummy") is TriggerRule.ALWAYS
    assert parse_trigger_rule("none_failed_or_skipped") is TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS


def test_an_unknown_rule_is_named_and_the_valid_ones_are_listed() -> None:
    with pytest.raises(ValueError, match=r"'all_sucess'.*all_success, all_failed.*always"):
        parse_trigger_rule("all_sucess")


def test_the_wait_is_explained_with_its_figures() -> None:
    counts = UpstreamCounts(total=4, success=2, skipped=1)
    assert why_waiting(TriggerRule.ALL_DONE, counts) == (
        "Trigger rule all_done needs every upstream to finish; of 4 upstream: 2 succeeded, 1 skipped, 1 not finished."
    )


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_every_rule_can_explain_itself(rule: TriggerRule) -> None:
    text = why_waiting(rule, UpstreamCounts(total=2, failed=1))
    assert rule.value in text
    assert ("1 failed, 1 not finished" in text) == (rule is not TriggerRule.ALWAYS)
    assert "waits for nothing" in why_waiting(rule, UpstreamCounts())


def test_names_that_airflow_has_dropped() -> None:
    assert TriggerRule.DUMMY is TriggerRule.ALWAYS is TriggerRule("dummy")
    assert TriggerRule.NONE_FAILED_OR_SKIPPED is TriggerRule("none_failed_or_skipped")
    assert TriggerRule("none_failed_or_skipped") is TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    assert len(list(TriggerRule)) == len(TriggerRule.all_triggers()) == 13
    assert TriggerRule.is_valid("one_done")
    assert not TriggerRule.is_valid("dummy")
    for strange in ("sometimes", 5):
        with pytest.raises(ValueError, match="is not a valid TriggerRule"):
            TriggerRule(strange)
