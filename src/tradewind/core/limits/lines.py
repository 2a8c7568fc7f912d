"""A line: items in the order of their keys, where an item may change its key or leave at any time."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

Key = tuple[float, ...]
"""Compares like the order in which candidates are served."""

_Item = TypeVar("_Item")

_SLACK = 32
"""So many outdated entries are worth no clearing up."""


class Line(Generic[_Item]):
    """A heap that forgets lazily: each operation costs O(log n), amortized, n being the items in it."""

    __slots__ = ("_heap", "_keys", "_serial")

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[Key, int, _Item]] = []
        self._keys: dict[_Item, Key] = {}
        # Told apart by number, items of equal keys are never compared with each other.
        self._serial = 0

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, item: _Item, key: Key) -> None:
        """Let `item` stand where `key` says, wherever it stood before."""
        if self._keys.get(item) == key:
            return
        self._keys[item] = key
        self._serial += 1
        heappush(self._heap, (key, self._serial, item))
        if len(self._heap) > 2 * len(self._keys) + _SLACK:
            self._heap = [entry for entry in self._heap if self._keys.get(entry[2]) == entry[0]]
            heapify(self._heap)

    def drop(self, item: _Item) -> None:
        """Let `item` leave; nothing happens when it is not there."""
        self._keys.pop(item, None)

    def first(self) -> tuple[Key, _Item]:
        """Give the first item with its key; raises IndexError when nobody stands in line."""
        heap = self._heap
        while True:
            key, _, item = heap[0]
            if self._keys.get(item) == key:
                return key, item
            heappop(heap)

    def pop(self) -> _Item:
        """Let the first item leave and give it; raises IndexError when nobody stands in line."""
        item = self.first()[1]
        del self._keys[item]
        return item
