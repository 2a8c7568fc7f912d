"""Marks of hook implementations, as the library pluggy sets and reads them; it need not be installed for them."""

from __future__ import annotations

import inspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class HookimplMarker:
    """Decorator that says of a function which project's hook of its name it implements."""

    def __init__(self, project_name: str) -> None:
        self.project_name = project_name

    def __call__(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Mark the function; called with options only, return the decorator."""

        def mark(marked: Callable[..., Any]) -> Callable[..., Any]:
            setattr(marked, f"{self.project_name}_impl", {"specname": None, **options})
            return marked

        return mark if function is None else mark(function)


def implementation(listener: Any, hook: str, project_name: str) -> Callable[..., Any] | None:
    """Return what a module or object implements a hook with, None for nothing that is marked."""
    function = getattr(listener, hook, None)
    return function if callable(function) and hasattr(function, f"{project_name}_impl") else None


def call_with_known(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call an implementation with those of the arguments that it names: an old one may know fewer, or more.

    An argument that the hook does not have any more is None.
    """
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return function(**arguments)
    return function(**{name: arguments.get(name) for name in parameters})
