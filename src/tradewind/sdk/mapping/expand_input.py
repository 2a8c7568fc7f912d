"""What `expand()` and `expand_kwargs()` are given, and the arguments that it comes to for one map index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from tradewind.sdk.definitions.node import ResolveMixin
from tradewind.sdk.definitions.xcom_arg import XComArg
from tradewind.sdk.mapping.items import is_mapping, is_sequence, item_of
from tradewind.sdk.mapping.stored import source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tradewind.sdk.definitions.operator import BaseOperator


class NotFullyPopulated(RuntimeError):  # noqa: N818 - Airflow's name
    """How many instances there will be is not known yet: it depends on what tasks return."""

    def __init__(self, missing: set[str]) -> None:
        super().__init__(missing)
        self.missing = missing

    def __str__(self) -> str:
        keys = ", ".join(repr(key) for key in sorted(self.missing))
        return f"Failed to populate all mapping metadata; missing: {keys}"


def is_mappable(value: Any) -> bool:
    """Say whether `expand()` takes the value of a keyword: a list, a dict, an XCom, or an argument of a mapped group."""
    return isinstance(value, (MappedArgument, XComArg, Mapping, Sequence)) and not isinstance(value, str)


def is_known_in_file(value: Any) -> bool:
    """Say whether the value of a keyword is a literal."""
    return not isinstance(value, (MappedArgument, XComArg))


class MappedArgument(ResolveMixin):
    """What the function of a mapped task group gets for an argument: the item of the index that a task runs for."""

    def __init__(self, *, input: DictOfListsExpandInput | ListOfDictsExpandInput, key: str) -> None:
        if isinstance(input, DictOfListsExpandInput) and any(
            isinstance(value, MappedArgument) for value in input.value.values()
        ):
            raise ValueError("Nested Mapped TaskGroups are not yet supported")
        self._input = input
        self._key = key

    def __repr__(self) -> str:
        return f"MappedArgument({self._key!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MappedArgument) and (self._key, self._input) == (other._key, other._input)

    def __hash__(self) -> int:
        return hash(self._key)

    def iter_references(self) -> Iterator[tuple[BaseOperator, str]]:
        """Yield the tasks that the group is expanded over."""
        yield from self._input.iter_references()

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Return the argument of the instance's index. Raises ValueError when `expand_kwargs()` has none for it."""
        index = self._index(context)
        data, _ = self._input.resolve_at(index, context)
        try:
            return data[self._key]
        except KeyError:
            msg = f"item {index} that the task group is expanded over has no {self._key!r}: it has {', '.join(data)}"
            raise ValueError(msg) from None

    def _index(self, context: Mapping[str, Any]) -> int:
        """Return the instance's index in the group; in a group within another one an instance has one in each."""
        index = _map_index(context)
        around = list(context["ti"].task.iter_mapped_task_groups())
        if len(around) < 2:
            return index
        place = next(place for place, group in enumerate(around) if group.mapped_over is self._input)
        for group in around[:place]:
            index //= group.mapped_over.size(context)
        return index % self._input.size(context)


class DictOfListsExpandInput(ResolveMixin):
    """The keywords of `expand()`: every combination of their items makes one instance, the last keyword fastest."""

    EXPAND_INPUT_TYPE = "dict-of-lists"

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value: dict[str, Any] = dict(value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DictOfListsExpandInput) and self.value == other.value

    __hash__ = None  # type: ignore[assignment] - it holds a dict

    def get_parse_time_mapped_ti_count(self) -> int:
        """Return how many combinations there are. Raises `NotFullyPopulated` when that depends on a run."""
        if not self.value:
            return 0
        unknown = {key for key, value in self.value.items() if not is_known_in_file(value)}
        if unknown:
            raise NotFullyPopulated(unknown)
        return prod(len(value) for value in self.value.values())

    def iter_references(self) -> Iterator[tuple[BaseOperator, str]]:
        """Yield the tasks that decide how many instances there are; not those whose values are items of a literal."""
        for value in self.value.values():
            if isinstance(value, XComArg):
                yield from value.iter_references()

    def resolve(self, context: Mapping[str, Any]) -> tuple[dict[str, Any], set[int]]:
        """Return the arguments of the instance of `context`, and the ids of the values that no template is in.

        Raises RuntimeError outside a mapped instance and for an index that the values do not reach any more, TypeError
        for an XCom that is no list and no dict.
        """
        return self.resolve_at(_map_index(context), context)

    def resolve_at(self, index: int, context: Mapping[str, Any]) -> tuple[dict[str, Any], set[int]]:
        """Return what `resolve` does, for one of the combinations."""
        sources = {key: self._source(key, value, context) for key, value in self.value.items()}
        places = _places(index, {key: len(source) for key, source in sources.items()})
        data = {key: item_of(source, places[key]) for key, source in sources.items()}
        return data, {id(item) for key, item in data.items() if not is_known_in_file(self.value[key])}

    def size(self, context: Mapping[str, Any]) -> int:
        """Return how many combinations there are in the run of `context`."""
        return prod(len(self._source(key, value, context)) for key, value in self.value.items())

    @staticmethod
    def _source(key: str, value: Any, context: Mapping[str, Any]) -> Any:
        if isinstance(value, XComArg):
            value = source_of(value, context)
        elif isinstance(value, MappedArgument):
            value = value.resolve(context)
        if not is_mapping(value) and not is_sequence(value):
            msg = f"can't map over value of type {type(value).__name__}: {key}= of expand() wants a list or a dict"
            raise TypeError(msg)
        return value


class ListOfDictsExpandInput(ResolveMixin):
    """The list of `expand_kwargs()`: each item has the arguments of one instance."""

    EXPAND_INPUT_TYPE = "list-of-dicts"

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListOfDictsExpandInput) and self.value == other.value

    __hash__ = None  # type: ignore[assignment] - it holds a list

    def get_parse_time_mapped_ti_count(self) -> int:
        """Return the length of a list written in the file. Raises `NotFullyPopulated` for an XCom."""
        if is_sequence(self.value):
            return len(self.value)
        raise NotFullyPopulated({"expand_kwargs() argument"})

    def iter_references(self) -> Iterator[tuple[BaseOperator, str]]:
        """Yield the tasks whose results are the list, or items of it."""
        for value in [self.value] if isinstance(self.value, XComArg) else self.value:
            if isinstance(value, XComArg):
                yield from value.iter_references()

    def resolve(self, context: Mapping[str, Any]) -> tuple[Mapping[str, Any], set[int]]:
        """Return the arguments of the instance of `context`; no value is kept from being a template.

        Raises RuntimeError outside a mapped instance and for an index that the list does not reach any more, ValueError
        for an item that is no dict with text keys.
        """
        return self.resolve_at(_map_index(context), context)

    def resolve_at(self, index: int, context: Mapping[str, Any]) -> tuple[Mapping[str, Any], set[int]]:
        """Return what `resolve` does, for one of the items."""
        source = self._source(context)
        if index >= len(source):
            raise _too_short(index, len(source))
        item: Any = source[index]
        if isinstance(item, ResolveMixin):
            item = item.resolve(context)
        if not is_mapping(item):
            raise ValueError(f"expand_kwargs() expects a list[dict], not list[{_kind(item)}]")
        for key in item:
            if not isinstance(key, str):
                msg = f"expand_kwargs() input dict keys must all be str, but {key!r} is of type {_kind(key)}"
                raise ValueError(msg)  # noqa: TRY004 - Airflow's
        return item, set()

    def size(self, context: Mapping[str, Any]) -> int:
        """Return how many items there are in the run of `context`."""
        return len(self._source(context))

    def _source(self, context: Mapping[str, Any]) -> Sequence[Any]:
        source = source_of(self.value, context) if isinstance(self.value, XComArg) else self.value
        if not is_sequence(source):
            raise ValueError(f"expand_kwargs() expects a list[dict], not {_kind(source)}")
        return source


def _map_index(context: Mapping[str, Any]) -> int:
    index: int | None = context["ti"].map_index
    if index is None or index < 0:
        msg = "can't resolve task-mapping argument without expanding: the task has instances by map index only"
        raise RuntimeError(msg)
    return index


def _places(index: int, sizes: dict[str, int]) -> dict[str, int]:
    """Return for each keyword which of its items an index stands for: the last keyword changes with every index."""
    places: dict[str, int] = {}
    left = index
    for key in reversed(sizes):
        if sizes[key] < 1:
            raise RuntimeError(f"cannot expand field mapped to length {sizes[key]!r}")
        left, places[key] = divmod(left, sizes[key])
    if left:
        raise _too_short(index, prod(sizes.values()))
    return places


def _too_short(index: int, size: int) -> RuntimeError:
    return RuntimeError(
        f"map index {index} has nothing to run for: what the task is expanded over has {size} items by now; "
        "clear the task so that it is expanded again"
    )


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__


ExpandInput = DictOfListsExpandInput | ListOfDictsExpandInput
EXPAND_INPUT_EMPTY = DictOfListsExpandInput({})
