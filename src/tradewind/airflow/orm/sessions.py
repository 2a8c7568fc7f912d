"""What Airflow offers around database sessions, for code that only passes them on; and decorators that do nothing."""

from __future__ import annotations

import functools
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, NoReturn, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

NEW_SESSION: Any = None
"""Default of `session` arguments: none was passed."""


class NoDatabaseError(RuntimeError):
    """Author code used a database session."""


class Session:
    """Stands for a database session and refuses every use of it."""

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise NoDatabaseError(
            f"session.{name}: Tradewind gives DAG files no database session. Use Variable, Connection, XCom, "
            "DagRun.find() or the REST API instead"
        )


@contextmanager
def create_session(*_args: Any, **_kwargs: Any) -> Generator[Session]:
    """Give a session that refuses every use."""
    yield Session()


def provide_session(func: F) -> F:
    """Pass a session that refuses every use to a function that is called without one."""

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("session") is None:
            kwargs["session"] = Session()
        return func(*args, **kwargs)

    wrapped: Any = call
    return wrapped


def apply_defaults(func: F) -> F:
    """Return the function: operators apply `default_args` without it."""
    return func
