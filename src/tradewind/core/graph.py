"""The compiled DAG: what the run engine needs of a DAG, as numbers and tuples.

A task is its index; edges are tuples of indexes in both directions. Compiled once per DAG version and shared by its runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradewind.core.retries import RetryPolicy
from tradewind.core.trigger_rules import TriggerRule

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from datetime import timedelta

    from tradewind.core.expansion import Expansion

MAX_PRIORITY = 2**31 - 1
"""Airflow clamps weights to what its integer column holds."""


class DagCycleError(ValueError):
    """The edges go in a circle, so no task of it could ever start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskNode:
    """One task of a compiled DAG. `index` is its place in `CompiledDag.nodes`."""

    index: int
    task_id: str
    operator: str = ""
    trigger_rule: TriggerRule = TriggerRule.ALL_SUCCESS
    upstream: tuple[int, ...] = ()
    downstream: tuple[int, ...] = ()
    scope: tuple[int, ...] = ()
    """Tasks further up that it waits for as well: see `setup_scopes`."""
    scope_of: tuple[int, ...] = ()
    """The tasks that have this one in their scope."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    pool: str = "default_pool"
    pool_slots: int = 1
    queue: str = "default"
    executor: str | None = None
    priority_weight: int = 1
    """The total by the task's weight rule, higher first."""
    weights_by_try: tuple[int, ...] = ()
    """In its place, where the weight depends on the try: from the first one on, the last number for all later ones."""
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    depends_on_past: bool = False
    wait_for_downstream: bool = False
    ignore_first_depends_on_past: bool = False
    waits_for_past_before_skipping: bool = False
    is_empty: bool = False
    starts_from_trigger: bool = False
    """Its tries begin deferred: no worker is needed before the trigger fires."""
    is_setup: bool = False
    is_teardown: bool = False
    on_failure_fail_dagrun: bool = False
    is_leaf: bool = False
    """Its state counts when the run's own state is decided."""
    expansion: Expansion | None = None
    """What it is mapped over, None for a plain task."""
    groups: tuple[int, ...] = ()
    """The mapped groups it is in, the outermost first, by their place in `CompiledDag.groups`."""
    length_sources: tuple[int, ...] = ()
    """The tasks whose return values decide how many instances it has, by way of its groups too."""
    lengthens: tuple[int, ...] = ()
    """The tasks that have this one among their length sources."""

    def priority_of(self, try_number: int) -> int:
        """Return the weight of a try."""
        if not self.weights_by_try:
            return self.priority_weight
        return self.weights_by_try[min(max(try_number, 1), len(self.weights_by_try)) - 1]

    @property
    def is_mapped(self) -> bool:
        """Whether it has an instance for each map index: it is mapped itself, or in a mapped group."""
        return self.expansion is not None or bool(self.groups)

    @property
    def asks_the_past(self) -> bool:
        """Whether the same task of the run before has a say."""
        return self.depends_on_past or self.wait_for_downstream


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedGroup:
    """A mapped task group: every task in it has an instance for each of its map indexes."""

    group_id: str
    expansion: Expansion


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledDag:
    """One DAG version, ready to run."""

    dag_id: str
    nodes: tuple[TaskNode, ...]
    index_of: dict[str, int]
    groups: tuple[MappedGroup, ...] = ()
    max_active_runs: int = 16
    max_active_tasks: int = 16
    dagrun_timeout: timedelta | None = None
    fail_fast: bool = False

    def node(self, task_id: str) -> TaskNode | None:
        """Return the task's node, or None when this version has no such task."""
        index = self.index_of.get(task_id)
        return None if index is None else self.nodes[index]


def topological_order(downstream: Sequence[Sequence[int]]) -> list[int]:
    """Return the indexes so that each comes after all it depends on; raises `DagCycleError` naming none of them."""
    waiting_for = [0] * len(downstream)
    for targets in downstream:
        for target in targets:
            waiting_for[target] += 1
    ready = [index for index, count in enumerate(waiting_for) if count == 0]
    for index in ready:
        for target in downstream[index]:
            waiting_for[target] -= 1
            if waiting_for[target] == 0:
                ready.append(target)
    if len(ready) != len(downstream):
        msg = "the tasks depend on each other in a circle"
        raise DagCycleError(msg)
    return ready


def setup_scopes(
    upstream: Sequence[Sequence[int]],
    downstream: Sequence[Sequence[int]],
    setups: Container[int],
    teardowns: Container[int],
) -> list[tuple[int, ...]]:
    """Return for each task the tasks that are not directly before it and that it waits for as well.

    A task waits for every setup before it, at any distance, whose teardown comes after it or that has no teardown. A
    teardown waits for what lies between its setups and itself. Both rules are Airflow's.
    """
    count = len(upstream)
    order = topological_order(downstream)
    before, after = [0] * count, [0] * count
    for index in order:
        for other in upstream[index]:
            before[index] |= before[other] | (1 << other)
    for index in reversed(order):
        for other in downstream[index]:
            after[index] |= after[other] | (1 << other)
    ends = {
        index: sum(1 << other for other in downstream[index] if other in teardowns)
        for index in range(count)
        if index in setups
    }
    scopes: list[tuple[int, ...]] = []
    for index in range(count):
        direct = sum(1 << other for other in upstream[index])
        if index in teardowns:
            between = 0
            for setup in (other for other in upstream[index] if other in setups):
                between |= after[setup]
            wanted = between & before[index] & ~direct
            scopes.append(tuple(other for other in range(count) if wanted >> other & 1))
        else:
            scopes.append(
                tuple(
                    setup
                    for setup, its_ends in ends.items()
                    if before[index] & ~direct & (1 << setup) and (not its_ends or its_ends & after[index])
                )
            )
    return scopes


def total_weights(
    weights: Sequence[int],
    rules: Sequence[str],
    upstream: Sequence[Sequence[int]],
    downstream: Sequence[Sequence[int]],
) -> list[int]:
    """Return each task's priority by its weight rule: its own weight plus that of all tasks after (or before) it.

    Rules are Airflow's `downstream`, `upstream` and `absolute`; another one counts as absolute, for its author's code
    decides elsewhere. Relatives are collected as bit sets, one pass along the topological order.
    """
    order = topological_order(downstream)
    totals = list(weights)
    slices = _slices(weights)
    for rule, edges, walk in (("downstream", downstream, reversed(order)), ("upstream", upstream, order)):
        if rule not in rules:
            continue
        relatives = [0] * len(weights)
        for index in walk:
            reached = 0
            for other in edges[index]:
                reached |= relatives[other] | (1 << other)
            relatives[index] = reached
        for index, own in enumerate(rules):
            if own == rule:
                totals[index] += sum(value * (relatives[index] & mask).bit_count() for value, mask in slices)
    return [max(-MAX_PRIORITY, min(MAX_PRIORITY, total)) for total in totals]


def _slices(weights: Sequence[int]) -> list[tuple[int, int]]:
    """Give powers of two with the set of tasks in whose weight they are contained, so that a sum is a few bit counts."""
    slices: list[tuple[int, int]] = []
    for sign in (1, -1):
        parts = [max(0, sign * weight) for weight in weights]
        for bit in range(max(parts, default=0).bit_length()):
            mask = int("".join("01"[part >> bit & 1] for part in reversed(parts)), 2)
            slices.append((sign << bit, mask))
    return slices
