"""Task groups: tasks under one name, to be put before and after others as one."""

from __future__ import annotations

import re
from functools import update_wrapper

from tradewind.sdk.definitions.contexts import DagContext, TaskGroupContext
from tradewind.sdk.definitions.dag_arguments import read_doc_md
from tradewind.sdk.definitions.node import DAGNode, DependencyMixin, as_list, validate_group_key
from tradewind.sdk.exceptions import DuplicateTaskIdFound, NodeNotFound, TaskAlreadyInTaskGroup
from tradewind.sdk.graph.order import sort_children
from tradewind.sdk.toolkit.kinds import NOTSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FunctionType
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.edges import EdgeModifier
    from tradewind.sdk.definitions.operator import BaseOperator

_SUFFIX = re.compile(r"__\d+$")


class TaskGroup(DAGNode):
    """A group of tasks and groups. Their ids get its id as a prefix, unless `prefix_group_id` is off.

    Raises RuntimeError outside a DAG, `DuplicateTaskIdFound` when the DAG has the id already: with
    `add_suffix_on_collision` the group is called `id__1`, `id__2`, ... instead.
    """

    is_mapped = False
    mapped_over: Any = None
    """What it is expanded over, of a mapped group."""

    def __init__(  # noqa: PLR0913, PLR0917 - Airflow's
        self,
        group_id: str | None,
        prefix_group_id: bool = True,
        parent_group: TaskGroup | None = None,
        dag: DAG | None = None,
        default_args: dict[str, Any] | None = None,
        tooltip: str = "",
        ui_color: str = "CornflowerBlue",
        ui_fgcolor: str = "#000",
        add_suffix_on_collision: bool = False,
        group_display_name: str = "",
        doc_md: str | None = None,
    ) -> None:
        if group_id is not None:
            validate_group_key(group_id)
        self.prefix_group_id = prefix_group_id
        self.default_args: dict[str, Any] = dict(default_args or {})
        for name, text in (("tooltip", tooltip), ("ui_color", ui_color), ("ui_fgcolor", ui_fgcolor)):
            if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - authors pass what they like
                msg = f"task group {group_id!r}: {name!r} must be {str} (got {text!r} that is a {type(text)})."
                raise TypeError(msg)
        self.tooltip = tooltip
        self.ui_color = ui_color
        self.ui_fgcolor = ui_fgcolor
        self.group_display_name = group_display_name
        self.doc_md = read_doc_md(doc_md)
        self.children: dict[str, Any] = {}
        self.upstream_group_ids: set[str | None] = set()
        self.downstream_group_ids: set[str | None] = set()
        self.upstream_task_ids = set()
        self.downstream_task_ids = set()
        self._group_id = group_id
        self._place(parent_group, dag)
        if group_id is not None:
            self._take_id(add_suffix_on_collision)

    def _place(self, parent: TaskGroup | None, dag: DAG | None) -> None:
        """Find the DAG and the parent; a root group (no id) has no parent."""
        if self._group_id is not None and parent is None:
            parent = TaskGroupContext.get_current(dag)
        self.parent_group: TaskGroup | None = parent
        dag = dag or (parent.dag if parent is not None else DagContext.get_current())
        if dag is None:
            msg = f"task group {self._group_id!r} needs a DAG: create it in a `with DAG(...)` block or pass dag="
            raise RuntimeError(msg)
        self.dag: DAG = dag
        self.used_group_ids: set[str | None] = parent.used_group_ids if parent is not None else set()

    def _take_id(self, add_suffix_on_collision: bool) -> None:
        if self.group_id in self.used_group_ids:
            if not add_suffix_on_collision:
                msg = f"Task group id {self.group_id!r} has already been added to the Dag {self.dag.dag_id!r}: "
                msg += "give each task and group an id of its own"
                raise DuplicateTaskIdFound(msg)
            self._group_id = self._free_id()
        parent = self.parent_group
        if parent is not None:
            if parent.default_args:
                self.default_args = {**parent.default_args, **self.default_args}
            parent.add(self)
        self.used_group_ids |= {self.group_id, self.upstream_join_id, self.downstream_join_id}

    def _free_id(self) -> str:
        own = self._group_id or ""
        core = _SUFFIX.sub("", own)
        prefix = f"{self.group_id}"[: -len(own)] + core + "__"
        taken = [
            int(used[len(prefix) :])
            for used in self.used_group_ids
            if used is not None and used.startswith(prefix) and used[len(prefix) :].isdigit()
        ]
        return f"{core}__{max(taken, default=0) + 1}"

    @classmethod
    def create_root(cls, dag: DAG) -> TaskGroup:
        """Return the root group of a DAG, which has no id."""
        return cls(group_id=None, dag=dag)

    def __repr__(self) -> str:
        return f"<TaskGroup: {self.group_id}>"

    @property
    def group_id(self) -> str | None:
        """Its id with those of the groups around it; None for the root group."""
        parent = self.parent_group
        if self._group_id and parent is not None:
            return parent.child_id(self._group_id)
        return self._group_id

    @property
    def node_id(self) -> Any:
        """Its group_id."""
        return self.group_id

    @property
    def label(self) -> str | None:
        """Its display name, else its id without those of the groups around it."""
        return self.group_display_name or self._group_id

    @property
    def is_root(self) -> bool:
        """Whether it is the DAG's root group."""
        return not self._group_id

    @property
    def task_group(self) -> TaskGroup | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The group around it."""
        return self.parent_group

    @task_group.setter
    def task_group(self, value: TaskGroup | None) -> None:
        self.parent_group = value

    def child_id(self, label: str) -> str:
        """Return the id that a child called `label` has in the DAG."""
        if self.prefix_group_id:
            group_id = self.group_id
            if group_id:
                return f"{group_id}.{label}"
        return label

    def iter_mapped_task_groups(self) -> Iterator[TaskGroup]:
        """Yield the mapped groups from itself outwards."""
        group: TaskGroup | None = self
        while group is not None:
            if group.is_mapped:
                yield group
            group = group.parent_group

    @property
    def upstream_join_id(self) -> str:
        """The id of the point in the graph where the edges into the group meet."""
        return f"{self.group_id}.upstream_join_id"

    @property
    def downstream_join_id(self) -> str:
        """The id of the point in the graph where the edges out of the group part."""
        return f"{self.group_id}.downstream_join_id"

    def __iter__(self) -> Iterator[BaseOperator]:
        """Yield the tasks in it and in the groups in it."""
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                yield from child
            else:
                yield child

    iter_tasks = __iter__

    def add(self, task: Any) -> Any:
        """Put a task or an empty group into it. Raises `DuplicateTaskIdFound`, `TaskAlreadyInTaskGroup` or ValueError."""
        current = task.task_group
        if TaskGroupContext.is_active() and current is not None and current is not self:
            current.children.pop(task.node_id, None)
            current = task.task_group = self
        if current is not None and current is not self and not isinstance(task, TaskGroup):
            raise TaskAlreadyInTaskGroup(task.node_id, current.group_id, str(self.group_id))
        task.task_group = self
        key = task.node_id
        if key in self.children:
            kind = "Task group" if isinstance(task, TaskGroup) else "Task"
            msg = f"{kind} id {key!r} has already been added to the Dag {self.dag.dag_id!r}: give each an id of its own"
            raise DuplicateTaskIdFound(msg)
        if isinstance(task, TaskGroup):
            if task.dag is not self.dag:
                msg = f"task group {key!r} of DAG {task.dag.dag_id!r} cannot join one of DAG {self.dag.dag_id!r}"
                raise ValueError(msg)
            if task.children:
                raise ValueError(f"task group {key!r} has tasks already and cannot be moved")
        self.children[key] = task
        return task

    def __enter__(self) -> TaskGroup:  # noqa: PYI034 - typing.Self is not in Python 3.10
        TaskGroupContext.push(self)
        return self

    def __exit__(self, *_exc: object) -> None:
        TaskGroupContext.pop()

    def has_task(self, task: BaseOperator) -> bool:
        """Return whether the task is in it or in a group in it."""
        return any(child is task or child.task_id == task.task_id for child in self)

    def __contains__(self, node_id: object) -> bool:
        return node_id in self.children or any(task.task_id == node_id for task in self)

    def __getitem__(self, label: str) -> Any:
        """Return the child called `label`, without the group's prefix. Raises `NodeNotFound`."""
        try:
            return self.get_child_by_label(label)
        except KeyError:
            raise NodeNotFound(f"task group {self.group_id!r} has no task or group {label!r}") from None

    def get_child_by_label(self, label: str) -> Any:
        """Return the child called `label`, without the group's prefix. Raises KeyError."""
        return self.children[self.child_id(label)]

    def get_task_group_dict(self) -> dict[str | None, TaskGroup]:
        """Return it and all groups in it by group_id."""
        groups: dict[str | None, TaskGroup] = {self.group_id: self}
        for child in self.children.values():
            if isinstance(child, TaskGroup):
                groups.update(child.get_task_group_dict())
        return groups

    def get_roots(self) -> Iterator[BaseOperator]:
        """Yield its tasks that follow none of its tasks."""
        tasks = list(self)
        ids = {task.task_id for task in tasks}
        return (task for task in tasks if task.upstream_task_ids.isdisjoint(ids))

    def get_leaves(self) -> Iterator[BaseOperator]:
        """Yield its tasks that none of its tasks follows. In place of a teardown stand the tasks before it."""
        tasks = list(self)
        ids = {task.task_id for task in tasks}
        for task in tasks:
            if not task.downstream_task_ids.isdisjoint(ids):
                continue
            if task.is_teardown:
                yield from _before_teardown(task, ids)
            else:
                yield task

    @property
    def roots(self) -> list[Any]:
        """Its tasks that follow none of its tasks."""
        return list(self.get_roots())

    @property
    def leaves(self) -> list[Any]:
        """Its tasks that none of its tasks follows."""
        return list(self.get_leaves())

    def update_relative(
        self, other: DependencyMixin, upstream: bool = True, edge_modifier: EdgeModifier | None = None
    ) -> None:
        """Keep a record of its neighbours, so that the graph draws one edge for the group."""
        if isinstance(other, TaskGroup):
            before, after = (other, self) if upstream else (self, other)
            after.upstream_group_ids.add(before.group_id)
            before.downstream_group_ids.add(after.group_id)
            ends = [(before.downstream_join_id, after.upstream_join_id)]
        else:
            neighbours = {task.node_id for task in other.roots if task is not self}
            (self.upstream_task_ids if upstream else self.downstream_task_ids).update(neighbours)
            ends = [
                (task_id, self.upstream_join_id) if upstream else (self.downstream_join_id, task_id)
                for task_id in neighbours
            ]
        if edge_modifier is not None:
            for upstream_id, downstream_id in ends:
                edge_modifier.add_edge_info(self.dag, upstream_id, downstream_id)

    def _set_relatives(
        self,
        others: DependencyMixin | Iterable[DependencyMixin],
        *,
        upstream: bool,
        edge_modifier: EdgeModifier | None,
    ) -> None:
        nodes = as_list(others)
        for node in nodes:
            self.update_relative(node, upstream, edge_modifier=edge_modifier)
        if upstream:
            for task in self.get_roots():
                task.set_upstream(nodes)
        else:
            for task in self._last_tasks():
                task.set_downstream(nodes)

    def _last_tasks(self) -> list[BaseOperator]:
        """Return its leaves; an empty group stands for what was put before it, or before the groups around it."""
        group: TaskGroup | None = self
        while group is not None:
            found = list(group.get_leaves())
            if found:
                return found
            if group.upstream_task_ids:
                return [self.dag.get_task(task_id) for task_id in sorted(group.upstream_task_ids)]
            group = group.parent_group
        return []

    def hierarchical_alphabetical_sort(self) -> list[Any]:
        """Return its children: groups first, then tasks, each by id."""
        return sorted(self.children.values(), key=lambda node: (not isinstance(node, TaskGroup), node.node_id))

    def topological_sort(self) -> list[Any]:
        """Return its children so that each comes after those it depends on. Raises `AirflowDagCycleException`."""
        return sort_children(self)


def _before_teardown(teardown: BaseOperator, ids: set[str]) -> Iterator[BaseOperator]:
    for task in teardown.upstream_list:
        if task.task_id not in ids or task.is_setup:
            continue
        if task.is_teardown:
            yield from _before_teardown(task, ids)
        elif not any(
            after.task_id in ids and not after.is_teardown and after is not teardown for after in task.downstream_list
        ):
            yield task


class TaskGroupFactory:
    """What `@task_group` makes of a function: calling it runs the function inside a new group."""

    def __init__(
        self,
        function: Callable[..., Any],
        group_arguments: dict[str, Any],
        partial_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.function = function
        self.partial_kwargs: dict[str, Any] = partial_kwargs or {}
        self._is_made = False
        self.tg_kwargs: dict[str, Any] = {"group_id": function.__name__, **group_arguments}
        update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make the group; return what the function returned, or the group when it returned nothing."""
        return self.create(TaskGroup, *args, **kwargs)

    def create(self, make: Callable[..., TaskGroup], *args: Any, **kwargs: Any) -> Any:
        """Make the group with `make`, a class of groups; return as a call does."""
        self._is_made = True
        arguments: dict[str, Any] = {"add_suffix_on_collision": True, **self.tg_kwargs}
        with make(**arguments) as group:
            documentation = self.function.__doc__
            if documentation:
                group.tooltip = group.tooltip or documentation
                group.doc_md = group.doc_md or documentation
            returned = self.function(*args, **kwargs)
        return group if returned is None else returned

    def override(self, **group_arguments: Any) -> TaskGroupFactory:
        """Return a factory with other arguments for the group."""
        self._is_made = True  # the other one goes on
        return TaskGroupFactory(self.function, {**self.tg_kwargs, **group_arguments}, self.partial_kwargs)

    def partial(self, **kwargs: Any) -> TaskGroupFactory:
        """Return a factory whose function has these arguments for every item that the group is expanded over."""
        from tradewind.sdk.mapping.groups import partial_arguments_of  # noqa: PLC0415 - only files with mapped groups

        self._is_made = True  # as above
        return TaskGroupFactory(self.function, self.tg_kwargs, partial_arguments_of(self, kwargs))

    def expand(self, **kwargs: Any) -> Any:
        """Make a group whose tasks run for each combination of the items of the arguments; return as a call does."""
        from tradewind.sdk.mapping.groups import expand_group  # noqa: PLC0415 - as above

        return expand_group(self, kwargs)

    def expand_kwargs(self, kwargs: Any) -> Any:
        """Make a group whose tasks run for each dict of arguments in a list; return as a call does."""
        from tradewind.sdk.mapping.groups import expand_group_kwargs  # noqa: PLC0415 - as above

        return expand_group_kwargs(self, kwargs)

    def __del__(self) -> None:
        if getattr(self, "partial_kwargs", None) and not self._is_made:
            from tradewind.sdk.mapping.groups import warn_never_mapped  # noqa: PLC0415 - as above

            warn_never_mapped(self)


_OF_A_GROUP = frozenset(
    {
        *("add_suffix_on_collision", "dag", "default_args", "doc_md", "group_display_name", "group_id", "parent_group"),
        *("prefix_group_id", "tooltip", "ui_color", "ui_fgcolor"),
    }
)


def task_group(python_callable: Any = NOTSET, **group_arguments: Any) -> Any:
    """Make a function that creates tasks a task group: `@task_group` or `@task_group(group_id=..., ...)`."""
    unknown = sorted(group_arguments.keys() - _OF_A_GROUP)
    if unknown:
        raise TypeError(f"@task_group does not take the argument(s) {', '.join(map(repr, unknown))}")
    if isinstance(python_callable, str):
        group_arguments["group_id"] = python_callable
    elif python_callable is not NOTSET and python_callable is not None:
        return TaskGroupFactory(python_callable, group_arguments)

    def decorate(function: FunctionType) -> TaskGroupFactory:
        return TaskGroupFactory(function, group_arguments)

    return decorate
