"""Call author functions with those keywords that they take, and the environment names a task's context gives to others."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from datetime import datetime

from tradewind.sdk.toolkit.values import is_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Any, TypeVar

    R = TypeVar("R")

DEFAULT_FORMAT_PREFIX = "airflow.ctx."
ENV_VAR_FORMAT_PREFIX = "AIRFLOW_CTX_"

_FACTS = (
    ("task", "email", "dag_email"),
    ("task", "owner", "dag_owner"),
    ("task_instance", "dag_id", "dag_id"),
    ("task_instance", "task_id", "task_id"),
    ("dag_run", "logical_date", "execution_date"),
    ("dag_run", "logical_date", "logical_date"),
    ("task_instance", "try_number", "try_number"),
    ("dag_run", "run_id", "dag_run_id"),
)
"""Key of the context, attribute of what lies there, and the name under which it is given on."""


class KeywordParameters:
    """The keywords of a mapping that a callable takes."""

    def __init__(self, kwargs: Mapping[str, Any], *, wildcard: bool) -> None:
        self._kwargs = kwargs
        self._wildcard = wildcard

    @classmethod
    def determine(cls, func: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]) -> KeywordParameters:
        """Choose from `kwargs` what `func` takes besides the positional `args`.

        Raises ValueError when a positional argument is named like one of the keywords.
        """
        parameters = inspect.signature(func).parameters
        for name in list(parameters)[: len(args)]:
            if name in kwargs:
                raise ValueError(f"The key {name!r} in args is a part of kwargs and therefore reserved.")
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            return cls(kwargs, wildcard=True)
        return cls({name: kwargs[name] for name in parameters if name in kwargs}, wildcard=False)

    def unpacking(self) -> Mapping[str, Any]:
        """Return the keywords for a call with `**`: what of a context is costly is computed when the callee uses it."""
        spread = getattr(self._kwargs, "for_unpacking", None)
        return spread() if self._wildcard and spread is not None else self._kwargs

    def serializing(self) -> Mapping[str, Any]:
        """Return the keywords with their values as they are, to write them down."""
        return self._kwargs


def determine_kwargs(func: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return those of `kwargs` that `func` takes besides the positional `args`."""
    return KeywordParameters.determine(func, args, kwargs).unpacking()


def make_kwargs_callable(func: Callable[..., R]) -> Callable[..., R]:
    """Return a function that takes any keywords and hands on those that `func` knows."""

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> R:
        return func(*args, **determine_kwargs(func, args, kwargs))

    return call


def unwrap_callable(func: Any) -> Any:
    """Return what is called in the end: without `functools.partial`, decorators and task decorators round it."""
    while True:
        if isinstance(func, functools.partial):
            func = func.func
        elif not isinstance(func, type) and callable(inner := getattr(func, "function", None)):
            func = inner
        else:
            break
    return inspect.unwrap(func)


def is_async_callable(func: Any) -> bool:
    """Return whether a call gives something to await."""
    func = unwrap_callable(func)
    if inspect.iscoroutinefunction(func):
        return True
    call = getattr(func, "__call__", None)  # noqa: B004 - it is looked at, not asked
    return call is not None and inspect.iscoroutinefunction(inspect.unwrap(call))


def source_of(func: Callable[..., Any], *, is_undecorated: bool = False) -> str:
    """Return the source of a function, to the left as far as that leaves its texts alone.

    With `is_undecorated` it begins at the `def`. Raises OSError when the source is not to be had.
    """
    source = textwrap.dedent(inspect.getsource(func))
    if not is_undecorated:
        return source
    # A function of a block may have a text that reaches further left, and keep its indentation.
    is_indented = source[:1].isspace()
    body: Any = ast.parse(f"if True:\n{source}" if is_indented else source).body
    definition = body[0].body[0] if is_indented else body[0]
    return "".join(source.splitlines(keepends=True)[definition.lineno - 1 - is_indented :])


def remove_task_decorator(python_source: str, task_decorator_name: str) -> str:
    """Return the source of a function without one decorator, such as `@task.virtualenv`, and without its arguments.

    Decorators of provider packages call it for the source that they run elsewhere.
    """
    lines = python_source.splitlines(keepends=True)
    for number, line in enumerate(lines):
        name, bracket, _ = line.strip().partition("(")
        if name == task_decorator_name:
            end = _end_of_brackets(lines, number) if bracket else number
            return "".join(lines[:number] + lines[end + 1 :])
    return python_source


def _end_of_brackets(lines: list[str], start: int) -> int:
    """Return the number of the line at which a decorator that begins at `start` can be read as Python."""
    for end in range(start, len(lines)):
        try:
            ast.parse(textwrap.dedent("".join(lines[start : end + 1])).strip().removeprefix("@"))
        except SyntaxError:
            continue
        return end
    return start


def context_to_airflow_vars(context: Mapping[str, Any], in_env_var_format: bool = False) -> dict[str, str]:
    """Return what identifies the task instance, for a process it starts.

    Names are `airflow.ctx.dag_id` or, in environment format, `AIRFLOW_CTX_DAG_ID`; bash tasks find the latter set.
    """
    prefix = ENV_VAR_FORMAT_PREFIX if in_env_var_format else DEFAULT_FORMAT_PREFIX
    facts: dict[str, str] = {}
    for key, attribute, name in _FACTS:
        value = getattr(context.get(key), attribute, None)
        if value:
            facts[prefix + (name.upper() if in_env_var_format else name)] = _as_text(value)
    return facts


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return ",".join(map(str, value)) if is_list(value) else str(value)
