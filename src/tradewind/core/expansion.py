"""How many instances a mapped task has: a length made of literal lengths and of what other tasks return.

The rules are Airflow's: a length is known when every part of it is; zipped lengths give the shortest, or with a fill value
the longest; the keywords of `expand()` multiply.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Literal:
    """What the author wrote down: as long as it is."""

    count: int


@dataclass(frozen=True, slots=True)
class Returned:
    """What a task returns. A task with several instances returns one value for each."""

    index: int
    """Of the task, in `CompiledDag.nodes`."""


@dataclass(frozen=True, slots=True)
class Zipped:
    """Lists side by side."""

    parts: tuple[Expansion, ...]
    is_longest: bool = False
    """The shorter ones are filled up."""


@dataclass(frozen=True, slots=True)
class Concatenated:
    """Lists one after the other."""

    parts: tuple[Expansion, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Every combination: one factor for each keyword of `expand()`."""

    parts: tuple[Expansion, ...]


Expansion = Literal | Returned | Zipped | Concatenated | Product


def length(expansion: Expansion, returned: Callable[[int], int | None]) -> int | None:
    """Return how many instances there are, None while a part is not known.

    `returned` gives the length of what the task of an index returned, None while it is not known.
    """
    if isinstance(expansion, Literal):
        return expansion.count
    if isinstance(expansion, Returned):
        return returned(expansion.index)
    known = [found for part in expansion.parts if (found := length(part, returned)) is not None]
    if len(known) < len(expansion.parts):
        return None
    if isinstance(expansion, Zipped):
        return (max if expansion.is_longest else min)(known)
    return sum(known) if isinstance(expansion, Concatenated) else prod(known)


def sources(expansion: Expansion) -> Iterator[int]:
    """Give the indexes of the tasks that the length depends on; one that is named twice comes twice."""
    if isinstance(expansion, Returned):
        yield expansion.index
    elif not isinstance(expansion, Literal):
        for part in expansion.parts:
            yield from sources(part)
