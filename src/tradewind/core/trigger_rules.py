"""Trigger rules: when a task may run, given how its upstream task instances stand.

A rule is judged from counters alone, so a finished upstream costs one addition and one call of `decide`. The decisions,
the early ones included, are those of Airflow 3.3's trigger rule dependency; the test table was read off that code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class TriggerRule(str, Enum):
    """Every trigger rule of Airflow 2 and 3. The value is what DAG files write."""

    ALL_SUCCESS = "all_success"
    ALL_FAILED = "all_failed"
    ALL_DONE = "all_done"
    ALL_DONE_MIN_ONE_SUCCESS = "all_done_min_one_success"
    ALL_DONE_SETUP_SUCCESS = "all_done_setup_success"
    ALL_SKIPPED = "all_skipped"
    ONE_SUCCESS = "one_success"
    ONE_FAILED = "one_failed"
    ONE_DONE = "one_done"
    NONE_FAILED = "none_failed"
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    NONE_SKIPPED = "none_skipped"
    ALWAYS = "always"

    DUMMY = "always"  # noqa: PIE796 - the name that Airflow before 2.2 has for it
    NONE_FAILED_OR_SKIPPED = "none_failed_min_one_success"  # noqa: PIE796 - as above

    @classmethod
    def _missing_(cls, value: object) -> TriggerRule | None:
        return _REMOVED_SPELLINGS.get(value) if isinstance(value, str) else None

    @classmethod
    def is_valid(cls, trigger_rule: str) -> bool:
        """Say whether a text is the value of a rule."""
        return trigger_rule in cls.all_triggers()

    @classmethod
    def all_triggers(cls) -> set[str]:
        """Give the values of all rules."""
        return {rule.value for rule in cls}

    def __str__(self) -> str:
        """Give the value, so that a rule prints as DAG files write it."""
        return self.value


class Verdict(Enum):
    """What a trigger rule says about a task instance that has not been scheduled yet."""

    WAIT = "wait"
    """Nothing is decided: more upstream task instances have to finish."""

    RUN = "run"
    """The rule is met: the task instance may be scheduled."""

    SKIP = "skip"
    """The rule can no longer be met because of skips: transition `rule_skip`."""

    UPSTREAM_FAILED = "upstream_failed"
    """The rule can no longer be met because of failures: transition `fail_upstream`."""

    REMOVED = "removed"
    """The mapped upstream shrank below this map index: transition `remove`."""


@dataclass(slots=True)
class UpstreamCounts:
    """How the upstream task instances of one task instance stand.

    `total` counts all of them; the five finished states are counted apart and `done` is their sum. The `_setup` figures
    count the setup tasks among them and are contained in the others.
    """

    total: int = 0
    success: int = 0
    failed: int = 0
    upstream_failed: int = 0
    skipped: int = 0
    removed: int = 0
    success_setup: int = 0
    skipped_setup: int = 0
    total_setup: int = 0

    @property
    def done(self) -> int:
        """How many upstream task instances reached a finished state."""
        return self.success + self.failed + self.upstream_failed + self.skipped + self.removed

    @property
    def any_failed(self) -> bool:
        """Whether an upstream failed, itself or through its own upstream."""
        return self.failed > 0 or self.upstream_failed > 0


_REMOVED_SPELLINGS = {
    "dummy": TriggerRule.ALWAYS,
    "none_failed_or_skipped": TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
}


def parse_trigger_rule(text: str) -> TriggerRule:
    """Turn what a DAG file wrote into a rule; the spellings that Airflow removed map to their successors.

    Raises ValueError naming the bad value and listing the valid ones.
    """
    try:
        return TriggerRule(text)
    except ValueError:
        valid = ", ".join(rule.value for rule in TriggerRule)
        msg = f"unknown trigger rule {text!r}; valid rules are: {valid}"
        raise ValueError(msg) from None


def decide(
    rule: TriggerRule, counts: UpstreamCounts, *, flag_upstream_failed: bool = True, map_index: int = -1
) -> Verdict:
    """Say what `rule` decides for a task instance whose upstream stands as `counts`.

    With `flag_upstream_failed` false only RUN and WAIT are given: the question is then "may it run?", and nothing is to
    be marked. `map_index` matters to mapped task instances alone, whose upstream may have shrunk (REMOVED).
    """
    if counts.total == 0 or rule is TriggerRule.ALWAYS:
        return Verdict.RUN
    ruling = _RULINGS[rule]
    if flag_upstream_failed:
        refusal = ruling.refuses(counts)
        if refusal is not None:
            return refusal
        if rule is TriggerRule.ALL_SUCCESS and counts.removed and 0 < counts.success <= map_index:
            return Verdict.REMOVED
    return Verdict.RUN if ruling.is_met(counts) else Verdict.WAIT


def decide_scope(counts: UpstreamCounts, *, is_teardown: bool) -> Verdict:
    """Say what the tasks further up decide, beyond the trigger rule: those in the scope of `core.graph.setup_scopes`.

    A teardown waits until all have finished. Any other task needs its setups: where one has failed or was skipped it is
    not run, whatever its trigger rule makes of the tasks between.
    """
    if is_teardown:
        return Verdict.RUN if _is_all_done(counts) else Verdict.WAIT
    return _refuses_all_success(counts) or (Verdict.RUN if _is_all_done(counts) else Verdict.WAIT)


def why_waiting(rule: TriggerRule, counts: UpstreamCounts) -> str:
    """Explain in one sentence what the rule still waits for, or what keeps it from being met."""
    if counts.total == 0 or rule is TriggerRule.ALWAYS:
        return f"Trigger rule {rule.value} waits for nothing."
    states = (
        (counts.success, "succeeded"),
        (counts.failed, "failed"),
        (counts.upstream_failed, "upstream failed"),
        (counts.skipped, "skipped"),
        (counts.removed, "removed"),
        (counts.total - counts.done, "not finished"),
    )
    standing = ", ".join(f"{count} {state}" for count, state in states if count > 0)
    return f"Trigger rule {rule.value} needs {_RULINGS[rule].needs}; of {counts.total} upstream: {standing}."


# A rule in two questions. `refuses` finds the verdicts that end the waiting without a run, as early as Airflow does;
# `is_met` says whether the task instance may run. They are asked in this order.


def _is_all_done(counts: UpstreamCounts) -> bool:
    return counts.done >= counts.total


def _never_refuses(_counts: UpstreamCounts) -> Verdict | None:
    return None


def _refuses_all_success(counts: UpstreamCounts) -> Verdict | None:
    if counts.any_failed:
        return Verdict.UPSTREAM_FAILED
    return Verdict.SKIP if counts.skipped else None


def _refuses_all_failed(counts: UpstreamCounts) -> Verdict | None:
    return Verdict.SKIP if counts.success or counts.skipped else None


def _refuses_all_skipped(counts: UpstreamCounts) -> Verdict | None:
    return Verdict.SKIP if counts.success or counts.any_failed else None


def _refuses_all_done_min_one_success(counts: UpstreamCounts) -> Verdict | None:
    if counts.skipped:
        return Verdict.SKIP
    return Verdict.UPSTREAM_FAILED if _is_all_done(counts) and not counts.success else None


def _refuses_all_done_setup_success(counts: UpstreamCounts) -> Verdict | None:
    if not counts.total_setup or not _is_all_done(counts):
        return None
    if counts.skipped_setup >= counts.total_setup:
        return Verdict.SKIP
    return None if counts.success_setup else Verdict.UPSTREAM_FAILED


def _refuses_one_success(counts: UpstreamCounts) -> Verdict | None:
    if not _is_all_done(counts) or counts.success:
        return None
    return Verdict.SKIP if counts.done == counts.skipped else Verdict.UPSTREAM_FAILED


def _refuses_one_failed(counts: UpstreamCounts) -> Verdict | None:
    return Verdict.SKIP if _is_all_done(counts) and not counts.any_failed else None


def _refuses_one_done(counts: UpstreamCounts) -> Verdict | None:
    return Verdict.SKIP if _is_all_done(counts) and not (counts.failed or counts.success) else None


def _refuses_none_failed(counts: UpstreamCounts) -> Verdict | None:
    return Verdict.UPSTREAM_FAILED if counts.any_failed else None


def _refuses_none_failed_min_one_success(counts: UpstreamCounts) -> Verdict | None:
    if counts.any_failed:
        return Verdict.UPSTREAM_FAILED
    if counts.skipped == counts.total:
        return Verdict.SKIP
    return Verdict.UPSTREAM_FAILED if _is_all_done(counts) and not counts.success else None


def _refuses_none_skipped(counts: UpstreamCounts) -> Verdict | None:
    return Verdict.SKIP if counts.skipped else None


@dataclass(frozen=True, slots=True)
class _Ruling:
    needs: str
    refuses: Callable[[UpstreamCounts], Verdict | None]
    is_met: Callable[[UpstreamCounts], bool]


_RULINGS = {
    TriggerRule.ALL_SUCCESS: _Ruling(
        "every upstream to succeed",
        _refuses_all_success,
        lambda counts: counts.success + counts.removed >= counts.total,
    ),
    TriggerRule.ALL_FAILED: _Ruling(
        "every upstream to fail",
        _refuses_all_failed,
        lambda counts: counts.failed + counts.upstream_failed + counts.removed >= counts.total,
    ),
    TriggerRule.ALL_DONE: _Ruling("every upstream to finish", _never_refuses, _is_all_done),
    TriggerRule.ALL_DONE_MIN_ONE_SUCCESS: _Ruling(
        "every upstream to finish, none of them skipped and at least one successful",
        _refuses_all_done_min_one_success,
        lambda counts: _is_all_done(counts) and not counts.skipped and counts.success > 0,
    ),
    TriggerRule.ALL_DONE_SETUP_SUCCESS: _Ruling(
        "every upstream to finish and at least one of the setup tasks among them to succeed",
        _refuses_all_done_setup_success,
        lambda counts: _is_all_done(counts) and (not counts.total_setup or counts.success_setup > 0),
    ),
    TriggerRule.ALL_SKIPPED: _Ruling(
        "every upstream to be skipped", _refuses_all_skipped, lambda counts: counts.skipped >= counts.total
    ),
    TriggerRule.ONE_SUCCESS: _Ruling(
        "one upstream to succeed", _refuses_one_success, lambda counts: counts.success > 0
    ),
    TriggerRule.ONE_FAILED: _Ruling("one upstream to fail", _refuses_one_failed, lambda counts: counts.any_failed),
    TriggerRule.ONE_DONE: _Ruling(
        "one upstream to succeed or fail", _refuses_one_done, lambda counts: counts.success + counts.failed > 0
    ),
    TriggerRule.NONE_FAILED: _Ruling(
        "every upstream to succeed or be skipped",
        _refuses_none_failed,
        lambda counts: counts.success + counts.skipped + counts.removed >= counts.total,
    ),
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS: _Ruling(
        "every upstream to succeed or be skipped, and at least one to succeed",
        _refuses_none_failed_min_one_success,
        lambda counts: counts.success > 0 and counts.success + counts.skipped + counts.removed >= counts.total,
    ),
    TriggerRule.NONE_SKIPPED: _Ruling(
        "every upstream to finish and none of them skipped",
        _refuses_none_skipped,
        lambda counts: _is_all_done(counts) and not counts.skipped,
    ),
}
