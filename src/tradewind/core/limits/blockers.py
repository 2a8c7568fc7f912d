"""Why not now: the one reason type that limits and `explain` share, and the sentences for limits."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class BlockerKind(str, Enum):
    """What kind of thing keeps a task instance or a DAG run from starting."""

    PARALLELISM = "parallelism"
    EXECUTOR = "executor"
    POOL = "pool"
    UNKNOWN_POOL = "unknown_pool"
    POOL_TOO_SMALL = "pool_too_small"
    MAX_ACTIVE_TASKS = "max_active_tasks"
    MAX_ACTIVE_TIS_PER_DAG = "max_active_tis_per_dag"
    MAX_ACTIVE_TIS_PER_DAGRUN = "max_active_tis_per_dagrun"
    MAX_ACTIVE_RUNS = "max_active_runs"
    DAG_PAUSED = "dag_paused"
    BACKFILL_PAUSED = "backfill_paused"
    UPSTREAM = "upstream"
    TRIGGER_RULE = "trigger_rule"
    PAST = "past"
    DATE = "date"
    RUN_NOT_STARTED = "run_not_started"
    PARKED = "parked"
    NO_SUCH_TASK = "no_such_task"

    def __str__(self) -> str:
        """Give the value, as the REST API writes it."""
        return self.value


class Blocker(NamedTuple):
    """One reason why something does not start now.

    `subject` names what blocks (a pool, a DAG, a task, a run), `text` is a whole sentence, `used` of `total` is how far a
    limit is taken and `holders` are the numbers of the task instances (for `max_active_runs`: of the runs) that take it.
    """

    kind: BlockerKind
    subject: str
    text: str
    used: int | None = None
    total: int | None = None
    holders: tuple[int, ...] = ()


def dag_paused(dag_id: str) -> Blocker:
    """Put into words that nothing new of the DAG is started."""
    return Blocker(BlockerKind.DAG_PAUSED, dag_id, f"DAG {dag_id!r} is paused.")


def unknown_pool(name: str) -> Blocker:
    """Put into words that the task's pool does not exist."""
    text = f"Pool {name!r} does not exist: create it, or give the task another pool."
    return Blocker(BlockerKind.UNKNOWN_POOL, name, text)


def pool_too_small(name: str, *, size: int, wanted: int) -> Blocker:
    """Put into words that the task wants more slots than its pool has in all."""
    text = (
        f"The task wants {wanted} slots of pool {name!r}, which has {size} in all: it cannot start "
        f"before the pool grows or its pool_slots shrink."
    )
    return Blocker(BlockerKind.POOL_TOO_SMALL, name, text, total=size)


def full_limit(
    kind: BlockerKind, subject: str, *, used: int, total: int, wanted: int, holders: tuple[int, ...]
) -> Blocker:
    """Put into words that the limit `kind` on `subject` has no room for `wanted` more."""
    phrase, unit = _PHRASES[kind]
    more = f", {wanted} more are wanted" if wanted > 1 else ""
    text = f"{phrase.format(subject=subject)}: {used} of {total} {unit} are taken{more}."
    return Blocker(kind, subject, text, used, total, holders)


_PHRASES = {
    BlockerKind.MAX_ACTIVE_RUNS: ("max_active_runs of DAG {subject!r} is reached", "runs"),
    BlockerKind.PARALLELISM: ("The parallelism of the installation is used up", "slots"),
    BlockerKind.EXECUTOR: ("Executor {subject!r} has no free slot", "slots"),
    BlockerKind.POOL: ("Pool {subject!r} has no room", "slots"),
    BlockerKind.MAX_ACTIVE_TASKS: ("max_active_tasks of DAG {subject!r} is reached", "task instances"),
    BlockerKind.MAX_ACTIVE_TIS_PER_DAG: ("max_active_tis_per_dag of task {subject!r} is reached", "task instances"),
    BlockerKind.MAX_ACTIVE_TIS_PER_DAGRUN: (
        "max_active_tis_per_dagrun of task {subject!r} is reached",
        "task instances",
    ),
}
