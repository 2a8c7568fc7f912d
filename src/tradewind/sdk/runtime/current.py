"""The context of the task at work in this process, for code that was not handed one."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar

from tradewind.config.secrets import parsing_context_in_environment
from tradewind.sdk.exceptions import AirflowException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from contextvars import Token

    from tradewind.sdk.runtime.context import Context

_current: ContextVar[Context | None] = ContextVar("current_task_context", default=None)


class NoCurrentContextError(AirflowException, RuntimeError):
    """`get_current_context()` was called where no task runs. Airflow 2 raises AirflowException, 3 RuntimeError."""


class ParsingContext:
    """For which DAG and task a file is loaded; both None where it is loaded for all of them."""

    __slots__ = ("dag_id", "task_id")

    def __init__(self, dag_id: str | None, task_id: str | None) -> None:
        self.dag_id = dag_id
        self.task_id = task_id


def get_current_context() -> Context:
    """Return the context of the task at work. Raises `NoCurrentContextError` when there is none."""
    context = _current.get()
    if context is None:
        raise NoCurrentContextError(
            "Current context was requested but no context was found! get_current_context() works inside a running "
            "task only: in execute(), a @task function or what they call, not at the top level of a DAG file"
        )
    return context


def set_context(context: Context | None) -> Token[Context | None]:
    """Make `context` the current one; hand the token to `reset_context`."""
    return _current.set(context)


def reset_context(token: Token[Context | None]) -> None:
    """Make the context before `set_context` the current one again."""
    _current.reset(token)


@contextmanager
def set_current_context(context: Context) -> Generator[Context]:
    """Make `context` the current one for the block."""
    token = set_context(context)
    try:
        yield context
    finally:
        reset_context(token)


def get_parsing_context() -> ParsingContext:
    """Return for which DAG and task the file is being loaded: a file that makes many DAGs may make that one only."""
    return ParsingContext(*parsing_context_in_environment())
