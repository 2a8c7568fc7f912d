"""References made of other references: `.map(f)`, `.zip(...)` and `.concat(...)` of an XCom."""

from __future__ import annotations

from tradewind.sdk.definitions.xcom_arg import XComArg
from tradewind.sdk.mapping.items import ConcatResult, MapResult, ZipResult, is_mappable_value
from tradewind.sdk.toolkit.kinds import NOTSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from tradewind.sdk.definitions.operator import BaseOperator


class CombinedXComArg(XComArg):
    """A reference whose value is made of those of others."""

    args: Sequence[XComArg]
    """The others."""
    verb: str
    """What is done with them, for messages."""

    def __new__(cls, *_args: Any, **_kwargs: Any):  # noqa: ANN204, D102 - typing.Self is not in Python 3.10
        return object.__new__(cls)

    def iter_references(self) -> Iterator[tuple[BaseOperator, str]]:
        """Yield the tasks and keys of the others."""
        for arg in self.args:
            yield from arg.iter_references()

    def combine(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the items that the values of the others come to."""
        raise NotImplementedError

    def over(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the items that the values come to. Raises ValueError for one that is no list and no dict."""
        for value in values:
            if not is_mappable_value(value):
                raise ValueError(f"XCom {self.verb} expects sequence or dict, not {type(value).__name__}")
        return self.combine(values)

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Return the items for the run of `context`, computed as they are asked for. Raises ValueError as `over`."""
        return self.over([arg.resolve(context) for arg in self.args])


class MapXComArg(CombinedXComArg):
    """The items of a reference, each put through functions. Raises ValueError for a function that is a `@task`."""

    verb = "map"

    def __init__(self, arg: XComArg, callables: Sequence[Callable[[Any], Any]]) -> None:
        self.arg = arg
        self.args = (arg,)
        self.callables = list(callables)
        if any(getattr(function, "_airflow_is_task_decorator", False) for function in self.callables):
            raise ValueError("map() argument must be a plain function, not a @task operator")

    def __repr__(self) -> str:
        names = "".join(f".map({getattr(function, '__name__', '<function>')})" for function in self.callables)
        return f"{self.arg!r}{names}"

    def map(self, f: Callable[[Any], Any]) -> MapXComArg:
        """Return a reference to the items put through another function as well."""
        return MapXComArg(self.arg, [*self.callables, f])

    def combine(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the items put through the functions."""
        return MapResult(values[0], self.callables)


class ZipXComArg(CombinedXComArg):
    """Tuples of the items at one index of several references."""

    verb = "zip"

    def __init__(self, args: Sequence[XComArg], *, fillvalue: Any = NOTSET) -> None:
        self.args = _given(args, "zip")
        self.fillvalue = fillvalue

    def __repr__(self) -> str:
        first, *others = map(repr, self.args)
        if self.fillvalue is not NOTSET:
            others.append(f"fillvalue={self.fillvalue!r}")
        return f"{first}.zip({', '.join(others)})"

    def combine(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the tuples."""
        return ZipResult(values, fillvalue=self.fillvalue)


class ConcatXComArg(CombinedXComArg):
    """The items of several references one after the other."""

    verb = "concat"

    def __init__(self, args: Sequence[XComArg]) -> None:
        self.args = _given(args, "concat")

    def __repr__(self) -> str:
        first, *others = map(repr, self.args)
        return f"{first}.concat({', '.join(others)})"

    def concat(self, *others: XComArg) -> ConcatXComArg:
        """Return a reference to these items with those of others after them."""
        return ConcatXComArg([*self.args, *others])

    def combine(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the items."""
        return ConcatResult(values)


def _given(args: Sequence[Any], verb: str) -> Sequence[XComArg]:
    for arg in args:
        if not isinstance(arg, XComArg):
            raise TypeError(f"{verb}() takes XComs, such as task.output; got {type(arg).__name__}: {arg!r}")
    return args
