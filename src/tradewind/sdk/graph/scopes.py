"""The edges that `with setup_task:`, `with teardown_task:` and `with setup_task >> teardown_task:` imply.

The tasks made in such a block come after its setups and before its teardowns; of the edges between them only those are
drawn that are missing. What blocks within blocks imply, and when, is as in Airflow. Knows nodes by their attributes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar


class _Level:
    """The tasks that the innermost block stands for in one respect, and those of the blocks around it."""

    def __init__(self, *, is_before_inner: bool) -> None:
        self.tasks: list[Any] = []
        self._around: list[list[Any]] = []
        self._is_before_inner = is_before_inner

    def push(self, tasks: list[Any]) -> None:
        if self.tasks and self.tasks != tasks:
            self._around.append(self.tasks)
        self.tasks = tasks

    def pop(self) -> list[Any]:
        """Go back to the block around; its setups come before the inner ones, its teardowns after them."""
        inner, self.tasks = self.tasks, self._around.pop() if self._around else []
        if inner:
            for task in self.tasks:
                if self._is_before_inner:
                    task.set_downstream(inner)
                else:
                    task.set_upstream(inner)
        return inner

    def clear(self) -> None:
        self.tasks = []
        self._around.clear()


class SetupTeardownContext:
    """Which blocks are open, and the tasks made in them. `with` blocks give it, so that `add_task` can be called."""

    active: ClassVar[bool] = False
    _setups: ClassVar[_Level] = _Level(is_before_inner=True)
    _teardowns: ClassVar[_Level] = _Level(is_before_inner=False)
    _setups_of_teardowns: ClassVar[_Level] = _Level(is_before_inner=True)
    _teardowns_of_setups: ClassVar[_Level] = _Level(is_before_inner=False)
    _members: ClassVar[dict[tuple[int, ...], list[Any]]] = {}
    """Tasks of a block, by the identities of the setups or teardowns that the block was opened with."""

    @classmethod
    def add_task(cls, task: Any) -> None:
        """Put a task, or the task of an XCom, into the open block. Raises `AirflowException` without one."""
        if not cls.active:
            from tradewind.sdk.exceptions import AirflowException  # noqa: PLC0415 - graphs need no exceptions

            raise AirflowException("Cannot add task to context outside the context manager.")
        cls.update_context_map(getattr(task, "operator", task))

    @classmethod
    def update_context_map(cls, task: Any) -> None:
        """Put a task into the open block."""
        if task.is_setup or task.is_teardown:
            return
        for level in (cls._setups, cls._teardowns):
            if level.tasks:
                cls._members.setdefault(_key(level.tasks), []).append(task)

    @classmethod
    def push_setup_teardown_task(cls, operator: Any) -> None:
        """Open a block for a setup or teardown, or a list of one kind. Raises ValueError for a list of both."""
        given: Any = operator  # a check of its class would make the type checker forget that it may hold anything
        tasks: list[Any] = list(given) if isinstance(operator, (list, tuple)) else [operator]
        first = tasks[0]
        if any((task.is_setup, task.is_teardown) != (first.is_setup, first.is_teardown) for task in tasks):
            cls.reset()
            raise ValueError("All tasks in the list must be either setup or teardown tasks")
        if first.is_teardown:
            cls._teardowns.push(tasks)
            cls._setups_of_teardowns.push(_nearest(first, first.upstream_list, "is_setup"))
        else:
            cls._setups.push(tasks)
            cls._teardowns_of_setups.push(_nearest(first, first.downstream_list, "is_teardown"))
        cls.active = True

    @classmethod
    def set_work_task_roots_and_leaves(cls) -> None:
        """Close the innermost block: draw the edges that it implies."""
        try:
            if cls._setups.tasks:
                cls._tie_to_setups()
            if cls._teardowns.tasks:
                cls._tie_to_teardowns()
            for level in (cls._setups, cls._teardowns):
                cls._members.pop(_key(level.pop()), None)
            cls._teardowns_of_setups.pop()
            cls._setups_of_teardowns.pop()
        except BaseException:
            cls.reset()
            raise
        # As in Airflow, tasks that a block makes after a block within it has closed are not in it.
        cls.active = False

    @classmethod
    def reset(cls) -> None:
        """Forget every block: the file that opened them has failed."""
        for level in (cls._setups, cls._teardowns, cls._setups_of_teardowns, cls._teardowns_of_setups):
            level.clear()
        cls._members.clear()
        cls.active = False

    @classmethod
    def _tie_to_setups(cls) -> None:
        setups = cls._setups.tasks
        members = cls._members_of(setups)
        if not members:
            return
        first = _without_upstream(members) or members[:1]
        for setup in setups:
            setup.set_downstream(first)
        last = cls._teardowns.tasks or _without_downstream(members) or members[-1:]
        for teardown in cls._teardowns_of_setups.tasks:
            teardown.set_upstream(last)

    @classmethod
    def _tie_to_teardowns(cls) -> None:
        teardowns = cls._teardowns.tasks
        members = cls._members_of(teardowns)
        if not members:
            return
        last = _without_downstream(members) or members[-1:]
        for teardown in teardowns:
            teardown.set_upstream(last)
        first = cls._setups.tasks or _without_upstream(members) or members[:1]
        for setup in cls._setups_of_teardowns.tasks:
            setup.set_downstream(first)

    @classmethod
    def _members_of(cls, tasks: list[Any]) -> list[Any]:
        """Return the work of a block: of its tasks those that did not become setups or teardowns."""
        return [task for task in cls._members.get(_key(tasks), ()) if not task.is_setup and not task.is_teardown]


class ContextWrapper(list["Any"]):
    """Setups, or teardowns, that one `with` block is opened with: `with context_wrapper([first, second]):`."""

    def __init__(self, tasks: list[Any]) -> None:
        self.tasks = tasks
        super().__init__(tasks)

    def __enter__(self) -> type[SetupTeardownContext]:
        operators = [getattr(task, "operator", task) for task in self.tasks]
        if not all(operator.is_setup or operator.is_teardown for operator in operators):
            from tradewind.sdk.exceptions import AirflowException  # noqa: PLC0415 - as above

            raise AirflowException("Only setup/teardown tasks can be used as context managers.")
        SetupTeardownContext.push_setup_teardown_task(operators)
        return SetupTeardownContext

    def __exit__(self, kind: object, *_exc: object) -> None:
        leave(is_error=kind is not None)


context_wrapper = ContextWrapper


def leave(*, is_error: bool) -> None:
    """Close the innermost block; after an error, which ends the file, forget them all."""
    if is_error:
        SetupTeardownContext.reset()
    else:
        SetupTeardownContext.set_work_task_roots_and_leaves()


def _key(tasks: list[Any]) -> tuple[int, ...]:
    return tuple(id(task) for task in tasks)


def _without_upstream(tasks: list[Any]) -> list[Any]:
    return [task for task in tasks if not task.upstream_task_ids]


def _without_downstream(tasks: list[Any]) -> list[Any]:
    return [task for task in tasks if not task.downstream_task_ids]


def _nearest(start: Any, line: list[Any], flag: str) -> list[Any]:
    """Return the nearest tasks that have the flag, along edges in both directions from `line` on, past `start`."""
    seen = {id(start)}
    while line:
        found = [task for task in line if getattr(task, flag)]
        if found:
            return found
        seen |= {id(task) for task in line}
        beyond = {id(near): near for task in line for near in (*task.downstream_list, *task.upstream_list)}
        line = [near for key, near in beyond.items() if key not in seen]
    return []
