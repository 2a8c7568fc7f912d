"""What a missed deadline calls: a function or a notifier, by itself or by its dotted path, with arguments."""

from __future__ import annotations

import inspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Callback:
    """A function, and the keyword arguments it is called with beside `context`.

    Raises ValueError for an argument `context`, and ImportError for a text that is no dotted path.
    """

    def __init__(self, callback_callable: Callable[..., Any] | str, kwargs: dict[str, Any] | None = None) -> None:
        if kwargs and "context" in kwargs:
            raise ValueError("context is a reserved kwarg for this class: a deadline's callback gets it by itself")
        self._callable = None if isinstance(callback_callable, str) else callback_callable
        if self._callable is not None:
            self.verify_callable(self._callable)
        self.path = _path_of(callback_callable)
        self.kwargs = kwargs or {}

    @classmethod
    def verify_callable(cls, callback: Any) -> None:
        """Raise AttributeError for what cannot be called in this way."""
        if not callable(callback):
            raise AttributeError(  # noqa: TRY004 - as of one that is not awaitable
                f"the callback {callback!r} is not callable. It has to be a function, or the import path of one"
            )

    @classmethod
    def get_callback_path(cls, callback: Any) -> str:
        """Return the dotted path of a function, or the checked path of a text.

        Raises ImportError for what is no path, AttributeError for a path at which nothing can be called.
        """
        if callable(callback):
            return _path_of(callback)
        path = _path_of(callback)
        from tradewind.sdk.toolkit.loading import import_string  # noqa: PLC0415 - few files ask

        try:
            found = import_string(path)
        except ImportError:
            return path  # it may be there where the callback is called
        if not callable(found):
            raise AttributeError(f"{path!r} is not callable.")  # noqa: TRY004 - as `verify_callable`
        return path

    def find(self) -> Callable[..., Any]:
        """Return the function; imported where it was given by its path."""
        if self._callable is not None:
            return self._callable
        from tradewind.sdk.toolkit.loading import import_string  # noqa: PLC0415 - only when a deadline was missed

        found = import_string(self.path)
        self.verify_callable(found)
        return found

    def serialize(self) -> dict[str, Any]:
        """Return the callback as plain data."""
        return {"path": self.path, "kwargs": self.kwargs}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Callback) and self.serialize() == other.serialize()

    def __hash__(self) -> int:
        return hash((type(self), self.path, repr(sorted(self.kwargs.items()))))


class SyncCallback(Callback):
    """A function that is called in a worker. `executor` is for Airflow; there is one pool of workers here."""

    def __init__(
        self,
        callback_callable: Callable[..., Any] | str,
        kwargs: dict[str, Any] | None = None,
        executor: str | None = None,
    ) -> None:
        super().__init__(callback_callable, kwargs)
        self.executor = executor

    def serialize(self) -> dict[str, Any]:
        """Return the callback as plain data."""
        return {**super().serialize(), "executor": self.executor}


class AsyncCallback(Callback):
    """A coroutine function, or a notifier class that can be awaited: run in a worker, in an event loop of its own."""

    @classmethod
    def verify_callable(cls, callback: Any) -> None:
        """Raise AttributeError for what gives nothing to await."""
        if not (inspect.iscoroutinefunction(callback) or hasattr(callback, "__await__")):
            raise AttributeError(f"the callback {callback!r} is not awaitable: write `async def`, or use SyncCallback")


def call(callback: Callback, context: Any) -> None:
    """Call the function with its arguments, and the context where it takes one; wait for what can be awaited.

    A class, such as a notifier, is made with the arguments and called with the context.
    """
    import asyncio

    function = callback.find()
    is_async = isinstance(callback, AsyncCallback)
    if isinstance(function, type):
        made: Any = function(**callback.kwargs)
        if is_async:
            made.context = context
            asyncio.run(_awaited(made))
        else:
            made(context)
        return
    arguments = dict(callback.kwargs)
    if _takes_context(function):
        arguments["context"] = context
    found = function(**arguments)
    if inspect.isawaitable(found):
        asyncio.run(_awaited(found))


async def _awaited(thing: Any) -> Any:
    return await thing


def _takes_context(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters
    return "context" in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values())


def _path_of(callback: Any) -> str:
    if callable(callback):
        return f"{callback.__module__}.{callback.__qualname__}"
    path = callback.strip() if isinstance(callback, str) else ""
    if "." not in path or not all(part.isidentifier() for part in path.split(".")):
        raise ImportError(f"{callback!r} doesn't look like a valid dot path. Write package.module.function")
    return path
