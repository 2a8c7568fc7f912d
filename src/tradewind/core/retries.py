"""When a failed task instance is tried again.

Delays follow Airflow 3.3: a constant delay, or one that is multiplied with each try and spread by a jitter that is the
same each time it is asked for.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

DEFAULT_RETRY_DELAY_S = 300.0
DEFAULT_DELAY_CEILING_S = 86_400
"""Airflow's `core.max_task_retry_delay`: no computed backoff is longer, whatever a task asks for."""

DOUBLING = 2.0
"""What Airflow 2's `retry_exponential_backoff=True` means as a multiplier."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how late a task is retried.

    `exponential_backoff` is Airflow 3.3's multiplier per try; 0, 1 and negative numbers mean a constant delay.
    `multiplier` turns what a DAG file wrote, booleans included, into it. `max_retry_delay_s` bounds a growing delay only.
    """

    retries: int = 0
    retry_delay_s: float = DEFAULT_RETRY_DELAY_S
    exponential_backoff: float = 0.0
    max_retry_delay_s: float | None = None


def multiplier(retry_exponential_backoff: bool | float) -> float:  # noqa: FBT001 - Airflow 2 wrote a flag here
    """Read `retry_exponential_backoff` as DAG files write it: Airflow 2's flag or Airflow 3.3's number."""
    if isinstance(retry_exponential_backoff, bool):
        return DOUBLING if retry_exponential_backoff else 0.0
    return float(retry_exponential_backoff)


def is_eligible(try_number: int, max_tries: int) -> bool:
    """Say whether another try follows after try `try_number` (counted from 1) was lost to a failure.

    `max_tries` is the number of retries the task instance has left to use from its first try on; clearing raises it.
    """
    return max_tries != 0 and try_number <= max_tries


def next_retry_at(
    policy: RetryPolicy,
    try_number: int,
    ended_at: datetime,
    *,
    jitter_key: str = "",
    ceiling_s: int = DEFAULT_DELAY_CEILING_S,
) -> datetime:
    """Say when the try after `try_number`, which ended at `ended_at`, is due.

    A growing delay lies between one and two times `retry_delay_s * multiplier ** (try_number - 1)`. Where in that range
    depends on `jitter_key` (see `jitter_key_of`) and the try number alone, so that tasks which failed together are not
    retried together, and asking again gives the same answer.
    """
    return ended_at + timedelta(seconds=_delay_s(policy, try_number, jitter_key, ceiling_s))


def jitter_key_of(dag_id: str, task_id: str, logical_date: datetime | None, map_index: int = -1) -> str:
    """Name a task instance for its jitter. Mapped instances of one task get different names, hence different delays."""
    return f"{dag_id}#{task_id}#{logical_date}#{map_index}"


def _delay_s(policy: RetryPolicy, try_number: int, jitter_key: str, ceiling_s: int) -> float:
    factor = policy.exponential_backoff
    if factor <= 0 or factor == 1:
        return policy.retry_delay_s
    try:
        least_s = max(1, math.ceil(policy.retry_delay_s * factor ** (try_number - 1)))
    except OverflowError:
        # So many tries that the power has no float: far beyond any ceiling.
        least_s = ceiling_s
    delay_s = min(least_s + zlib.crc32(f"{jitter_key}#{try_number}".encode()) % least_s, ceiling_s)
    return delay_s if policy.max_retry_delay_s is None else min(policy.max_retry_delay_s, delay_s)
