"""Which worker gets an order, and when another process is worth its start: decided without I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewind.executors.local_worker import WorkerLink
    from tradewind.serialization.messages import DagFile

IMPORT_PATIENCE_S = 0.100
"""So long a worker that has to import the DAG file first is taken for one that is about to come free."""


class GrowthPolicy(NamedTuple):
    """When a process start is worth more than waiting for a worker."""

    cpus: int
    patience_s: float
    """A worker that is busy for less is about to come free."""
    max_wait_s: float
    """An order that has waited so long is worth a process however quick the others are."""
    eager: int
    """So many processes are started without waiting for anybody."""

    @classmethod
    def of_isolation(cls, isolation: str, cpus: int) -> GrowthPolicy:
        """Return what suits the isolation.

        A warm worker does many short tasks in the time of a process start. Where each try has a process of its own, a
        worker has its hands full with starting them, and more workers than processors only make that longer.
        """
        if isolation == "fork":
            return cls(cpus, patience_s=0.050, max_wait_s=0.250, eager=cpus)
        return cls(cpus, patience_s=0.010, max_wait_s=0.050, eager=1)


class Growth(NamedTuple):
    """What to do about orders that found no idle worker."""

    forks: int
    look_again_in_s: float | None


def choose_worker(file: DagFile, idle: Sequence[WorkerLink]) -> WorkerLink | None:
    """Return the best of `idle` (most recently used last) for an order of this DAG file, or None.

    One that has imported just this file is best, one that has not imported the path yet will do; one that has imported
    the path in another version would run old code.
    """
    fallback = None
    for worker in reversed(idle):
        fingerprint = worker.files.get(file.path)
        if fingerprint == file.fingerprint:
            return worker
        if fingerprint is None and fallback is None:
            fallback = worker
    return fallback


def plan_growth(
    pending: int,
    waited_s: float,
    workers: Iterable[WorkerLink],
    parallelism: int,
    now: float,
    policy: GrowthPolicy,
) -> Growth:
    """Decide how many processes to start for `pending` orders that no idle worker can take.

    While workers are finishing quickly, waiting for one is cheaper than a start, unless the oldest order has waited
    for `waited_s` already. When all of them are slow, the number doubles with each look, until there is one for each
    order.
    """
    holding = [worker for worker in workers if not (worker.is_leaving or worker.is_finishing)]
    starting = sum(not worker.is_ready for worker in holding)
    uncovered = min(pending - starting, parallelism - len(holding))
    if uncovered <= 0:
        return Growth(0, None)
    if not holding:
        return Growth(min(uncovered, policy.cpus), policy.patience_s)
    if len(holding) < policy.eager:
        return Growth(min(uncovered, policy.eager - len(holding)), policy.patience_s)
    if starting:
        return Growth(0, policy.patience_s)
    quick = [left_s for worker in holding if (left_s := _patience_left_s(worker, now, policy)) > 0]
    if quick and waited_s < policy.max_wait_s:
        return Growth(0, min(quick))
    return Growth(min(uncovered, len(holding)), policy.patience_s)


def _patience_left_s(worker: WorkerLink, now: float, policy: GrowthPolicy) -> float:
    return worker.busy_since + (IMPORT_PATIENCE_S if worker.is_importing else policy.patience_s) - now
