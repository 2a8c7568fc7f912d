from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.core.retries import RetryPolicy, is_eligible, jitter_key_of, multiplier, next_retry_at

ENDED_AT = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def delay_s(policy: RetryPolicy, try_number: int, jitter_key: str = "dag#task", **options: int) -> float:
    return (next_retry_at(policy, try_number, ENDED_AT, jitter_key=jitter_key, **options) - ENDED_AT).total_seconds()


@pytest.mark.parametrize(("written", "factor"), [(True, 2.0), (False, 0.0), (3, 3.0), (1.5, 1.5), (0, 0.0)])
def test_backoff_is_read_in_both_spellings(written: bool | float, factor: float) -> None:
    assert multiplier(written) == factor


@pytest.mark.parametrize("factor", [0.0, 1.0, -2.0])
def test_without_backoff_the_delay_is_constant(factor: float) -> None:
    policy = RetryPolicy(retries=9, retry_delay_s=90.5, exponential_backoff=factor, max_retry_delay_s=10)
    assert [delay_s(policy, try_number) for try_number in (1, 2, 7)] == [90.5, 90.5, 90.5]


@settings(deadline=None)
@given(
    base_s=st.floats(0, 3600),
    factor=st.floats(1.01, 10),
    try_number=st.integers(1, 12),
    key=st.text(max_size=20),
)
def test_a_growing_delay_lies_between_one_and_two_times_its_power(
    base_s: float, factor: float, try_number: int, key: str
) -> None:
    policy = RetryPolicy(retry_delay_s=base_s, exponential_backoff=factor)
    least_s = base_s * factor ** (try_number - 1)
    delay = delay_s(policy, try_number, key)
    assert min(least_s, 86_400) <= delay <= min(max(1, 2 * (least_s + 1)), 86_400)
    assert delay == delay_s(policy, try_number, key)


def test_jitter_differs_between_task_instances_and_tries() -> None:
    policy = RetryPolicy(retry_delay_s=1000, exponential_backoff=2.0)
    keys = [jitter_key_of("dag", "task", ENDED_AT, map_index) for map_index in range(-1, 9)]
    assert len({delay_s(policy, 1, key) for key in keys}) > 5
    shrinking = RetryPolicy(retry_delay_s=1000, exponential_backoff=0.999999)
    assert len({delay_s(shrinking, try_number) for try_number in range(1, 6)}) > 2


def test_a_run_without_logical_date_has_a_jitter_too() -> None:
    assert jitter_key_of("d", "t", None) != jitter_key_of("d", "t", ENDED_AT)


def test_a_delay_of_zero_grows_from_one_second() -> None:
    assert delay_s(RetryPolicy(retry_delay_s=0, exponential_backoff=2.0), 3) == 1


def test_the_tasks_own_maximum_bounds_a_growing_delay() -> None:
    policy = RetryPolicy(retry_delay_s=60, exponential_backoff=2.0, max_retry_delay_s=100.5)
    assert delay_s(policy, 5) == 100.5
    assert 60 <= delay_s(policy, 1) <= 100.5


@pytest.mark.parametrize("try_number", [40, 100_000])
def test_the_ceiling_bounds_every_growing_delay(try_number: int) -> None:
    policy = RetryPolicy(retry_delay_s=60, exponential_backoff=2.0)
    assert delay_s(policy, try_number) == 86_400
    assert delay_s(policy, try_number, ceiling_s=7200) == 7200


@pytest.mark.parametrize(
    ("try_number", "max_tries", "eligible"),
    [(1, 0, False), (1, 1, True), (2, 1, False), (0, 0, False), (3, 3, True), (4, 3, False)],
)
def test_eligibility_counts_tries_against_the_maximum(try_number: int, max_tries: int, eligible: bool) -> None:
    assert is_eligible(try_number, max_tries) is eligible
