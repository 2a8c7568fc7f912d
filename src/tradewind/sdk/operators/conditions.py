"""`@task.run_if` and `@task.skip_if`: a condition on the context decides whether a task runs."""

from __future__ import annotations

from functools import wraps

from tradewind.sdk.definitions.taskflow import TaskFactory
from tradewind.sdk.exceptions import AirflowSkipException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeGuard

_MESSAGE = "Task was skipped due to condition."


def run_if(condition: Callable[[Any], Any], skip_message: str | None = None) -> Callable[[Any], Any]:
    """Run a decorated task only when `condition(context)` is true; it may return a message too: `(False, "why")`.

    It stands above `@task`, and decides before the task runs but after its templates are rendered. Raises TypeError
    for what no task decorator made.
    """
    return _decorator("run_if", condition, skip_message, is_run_if=True)


def skip_if(condition: Callable[[Any], Any], skip_message: str | None = None) -> Callable[[Any], Any]:
    """Skip a decorated task when `condition(context)` is true; otherwise as `run_if`."""
    return _decorator("skip_if", condition, skip_message, is_run_if=False)


def _decorator(
    name: str, condition: Callable[[Any], Any], skip_message: str | None, *, is_run_if: bool
) -> Callable[[Any], Any]:
    def decorate(factory: Any) -> Any:
        if not isinstance(factory, TaskFactory):
            raise TypeError(f"{name} can only be used with task. decorate with @task before @{name}.")
        check = _check(condition, skip_message or _MESSAGE, is_run_if=is_run_if)
        factory.kwargs["pre_execute"] = _one_after_the_other(factory.kwargs.get("pre_execute"), check)
        return factory

    return decorate


def _check(condition: Callable[[Any], Any], skip_message: str, *, is_run_if: bool) -> Callable[[Any], None]:
    @wraps(condition)
    def check(context: Any) -> None:
        given: Any = condition(context)
        answer, message = given if _is_pair(given) else (given, None)
        if bool(answer) is not is_run_if:
            raise AirflowSkipException(message or skip_message)

    return check


def _one_after_the_other(first: Callable[[Any], Any] | None, second: Callable[[Any], Any]) -> Callable[[Any], None]:
    def both(context: Any) -> None:
        if first is not None:
            first(context)
        second(context)

    return both


def _is_pair(value: Any) -> TypeGuard[tuple[Any, Any]]:
    return isinstance(value, tuple)
