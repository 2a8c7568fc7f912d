"""A stand-in for a value that costs something to get: it fetches the value when it is first used, then acts as it."""

from __future__ import annotations

import operator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_UNARY: dict[str, Callable[..., Any]] = {
    "__abs__": abs,
    "__bool__": bool,
    "__bytes__": bytes,
    "__float__": float,
    "__hash__": hash,
    "__index__": operator.index,
    "__int__": int,
    "__invert__": operator.invert,
    "__iter__": iter,
    "__len__": len,
    "__neg__": operator.neg,
    "__next__": next,
    "__pos__": operator.pos,
    "__repr__": repr,
    "__reversed__": reversed,
    "__str__": str,
}
_BINARY: dict[str, Callable[..., Any]] = {
    **{
        f"__{name}__": getattr(operator, f"__{name}__")
        for name in "add and contains eq floordiv ge getitem gt le lt mod mul ne or pow sub truediv xor".split()  # noqa: SIM905
    },
    "__divmod__": divmod,
    "__format__": format,
}
_REFLECTED = ("add", "and", "divmod", "floordiv", "mod", "mul", "or", "pow", "sub", "truediv", "xor")


class LazyValue:
    """Acts as what `fetch()` returns, which is called at the first use of any kind."""

    __slots__ = ("_fetch", "_value")

    def __init__(self, fetch: Callable[[], Any]) -> None:
        object.__setattr__(self, "_fetch", fetch)

    def __getattr__(self, name: str) -> Any:
        return getattr(_value_of(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_value_of(self), name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the value."""
        return _value_of(self)(*args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle as the value."""
        return _itself, (_value_of(self),)

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - isinstance() asks for it
        """The class of the value."""
        value: Any = _value_of(self)
        return value.__class__


def _value_of(lazy: LazyValue) -> Any:
    try:
        return object.__getattribute__(lazy, "_value")
    except AttributeError:
        value = object.__getattribute__(lazy, "_fetch")()
        object.__setattr__(lazy, "_value", value)
        return value


def _itself(value: Any) -> Any:
    """Return the value: what an unpickled stand-in becomes."""
    return value


def _unary(operation: Callable[[Any], Any]) -> Callable[[LazyValue], Any]:
    return lambda self: operation(_value_of(self))


def _binary(operation: Callable[[Any, Any], Any]) -> Callable[[LazyValue, Any], Any]:
    return lambda self, other: operation(_value_of(self), other)


def _reflected(operation: Callable[[Any, Any], Any]) -> Callable[[LazyValue, Any], Any]:
    return lambda self, other: operation(other, _value_of(self))


for _name, _operation in _UNARY.items():
    setattr(LazyValue, _name, _unary(_operation))
for _name, _operation in _BINARY.items():
    setattr(LazyValue, _name, _binary(_operation))
for _name in _REFLECTED:
    setattr(LazyValue, f"__r{_name}__", _reflected(_BINARY[f"__{_name}__"]))
