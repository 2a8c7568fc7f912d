"""Items of what a task is expanded over: lists, the entries of dicts, and what `map`, `zip` and `concat` make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from operator import index as as_index

from tradewind.sdk.toolkit.kinds import NOTSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeGuard

_UNCHANGING = (str, int, float, bool, bytes, type(None))


def is_mappable_value(value: Any) -> TypeGuard[Sequence[Any] | dict[Any, Any]]:
    """Say whether tasks can be expanded over what a task returned: an ordered collection, and no text."""
    return isinstance(value, (Sequence, dict)) and not isinstance(value, (bytearray, bytes, str))


def is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    """Say whether it is a dict or alike, of anything."""
    return isinstance(value, Mapping)


def is_sequence(value: Any) -> TypeGuard[Sequence[Any]]:
    """Say whether it is a list or alike, of anything, and no text."""
    return isinstance(value, Sequence) and not isinstance(value, str)


class LazyItems(Sequence["Any"]):
    """A sequence whose items are fetched or computed when they are asked for. Becomes a list where it is pickled."""

    def __getitem__(self, index: Any) -> Any:
        """Return the item at a place, counted from the end where it is negative, or the list of a slice's items.

        Raises IndexError, and TypeError for what is no number.
        """
        size = len(self)
        if isinstance(index, slice):
            return [self.at(place) for place in range(*index.indices(size))]  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        place = as_index(index)
        if place < 0:
            place += size
        if not 0 <= place < size:
            raise IndexError(f"list index out of range: {index} of {size} items")
        return self.at(place)

    def __eq__(self, other: object) -> bool:
        if not is_sequence(other):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other))  # noqa: B905 - of one length

    __hash__ = None  # type: ignore[assignment] - as a list's

    def __reduce__(self) -> Any:
        return list, (list(self),)

    def at(self, place: int) -> Any:
        """Return the item at a place that there is."""
        raise NotImplementedError


class SharedItems(LazyItems):
    """A list, or the entries of a dict, that many tries of a process read: each gets copies of its own."""

    def __init__(self, value: Sequence[Any] | dict[Any, Any]) -> None:
        self.is_dict = isinstance(value, dict)
        self._items: Sequence[Any] = list(value.items()) if isinstance(value, dict) else value

    def __len__(self) -> int:
        return len(self._items)

    def at(self, place: int) -> Any:
        """Return a copy of an item, of a dict's entry as a tuple of key and value."""
        item = self._items[place]
        return item if isinstance(item, _UNCHANGING) else deepcopy(item)


class MapResult(LazyItems):
    """The items of another sequence, each put through functions when it is asked for."""

    def __init__(self, value: Any, callables: Sequence[Callable[[Any], Any]]) -> None:
        self.value = value
        self.callables = callables

    def __len__(self) -> int:
        return len(self.value)

    def at(self, place: int) -> Any:
        """Return what the functions make of an item."""
        item = item_of(self.value, place)
        for function in self.callables:
            item = function(item)
        return item


class ZipResult(LazyItems):
    """Tuples of the items at one place of several sequences; with a fill value as many as the longest has."""

    def __init__(self, values: Sequence[Any], *, fillvalue: Any = NOTSET) -> None:
        self.values = values
        self.fillvalue = fillvalue

    def __len__(self) -> int:
        sizes = [len(value) for value in self.values]
        return min(sizes) if self.fillvalue is NOTSET else max(sizes)

    def at(self, place: int) -> Any:
        """Return the tuple at a place."""
        return tuple(item_of(value, place) if place < len(value) else self.fillvalue for value in self.values)


class ConcatResult(LazyItems):
    """The items of several sequences one after the other; of a dict its keys, as in Airflow."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values

    def __len__(self) -> int:
        return sum(len(value) for value in self.values)

    def at(self, place: int) -> Any:
        """Return the item at a place. Raises IndexError when the sequences have shrunk meanwhile."""
        for value in self.values:
            if place < len(value):
                item = item_of(value, place)
                is_dict = isinstance(value, dict) or (isinstance(value, SharedItems) and value.is_dict)
                return item[0] if is_dict else item
            place -= len(value)
        raise IndexError(place)


def item_of(source: Any, place: int) -> Any:
    """Return an item, of a dict the entry at that place as a tuple of key and value. Raises IndexError."""
    if not is_mapping(source):
        return source[place]
    for number, entry in enumerate(source.items()):
        if number == place:
            return entry
    raise IndexError(f"index {place} is over mapped length")
