"""What a simulation tells: runs, waiting, peaks, and what came late."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.limits.blockers import BlockerKind


class Limit(NamedTuple):
    """One limit: its kind and what it is on."""

    kind: BlockerKind
    subject: str


@dataclass
class Waiting:
    """What waited for one limit."""

    count: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0
    longest_of: str = ""
    """The task instance, or the run, that waited longest."""
    waiters: Counter[str] = field(default_factory=Counter)
    """By DAG: how many seconds its instances waited."""
    holders: Counter[str] = field(default_factory=Counter)
    """By DAG: how often it held a part of the limit when somebody began to wait."""

    def add(self, dag_id: str, who: str, seconds: float) -> None:
        """Count one wait that is over."""
        self.count += 1
        self.total_s += seconds
        self.waiters[dag_id] += round(seconds)
        if seconds > self.longest_s:
            self.longest_s, self.longest_of = seconds, who


@dataclass
class Peak:
    """The most of something that was in use at a time."""

    used: int = 0
    at: datetime | None = None

    def see(self, used: int, at: datetime) -> None:
        """Look at what is in use now."""
        if used > self.used:
            self.used, self.at = used, at


@dataclass
class DagRecord:
    """The runs of one DAG."""

    created: int = 0
    ended: int = 0
    longest_run_s: float = 0.0
    total_run_s: float = 0.0
    latest_start_s: float = 0.0
    """The longest time between the date after which a run may start and its start."""
    late_starts: int = 0
    missed_deadlines: int = 0


class Miss(NamedTuple):
    """A run that came late."""

    dag_id: str
    run_after: datetime
    what: str
    by_s: float


@dataclass
class Record:
    """Everything that a simulation saw."""

    dags: dict[str, DagRecord] = field(default_factory=dict)
    waiting: dict[Limit, Waiting] = field(default_factory=dict)
    peaks: dict[str, Peak] = field(default_factory=dict)
    """By name: `parallelism`, and the pools."""
    misses: list[Miss] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    """DAGs whose schedule cannot be played, with the reason."""
    tries: int = 0

    def wait_for(self, limit: Limit) -> Waiting:
        """Return what waited for a limit so far."""
        return self.waiting.setdefault(limit, Waiting())

    def peak(self, name: str) -> Peak:
        """Return the peak of a name so far."""
        return self.peaks.setdefault(name, Peak())
