"""Which instances a task begins with, and how many it may have."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from tradewind.core.engine.roster import UNMAPPED
from tradewind.core.expansion import length

if TYPE_CHECKING:
    from tradewind.core.graph import CompiledDag, TaskNode

MAX_INSTANCES = 100_000
"""So many instances one task may have in a run. Airflow bounds what a single list may bring (core.max_map_length), not the
product of several: this keeps a slip of the pen from filling the database."""

_PLAIN = range(UNMAPPED, UNMAPPED + 1)


def first_map_indexes(dag: CompiledDag, node: TaskNode) -> range:
    """Return the map indexes of the instances that a run gives the task when it meets it.

    All of them where their number is written in the DAG file, and one without map index otherwise: for a plain task, or
    in place of those that come when the length is known.
    """
    if not node.is_mapped or node.length_sources:
        return _PLAIN
    expansions = [dag.groups[group].expansion for group in node.groups]
    if node.expansion is not None:
        expansions.append(node.expansion)
    count = prod(length(expansion, _unknown) or 0 for expansion in expansions)
    return range(count) if 0 < count <= MAX_INSTANCES else _PLAIN


def _unknown(_index: int) -> None:
    """Know of no return value: literals alone decide."""
