"""Questions about values, and lists and dicts made from others."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from typing import Any, TypeGuard, TypeVar

    T = TypeVar("T")
    S = TypeVar("S")


def is_container(obj: Any) -> bool:
    """Say whether `obj` can be iterated and is no text."""
    return hasattr(obj, "__iter__") and not isinstance(obj, str)


def is_dict(obj: Any) -> TypeGuard[dict[Any, Any]]:
    """Say whether `obj` is a dict, of anything."""
    return isinstance(obj, dict)


def is_list(obj: Any) -> TypeGuard[list[Any]]:
    """Say whether `obj` is a list, of anything."""
    return isinstance(obj, list)


def as_tuple(obj: Any) -> tuple[Any, ...]:
    """Return the items of a container, or a tuple of the one value."""
    return tuple(obj) if is_container(obj) else (obj,)


def chunks(items: list[T], chunk_size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `chunk_size`. Raises ValueError for a size below 1."""
    if chunk_size <= 0:
        raise ValueError("Chunk size must be a positive integer")
    for start in range(0, len(items), chunk_size):
        yield items[start : start + chunk_size]


def reduce_in_chunks(fn: Callable[[S, list[T]], S], iterable: list[T], initializer: S, chunk_size: int = 0) -> S:
    """Fold the chunks of a list with `fn`, from `initializer` on; a size of 0 makes one chunk of all."""
    result = initializer
    if iterable:
        for chunk in chunks(iterable, chunk_size or len(iterable)):
            result = fn(result, chunk)
    return result


def as_flattened_list(iterable: Iterable[Iterable[T]]) -> list[T]:
    """Return the items of the items."""
    return [item for inner in iterable for item in inner]


def partition(pred: Callable[[T], bool], iterable: Iterable[T]) -> tuple[Iterable[T], Iterable[T]]:
    """Return what `pred` says no to, and what it says yes to."""
    refused: list[T] = []
    taken: list[T] = []
    for item in iterable:
        (taken if pred(item) else refused).append(item)
    return refused, taken


def exactly_one(*args: Any) -> bool:
    """Say whether one argument and no other is true. Raises ValueError when the first is itself a container."""
    if is_container(args[0]):
        raise ValueError("exactly_one() takes the values themselves: unpack the iterable with `*`")
    return sum(map(bool, args)) == 1


def at_most_one(*args: Any) -> bool:
    """Say whether no argument, or only one, is true; NOTSET counts as false."""
    from tradewind.sdk.toolkit.kinds import NOTSET  # noqa: PLC0415 - only this one needs it

    return sum(bool(arg) for arg in args if arg is not NOTSET) <= 1


def merge_dicts(dict1: dict[Any, Any], dict2: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a new dict with the entries of both, those of the second winning, dicts inside merged in turn."""
    merged = dict1.copy()
    for key, value in dict2.items():
        if key in merged and is_dict(value):
            merged[key] = merge_dicts(merged[key], value)
        else:
            merged[key] = value
    return merged


def prune_dict(val: Any, mode: str = "strict") -> Any:
    """Return dicts and lists without their empty entries, at every depth.

    Empty is None with the mode "strict", whatever is false with "truthy". Raises ValueError for another mode.
    """
    if mode not in {"strict", "truthy"}:
        raise ValueError("allowable values for `mode` include 'truthy' and 'strict'")

    def is_empty(value: Any) -> bool:
        return value is None if mode == "strict" else not value

    def prune(value: Any) -> Any:
        if is_dict(value):
            pruned = {key: prune(item) for key, item in value.items() if not is_empty(item)}
            return {key: item for key, item in pruned.items() if not is_empty(item)}
        if is_list(value):
            return [item for item in (prune(item) for item in value if not is_empty(item)) if not is_empty(item)]
        return value

    return prune(val)


def prevent_duplicates(kwargs1: Collection[str], kwargs2: Mapping[str, Any], *, fail_reason: str) -> None:
    """Raise TypeError when both have a key."""
    both = sorted(set(kwargs1).intersection(kwargs2))
    if both:
        named = "argument" if len(both) == 1 else "arguments"
        raise TypeError(f"{fail_reason} {named}: {', '.join(both)}")


def convert_camel_to_snake(camel_str: str) -> str:
    """Return `CamelCase` as `camel_case`."""
    import re  # noqa: PLC0415 - only this one needs it

    return re.sub(r"(?!^)([A-Z]+)", r"_\1", camel_str).lower()
