"""States as author code knows them: Airflow's enums and the class `State` with its sets and colours.

A task instance that has not been looked at yet has the state None here, as in Airflow.
"""

from __future__ import annotations

from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class JobState(str, Enum):
    """States of the system's own processes."""

    RUNNING = "running"
    SUCCESS = "success"
    RESTARTING = "restarting"
    FAILED = "failed"

    def __str__(self) -> str:
        """Return the plain value."""
        return self.value


class TerminalTIState(str, Enum):
    """States a task instance ends in."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"
    REMOVED = "removed"

    def __str__(self) -> str:
        """Return the plain value."""
        return self.value


class IntermediateTIState(str, Enum):
    """States in which a task instance waits for somebody."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RESTARTING = "restarting"
    UP_FOR_RETRY = "up_for_retry"
    UP_FOR_RESCHEDULE = "up_for_reschedule"
    DEFERRED = "deferred"
    AWAITING_INPUT = "awaiting_input"

    def __str__(self) -> str:
        """Return the plain value."""
        return self.value


class TaskInstanceState(str, Enum):
    """States of a task instance; None stands for one that has none yet."""

    REMOVED = "removed"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    RESTARTING = "restarting"
    FAILED = "failed"
    UP_FOR_RETRY = "up_for_retry"
    UP_FOR_RESCHEDULE = "up_for_reschedule"
    UPSTREAM_FAILED = "upstream_failed"
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    AWAITING_INPUT = "awaiting_input"

    def __str__(self) -> str:
        """Return the plain value."""
        return self.value


class DagRunState(str, Enum):
    """States of a DAG run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"

    def __str__(self) -> str:
        """Return the plain value."""
        return self.value


class State:
    """All states as plain constants, with the sets and colours that author code reads."""

    SUCCESS = TaskInstanceState.SUCCESS
    RUNNING = TaskInstanceState.RUNNING
    FAILED = TaskInstanceState.FAILED
    NONE = None
    REMOVED = TaskInstanceState.REMOVED
    SCHEDULED = TaskInstanceState.SCHEDULED
    QUEUED = TaskInstanceState.QUEUED
    RESTARTING = TaskInstanceState.RESTARTING
    SHUTDOWN = TaskInstanceState.RESTARTING
    """Airflow before 2.7 told apart why a try was being ended."""
    UP_FOR_RETRY = TaskInstanceState.UP_FOR_RETRY
    UP_FOR_RESCHEDULE = TaskInstanceState.UP_FOR_RESCHEDULE
    UPSTREAM_FAILED = TaskInstanceState.UPSTREAM_FAILED
    SKIPPED = TaskInstanceState.SKIPPED
    DEFERRED = TaskInstanceState.DEFERRED
    AWAITING_INPUT = TaskInstanceState.AWAITING_INPUT

    finished_dr_states: ClassVar[frozenset[DagRunState]] = frozenset({DagRunState.SUCCESS, DagRunState.FAILED})
    unfinished_dr_states: ClassVar[frozenset[DagRunState]] = frozenset({DagRunState.QUEUED, DagRunState.RUNNING})

    task_states: ClassVar[tuple[TaskInstanceState | None, ...]] = (None, *TaskInstanceState)
    dag_states: ClassVar[tuple[DagRunState, ...]] = (
        DagRunState.QUEUED,
        DagRunState.SUCCESS,
        DagRunState.RUNNING,
        DagRunState.FAILED,
    )
    running: ClassVar[frozenset[TaskInstanceState]] = frozenset(
        {TaskInstanceState.RUNNING, TaskInstanceState.DEFERRED, TaskInstanceState.AWAITING_INPUT}
    )
    adoptable_states: ClassVar[frozenset[TaskInstanceState]] = frozenset(
        {TaskInstanceState.QUEUED, TaskInstanceState.RUNNING, TaskInstanceState.RESTARTING}
    )
    finished: ClassVar[frozenset[TaskInstanceState]] = frozenset(
        {
            TaskInstanceState.SUCCESS,
            TaskInstanceState.FAILED,
            TaskInstanceState.SKIPPED,
            TaskInstanceState.UPSTREAM_FAILED,
            TaskInstanceState.REMOVED,
        }
    )
    unfinished: ClassVar[frozenset[TaskInstanceState | None]] = frozenset(task_states) - finished
    failed_states: ClassVar[frozenset[TaskInstanceState]] = frozenset(
        {TaskInstanceState.FAILED, TaskInstanceState.UPSTREAM_FAILED}
    )
    success_states: ClassVar[frozenset[TaskInstanceState]] = frozenset(
        {TaskInstanceState.SUCCESS, TaskInstanceState.SKIPPED}
    )
    terminating_states: ClassVar[frozenset[TaskInstanceState]] = frozenset({TaskInstanceState.RESTARTING})

    state_color: ClassVar[dict[TaskInstanceState | None, str]] = {
        None: "lightblue",
        TaskInstanceState.QUEUED: "gray",
        TaskInstanceState.RUNNING: "lime",
        TaskInstanceState.SUCCESS: "green",
        TaskInstanceState.RESTARTING: "violet",
        TaskInstanceState.FAILED: "red",
        TaskInstanceState.UP_FOR_RETRY: "gold",
        TaskInstanceState.UP_FOR_RESCHEDULE: "turquoise",
        TaskInstanceState.UPSTREAM_FAILED: "orange",
        TaskInstanceState.SKIPPED: "hotpink",
        TaskInstanceState.REMOVED: "lightgrey",
        TaskInstanceState.SCHEDULED: "tan",
        TaskInstanceState.DEFERRED: "mediumpurple",
        TaskInstanceState.AWAITING_INPUT: "mediumpurple",
    }

    @classmethod
    def color(cls, state: TaskInstanceState | str | None) -> str:
        """Return the colour that stands for `state`, white for one that is unknown."""
        colours: dict[str | None, str] = {str(key) if key else None: value for key, value in cls.state_color.items()}
        return colours.get(str(state) if state else None, "white")

    @classmethod
    def color_fg(cls, state: TaskInstanceState | str | None) -> str:
        """Return the colour of text on that colour."""
        return "white" if cls.color(state) in {"green", "red"} else "black"
