"""What tasks, task groups, labels and XCom references have in common: they can be put before and after each other."""

from __future__ import annotations

import re
from collections.abc import Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from logging import Logger
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.edges import EdgeModifier
    from tradewind.sdk.definitions.operator import BaseOperator

    Dependencies = "DependencyMixin | Iterable[DependencyMixin]"


_KEY = re.compile(r"[\w.-]+")
_GROUP_KEY = re.compile(r"[\w-]+")


def validate_key(key: str, max_length: int = 250) -> None:
    """Check a dag_id or task_id: letters, digits, dashes, dots and underscores. Raises TypeError or ValueError."""
    _validate(key, _KEY, "letters, digits, dashes, dots and underscores", max_length)


def validate_group_key(key: str, max_length: int = 200) -> None:
    """Check a group_id: as a task_id, without dots. Raises TypeError or ValueError."""
    _validate(key, _GROUP_KEY, "letters, digits, dashes and underscores", max_length)


def _validate(key: object, pattern: re.Pattern[str], allowed: str, max_length: int) -> None:
    if not isinstance(key, str):
        raise TypeError(f"an id has to be a string, got {type(key).__name__}: {key!r}")
    if len(key) > max_length:
        raise ValueError(f"the id {key[:40]!r}... has {len(key)} characters, at most {max_length} are allowed")
    if not pattern.fullmatch(key):
        raise ValueError(f"the id {key!r} may only have {allowed}")


def as_list(others: Any) -> list[Any]:
    """Return one node or several as a list."""
    nodes: Any = others
    is_one = isinstance(others, DependencyMixin) or not isinstance(others, Iterable)
    return [nodes] if is_one else list(nodes)


class DependencyMixin:
    """Gives `>>` and `<<` to what has `set_upstream` and `set_downstream`."""

    @property
    def roots(self) -> list[Any]:
        """The tasks that come first in it."""
        raise NotImplementedError

    @property
    def leaves(self) -> list[Any]:
        """The tasks that come last in it."""
        raise NotImplementedError

    def set_upstream(
        self, task_or_task_list: DependencyMixin | Iterable[DependencyMixin], edge_modifier: EdgeModifier | None = None
    ) -> None:
        """Put the given ones directly before this."""
        raise NotImplementedError

    def set_downstream(
        self, task_or_task_list: DependencyMixin | Iterable[DependencyMixin], edge_modifier: EdgeModifier | None = None
    ) -> None:
        """Put the given ones directly after this."""
        raise NotImplementedError

    def update_relative(
        self, other: DependencyMixin, upstream: bool = True, edge_modifier: EdgeModifier | None = None
    ) -> None:
        """Hear that `other` became a neighbour. Task groups and labels keep a record of their own."""

    def __lshift__(self, other: Any) -> Any:
        self.set_upstream(other)
        return other

    def __rshift__(self, other: Any) -> Any:
        self.set_downstream(other)
        return other

    def __rrshift__(self, other: Any) -> DependencyMixin:
        self.set_upstream(other)
        return self

    def __rlshift__(self, other: Any) -> DependencyMixin:
        self.set_downstream(other)
        return self


class ResolveMixin:
    """A value that is known only when the task runs."""

    def iter_references(self) -> Iterator[tuple[BaseOperator, str]]:
        """Yield the tasks whose XComs it reads, each with the XCom's key."""
        raise NotImplementedError

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Return the value for the task instance of `context`."""
        raise NotImplementedError


class DAGNode(DependencyMixin):
    """A node of a DAG: a task or a task group."""

    dag: Any
    """The DAG it belongs to."""
    task_group: Any = None
    """The group it belongs to; None for a task without a DAG."""
    upstream_task_ids: set[str]
    downstream_task_ids: set[str]
    _log: Logger | None = None

    @property
    def node_id(self) -> str:
        """Its task_id or group_id."""
        raise NotImplementedError

    @property
    def dag_id(self) -> str:
        """The id of its DAG."""
        return self.dag.dag_id if self.has_dag() else "_in_memory_dag_"

    def has_dag(self) -> bool:
        """Return whether it belongs to a DAG yet."""
        return self.get_dag() is not None

    def get_dag(self) -> DAG | None:
        """Return its DAG, None when it has none yet."""
        return self.dag

    @property
    def log(self) -> Logger:
        """The logger of its class, below the loggers of tasks."""
        if self._log is None:
            import logging  # noqa: PLC0415 - parsing a DAG file logs nothing

            kind = type(self)
            name = getattr(self, "logger_name", None) or f"{kind.__module__}.{kind.__qualname__}"
            self._log = logging.getLogger(f"airflow.task.operators.{name}")
        return self._log

    @property
    def label(self) -> str | None:
        """Its id without the prefix of its group: what the graph shows."""
        group = self.task_group
        if group is not None and group.group_id and group.prefix_group_id:
            return self.node_id[len(group.group_id) + 1 :]
        return self.node_id

    def iter_mapped_task_groups(self) -> Iterator[Any]:
        """Yield the mapped task groups that it is in, the innermost first."""
        group = self.task_group
        while group is not None:
            if group.is_mapped:
                yield group
            group = group.parent_group

    def get_closest_mapped_task_group(self) -> Any:
        """Return the innermost mapped task group that it is in, None for none."""
        return next(self.iter_mapped_task_groups(), None)

    @property
    def upstream_list(self) -> list[BaseOperator]:
        """The tasks directly before it, by task_id."""
        return self._tasks(self.upstream_task_ids)

    @property
    def downstream_list(self) -> list[BaseOperator]:
        """The tasks directly after it, by task_id."""
        return self._tasks(self.downstream_task_ids)

    def _tasks(self, task_ids: Iterable[str]) -> list[BaseOperator]:
        dag = self.get_dag()
        if dag is None:
            raise RuntimeError(f"{self!r} belongs to no DAG yet: create it in a `with DAG(...)` block or pass dag=")
        return [dag.get_task(task_id) for task_id in sorted(task_ids)]

    def get_direct_relative_ids(self, upstream: bool = False) -> set[str]:
        """Return the task_ids directly before (`upstream`) or after it."""
        return self.upstream_task_ids if upstream else self.downstream_task_ids

    def get_direct_relatives(self, upstream: bool = False) -> list[BaseOperator]:
        """Return the tasks directly before (`upstream`) or after it."""
        return self.upstream_list if upstream else self.downstream_list

    def get_flat_relative_ids(
        self, upstream: bool = False, found_descendants: set[str] | None = None, *, depth: int | None = None
    ) -> set[str]:
        """Return the task_ids before or after it, at any distance up to `depth`.

        `found_descendants`: ids that are known already, and grow by what is found. Raises ValueError for a depth
        below zero.
        """
        if depth is not None and depth < 0:
            raise ValueError(f"depth must be non-negative, got {depth}")
        found: set[str] = set() if found_descendants is None else found_descendants
        dag = self.get_dag()
        if dag is None:
            return found
        edge = set(self.get_direct_relative_ids(upstream))
        while edge and (depth is None or depth > 0):
            edge -= found
            found |= edge
            edge = {near for task_id in edge for near in dag.task_dict[task_id].get_direct_relative_ids(upstream)}
            depth = None if depth is None else depth - 1
        return found

    def get_flat_relatives(self, upstream: bool = False, depth: int | None = None) -> list[BaseOperator]:
        """Return the tasks before or after it, at any distance up to `depth`, by task_id."""
        return self._tasks(self.get_flat_relative_ids(upstream, depth=depth)) if self.has_dag() else []

    def set_upstream(
        self, task_or_task_list: DependencyMixin | Iterable[DependencyMixin], edge_modifier: EdgeModifier | None = None
    ) -> None:
        """Put the given ones directly before this. Raises ValueError without a DAG, RuntimeError with two."""
        self._set_relatives(task_or_task_list, upstream=True, edge_modifier=edge_modifier)

    def set_downstream(
        self, task_or_task_list: DependencyMixin | Iterable[DependencyMixin], edge_modifier: EdgeModifier | None = None
    ) -> None:
        """Put the given ones directly after this. Raises ValueError without a DAG, RuntimeError with two."""
        self._set_relatives(task_or_task_list, upstream=False, edge_modifier=edge_modifier)

    def _enters(self, other: Any) -> bool:
        """Join the DAG `other`, where it is one: Airflow 1.10 wrote `dag >> task` for it."""
        if isinstance(other, DependencyMixin) or not hasattr(other, "add_task"):
            return False
        from tradewind.sdk.deprecations import note_deprecated  # noqa: PLC0415 - few files write it

        note_deprecated("dag >> task", "dag=dag, or a task in a `with dag:` block", since="2.0", removed_in="2.0")
        self.dag = other
        return True

    def _set_relatives(
        self,
        others: DependencyMixin | Iterable[DependencyMixin],
        *,
        upstream: bool,
        edge_modifier: EdgeModifier | None,
    ) -> None:
        tasks: list[BaseOperator] = []
        for other in as_list(others):
            if self._enters(other):
                continue
            if not isinstance(other, DependencyMixin):
                msg = f"only tasks, task groups, labels and XComs can follow each other; got {type(other).__name__}"
                raise TypeError(msg)
            other.update_relative(self, not upstream, edge_modifier=edge_modifier)
            tasks += other.leaves if upstream else other.roots
        if not tasks:
            return
        dag = self._common_dag(tasks)
        for task in tasks:
            if not task.has_dag():
                dag.add_task(task)
            before, after = (task, self) if upstream else (self, task)
            before.downstream_task_ids.add(after.node_id)
            after.upstream_task_ids.add(before.node_id)
            if edge_modifier is not None:
                edge_modifier.add_edge_info(dag, before.node_id, after.node_id)

    def _common_dag(self, tasks: list[BaseOperator]) -> DAG:
        """Return the DAG of this node and the tasks; a node without one joins it."""
        dags = {id(dag): dag for node in (self, *tasks) if (dag := node.get_dag()) is not None}
        if len(dags) > 1:
            names = ", ".join(sorted(repr(dag.dag_id) for dag in dags.values()))
            raise RuntimeError(f"{self!r} cannot be put before or after tasks of another DAG; DAGs found: {names}")
        if not dags:
            nodes = ", ".join(repr(node) for node in (self, *tasks))
            msg = f"none of {nodes} belongs to a DAG: create one of them in a `with DAG(...)` block or pass dag="
            raise ValueError(msg)
        (dag,) = dags.values()
        if not self.has_dag():
            self.dag = dag
        return dag
