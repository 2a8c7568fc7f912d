"""Branching: a task decides which of those after it are skipped."""

from __future__ import annotations

from collections.abc import Iterable

from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.toolkit.log import LoggingMixin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, TypeGuard

XCOM_SKIPMIXIN_KEY = "skipmixin_key"
XCOM_SKIPMIXIN_SKIPPED = "skipped"
XCOM_SKIPMIXIN_FOLLOWED = "followed"


def ensure_tasks(nodes: Iterable[Any]) -> list[Any]:
    """Return those of the nodes that are tasks, mapped ones included."""
    return [node for node in nodes if isinstance(node, BaseOperator)]


class SkipMixin(LoggingMixin):
    """Gives an operator `skip` and `skip_all_except`: they report to the task instance what not to run."""

    inherits_from_skipmixin: bool = True

    def skip(self, ti: Any = None, tasks: Iterable[Any] = (), **_airflow_2: Any) -> None:
        """Skip `tasks`, whatever their trigger rules say. Without a task instance the running one reports."""
        task_ids = [task.task_id for task in tasks]
        if not task_ids:
            return
        ti = _running_instance() if ti is None else ti
        ti.xcom_push(key=XCOM_SKIPMIXIN_KEY, value={XCOM_SKIPMIXIN_SKIPPED: task_ids})
        ti.skip_downstream(task_ids)

    def skip_all_except(self, ti: Any, branch_task_ids: Any) -> None:
        """Skip the tasks directly after that of `ti`, but those named and those that come after the named ones.

        `branch_task_ids` is a task_id, several, or None to skip all. Raises `AirflowException` when it is something
        else or names a task that the DAG does not have.
        """
        followed = _as_task_ids(branch_task_ids)
        self.log.info("Following branch %s", sorted(followed))
        task = ti.task
        unknown = sorted(followed - task.dag.task_dict.keys())
        if unknown:
            msg = f"'branch_task_ids' must contain only valid task_ids. Invalid tasks found: {unknown}."
            raise AirflowException(msg)
        below = sorted(task.downstream_task_ids)
        if not below:
            return
        # A task after a followed one runs although it is also directly below: the join of an empty branch.
        for task_id in tuple(followed):
            followed |= task.dag.get_task(task_id).get_flat_relative_ids()
        skipped = [task_id for task_id in below if task_id not in followed]
        self.log.info("Skipping tasks %s", skipped)
        ti.xcom_push(
            key=XCOM_SKIPMIXIN_KEY,
            value={XCOM_SKIPMIXIN_FOLLOWED: [task_id for task_id in below if task_id in followed]},
        )
        if skipped:
            ti.skip_downstream(skipped)


def _running_instance() -> Any:
    from tradewind.sdk.runtime.current import get_current_context  # noqa: PLC0415 - only when a task runs

    return get_current_context()["ti"]


def _as_task_ids(branches: Any) -> set[str]:
    if branches is None:
        return set()
    if isinstance(branches, str):
        return {branches}
    if not _is_many(branches):
        msg = f"'branch_task_ids' must be either None, a task ID, or an Iterable of IDs, but got {type(branches).__name__!r}."
        raise AirflowException(msg)
    named = list(branches)
    strange = [f"{branch!r} ({type(branch).__name__})" for branch in named if not isinstance(branch, str)]
    if strange:
        msg = f"a branch function has to return task_ids, it returned invalid 'branch_task_ids': {', '.join(strange)}"
        raise AirflowException(msg)
    return set(named)


def _is_many(branches: Any) -> TypeGuard[Iterable[Any]]:
    return isinstance(branches, Iterable) and not isinstance(branches, str)


class BranchMixIn(SkipMixin):
    """Gives an operator `do_branch`: follow task_ids or task groups, skip the rest."""

    def do_branch(self, context: Mapping[str, Any], branches_to_execute: Any) -> Any:
        """Follow `branches_to_execute` (ids of tasks and task groups, None for no branch) and return it."""
        self.log.info("Branch into %s", branches_to_execute)
        ti = context["ti"]
        followed = None if branches_to_execute is None else list(self._expand_task_group_roots(ti, branches_to_execute))
        self.skip_all_except(ti, followed)
        return branches_to_execute

    def _expand_task_group_roots(self, ti: Any, branches_to_execute: Any) -> Iterator[Any]:
        """Yield the branches, with the first tasks of a task group in its place."""
        groups = ti.task.dag.task_group_dict
        for branch in branches_to_execute if _is_many(branches_to_execute) else [branches_to_execute]:
            group = groups.get(branch) if isinstance(branch, str) else None
            yield from [branch] if group is None else [root.task_id for root in group.roots]


class BaseBranchOperator(BaseOperator, BranchMixIn):
    """Base of operators that choose a branch: subclasses implement `choose_branch(context)`."""

    inherits_from_skipmixin = True

    def choose_branch(self, context: Any) -> Any:
        """Return the ids of the tasks or task groups to follow, None to follow none."""
        raise NotImplementedError(f"{type(self).__name__} has no choose_branch(context) method")

    def execute(self, context: Any) -> Any:
        """Choose a branch and skip the others; return the choice."""
        return self.do_branch(context, self.choose_branch(context))
