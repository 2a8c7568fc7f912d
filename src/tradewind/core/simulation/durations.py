"""How long a try takes, by what is known of its task."""

from __future__ import annotations

import random
from math import exp, log
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_P95_IN_SIGMAS = 1.6448536269514722
"""So many standard deviations the 95th percentile of a normal distribution lies above its middle."""


class Spread(NamedTuple):
    """What tries of a task took: the middle one, and the one that 95 of 100 did not exceed. Seconds."""

    median_s: float
    p95_s: float


class Durations:
    """Draws durations, the same ones for the same seed."""

    def __init__(self, known: Mapping[tuple[str, str], Spread], default_s: float, seed: int = 0) -> None:
        """`known` is by dag_id and task_id; a task that is not in it takes `default_s` each time."""
        self._known = known
        self._default_s = default_s
        self._seed = seed

    def draw(self, dag_id: str, run: int, task_id: str, map_index: int, try_number: int) -> float:
        """Return the seconds of one try. They depend on nothing but their arguments, so that one wait moves no other."""
        spread = self._known.get((dag_id, task_id))
        if spread is None:
            return self._default_s
        if spread.p95_s <= spread.median_s or spread.median_s <= 0:
            return max(0.0, spread.median_s)
        chance = random.Random(f"{self._seed} {dag_id} {run} {task_id} {map_index} {try_number}")  # noqa: S311 - no secret
        # Durations have a long tail upwards and end at zero: their logarithms are taken to be normal.
        return spread.median_s * exp(chance.gauss(0, log(spread.p95_s / spread.median_s) / _P95_IN_SIGMAS))
