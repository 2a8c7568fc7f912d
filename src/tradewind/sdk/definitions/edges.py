"""Edges in bulk and edges with a text: `chain`, `chain_linear`, `cross_downstream`, `Label`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from tradewind.sdk.definitions.node import DAGNode, DependencyMixin, as_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeGuard

    from tradewind.sdk.definitions.dag import DAG


class EdgeModifier(DependencyMixin):
    """Text for the edges between what stands before and what stands after it: `a >> Label("ok") >> b`.

    It may be tied to either side first; the edges are drawn as soon as both sides are known.
    """

    def __init__(self, label: str | None = None) -> None:
        self.label = label
        self._upstream: list[Any] = []
        self._downstream: list[Any] = []

    @property
    def roots(self) -> list[Any]:
        """What stands after it."""
        return self._downstream

    @property
    def leaves(self) -> list[Any]:
        """What stands before it."""
        return self._upstream

    def set_upstream(
        self,
        task_or_task_list: DependencyMixin | Iterable[DependencyMixin],
        edge_modifier: EdgeModifier | None = None,  # noqa: ARG002 - it is one itself
    ) -> None:
        """Put the given ones before the label; draws the edges to what already stands after it."""
        self._keep(task_or_task_list, self._upstream)
        for node in self._downstream:
            node.set_upstream(task_or_task_list, edge_modifier=self)

    def set_downstream(
        self,
        task_or_task_list: DependencyMixin | Iterable[DependencyMixin],
        edge_modifier: EdgeModifier | None = None,  # noqa: ARG002 - it is one itself
    ) -> None:
        """Put the given ones after the label; draws the edges from what already stands before it."""
        self._keep(task_or_task_list, self._downstream)
        for node in self._upstream:
            node.set_downstream(task_or_task_list, edge_modifier=self)

    def update_relative(
        self,
        other: DependencyMixin,
        upstream: bool = True,
        edge_modifier: EdgeModifier | None = None,  # noqa: ARG002 - it is one itself
    ) -> None:
        """Do what `set_upstream` or `set_downstream` does when the other side was written first."""
        if upstream:
            self.set_upstream(other)
        else:
            self.set_downstream(other)

    def add_edge_info(self, dag: DAG, upstream_id: str, downstream_id: str) -> None:
        """Write the label to one edge of the DAG."""
        dag.set_edge_info(upstream_id, downstream_id, {"label": self.label})

    def _keep(self, nodes: DependencyMixin | Iterable[DependencyMixin], side: list[Any]) -> None:
        for node in as_list(nodes):
            if isinstance(node, EdgeModifier) or not isinstance(node, DependencyMixin):
                raise TypeError(f"a label stands between tasks, XComs and task groups, not {type(node).__name__}")
            side.append(node)
        if self._upstream and self._downstream:
            self._prefer_groups()

    def _prefer_groups(self) -> None:
        """Let the label join groups where its ends lie in different ones: the graph draws one edge for them."""
        groups = {group.group_id for group in map(_group_of, (*self._upstream, *self._downstream)) if group is not None}
        if len(groups) == 1:
            return
        for side in (self._upstream, self._downstream):
            side[:] = [_group_to_label(node) for node in side]


def _group_of(node: Any) -> Any:
    if isinstance(node, DAGNode):
        return node.task_group
    return getattr(getattr(node, "operator", None), "task_group", None)


def _group_to_label(node: Any) -> Any:
    group = node.task_group if isinstance(node, DAGNode) else None
    return node if group is None or group.is_root else group


def Label(label: str) -> EdgeModifier:  # noqa: N802 - Airflow's name
    """Give a text to the edges between what stands before and after it."""
    return EdgeModifier(label=label)


def chain(*tasks: DependencyMixin | Sequence[DependencyMixin]) -> None:
    """Put each element before the next one; an element may be a list.

    Two lists in a row are joined pairwise and must be of one length: ValueError. Raises TypeError for what cannot
    be put into order.
    """
    for before, after in pairwise(tasks):
        if isinstance(before, DependencyMixin):
            before.set_downstream(after)
        elif isinstance(after, DependencyMixin):
            after.set_upstream(before)
        else:
            _chain_pairwise(before, after)


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence)


def _chain_pairwise(before: Any, after: Any) -> None:
    if not _is_list(before) or not _is_list(after):
        kinds = " before ".join(type(side).__name__ for side in (before, after))
        raise TypeError(f"chain cannot put {kinds}")
    if len(before) != len(after):
        msg = f"Chain not supported for different length Iterable. Got {len(before)} and {len(after)}."
        msg += " Two lists are joined pairwise"
        raise ValueError(msg)
    for first, second in zip(before, after):  # noqa: B905 - of one length, see above
        first.set_downstream(second)


def chain_linear(*elements: DependencyMixin | Sequence[DependencyMixin]) -> None:
    """Put every task of each element before every task of the next. Raises ValueError when that draws no edge."""
    if not elements:
        raise ValueError("chain_linear needs tasks to put into order")
    if any(isinstance(element, EdgeModifier) for element in elements):
        raise ValueError("Labels are not supported by chain_linear")
    drawn = False
    for before, after in pairwise(elements):
        for task in as_list(before):
            task.set_downstream(after)
            drawn = True
    if not drawn:
        raise ValueError("chain_linear drew no edge: pass the tasks as arguments of their own, a list unpacked with *")


def cross_downstream(
    from_tasks: Sequence[DependencyMixin], to_tasks: DependencyMixin | Sequence[DependencyMixin]
) -> None:
    """Put every one of `from_tasks` before every one of `to_tasks`."""
    for task in from_tasks:
        task.set_downstream(to_tasks)
