"""The counters behind the limits, and who stands in line at each of them.

A `Counter` knows who holds how much. A `Gate` is the view of a counter by those who want the same number of slots under
the same total: it is open while that many are free. Candidates that meet the same gates form a `Group`, and those of
them whose task has limits of its own a `Sub` of it, so that a full limit is met once for all of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tradewind.core.limits.lines import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.core.ids import TaskInstancePk
    from tradewind.core.limits.blockers import BlockerKind

UNLIMITED = math.inf


class Counter:
    """How much of one limit is taken, and by whom."""

    __slots__ = ("gates", "held", "key", "kind", "subject", "total", "used")

    def __init__(self, key: tuple[object, ...], kind: BlockerKind, subject: str, total: float = UNLIMITED) -> None:
        """Start with nothing taken."""
        self.key = key
        self.kind = kind
        self.subject = subject
        self.total = total
        self.used: int = 0
        self.held: dict[TaskInstancePk, int] = {}
        self.gates: dict[tuple[int, float | None], Gate] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nobody holds anything of it and nobody could be refused by it."""
        return not self.held and not self.gates

    @property
    def holders(self) -> tuple[TaskInstancePk, ...]:
        """Who takes part of it, in the order in which they came."""
        return tuple(self.held)

    def take(self, ti_pk: TaskInstancePk, size: int) -> None:
        """Count `size` more for the task instance."""
        self.held[ti_pk] = size
        self.used += size

    def give_back(self, ti_pk: TaskInstancePk) -> None:
        """Count what the task instance held no longer."""
        self.used -= self.held.pop(ti_pk, 0)


class PoolCounter(Counter):
    """The slots of a pool; deferred task instances are known apart, for the pool may begin or cease to count them."""

    __slots__ = ("deferred", "includes_deferred", "is_known")

    def __init__(self, key: tuple[object, ...], kind: BlockerKind, subject: str) -> None:
        """Start as a pool that does not exist; `define` brings it into being."""
        super().__init__(key, kind, subject, -UNLIMITED)
        self.is_known = False
        self.includes_deferred = False
        self.deferred: dict[TaskInstancePk, int] = {}

    @property
    def is_idle(self) -> bool:
        """Whether it does not exist, nor does anybody use it."""
        return not self.is_known and not self.deferred and super().is_idle

    @property
    def holders(self) -> tuple[TaskInstancePk, ...]:
        """Who takes slots, the deferred ones last where they count."""
        return (*self.held, *self.deferred) if self.includes_deferred else tuple(self.held)

    def define(self, slots: int, *, includes_deferred: bool) -> None:
        """Set the size (-1: unlimited) and whether deferred task instances count."""
        self.is_known = True
        self.total = UNLIMITED if slots == -1 else slots
        if includes_deferred != self.includes_deferred:
            self.includes_deferred = includes_deferred
            self.used += sum(self.deferred.values()) * (1 if includes_deferred else -1)

    def undefine(self) -> None:
        """Let the pool not exist any more; who holds slots keeps them."""
        self.define(0, includes_deferred=False)
        self.is_known = False
        self.total = -UNLIMITED

    def defer(self, ti_pk: TaskInstancePk, size: int) -> None:
        """Note slots of a deferred task instance."""
        self.deferred[ti_pk] = size
        if self.includes_deferred:
            self.used += size

    def give_back(self, ti_pk: TaskInstancePk) -> None:
        """Count what the task instance held or, deferred, wanted no longer."""
        super().give_back(ti_pk)
        size = self.deferred.pop(ti_pk, 0)
        if self.includes_deferred:
            self.used -= size


class Gate:
    """Lets those pass who want `size` of the counter while no more than `total` of it is taken."""

    __slots__ = ("counter", "groups", "refs", "size", "subs", "total")

    def __init__(self, counter: Counter, size: int, total: float | None) -> None:
        """Make a gate; without a `total` that of the counter counts."""
        self.counter = counter
        self.size = size
        self.total = total
        self.groups: Line[Group] = Line()
        """Who was refused here, or waits here without having been refused."""
        self.subs: dict[Sub, None] = {}
        self.refs = 0
        """How many groups and subs have to pass."""

    @property
    def ceiling(self) -> float:
        """How much may be taken in all."""
        return self.counter.total if self.total is None else self.total

    @property
    def is_open(self) -> bool:
        """Whether one more may pass."""
        return self.counter.used + self.size <= self.ceiling


class Group:
    """Candidates that meet the same gates, by their subs."""

    __slots__ = ("all_subs", "gate", "gates", "key", "subs")

    def __init__(self, key: tuple[object, ...], gates: tuple[Gate, ...], gate: Gate) -> None:
        """Make an empty group that stands at `gate`."""
        self.key = key
        self.gates = gates
        self.gate = gate
        self.subs: Line[Sub] = Line()
        self.all_subs: dict[tuple[object, ...], Sub] = {}
        """Those in the line of the group and those that stand at a gate of their task."""


class Sub:
    """Candidates of one group whose task has the same limits of its own, mostly none."""

    __slots__ = ("gate", "gates", "group", "key", "members")

    def __init__(self, key: tuple[object, ...], group: Group, gates: tuple[Gate, ...]) -> None:
        """Make an empty sub in the line of its group."""
        self.key = key
        self.group = group
        self.gates = gates
        self.gate: Gate | None = None
        """Where it was refused; None while it stands in the line of its group."""
        self.members: Line[TaskInstancePk] = Line()


def closed_gate(gates: Sequence[Gate]) -> Gate | None:
    """Give the first gate that lets nobody pass."""
    for gate in gates:
        if not gate.is_open:
            return gate
    return None
