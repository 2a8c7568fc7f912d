"""What Airflow offers around database sessions, which here are read-only; and a decorator that does nothing."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from inspect import signature

from tradewind.sdk.queries.session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["NEW_SESSION", "Session", "apply_defaults", "create_session", "provide_session"]

NEW_SESSION: Any = None
"""Default of `session` arguments: none was passed."""


@contextmanager
def create_session(*_args: Any, **_kwargs: Any) -> Generator[Session]:
    """Give a session for the block."""
    yield Session()


def provide_session(func: F) -> F:
    """Pass a session to a function that is called without one."""
    names = list(signature(func).parameters)
    place = names.index("session") if "session" in names else len(names)

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) <= place and kwargs.get("session") is None:
            kwargs["session"] = Session()
        return func(*args, **kwargs)

    wrapped: Any = call
    return wrapped


def apply_defaults(func: F) -> F:
    """Return the function: operators apply `default_args` without it."""
    return func
