"""Looking at author functions."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tradewind.sdk.toolkit.callables import is_async_callable, remove_task_decorator


def plain(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


class Wrapped:
    """Called through a decorator."""

    @plain
    async def __call__(self) -> int:
        """Give a number."""
        return 1


def test_a_decorated_call_method_is_async() -> None:
    assert is_async_callable(Wrapped())


@pytest.mark.parametrize(
    "decorator", ["@task.docker", "@task.docker()", '@task.docker(image="a")', '@task.docker(\n    image="a(",\n)']
)
def test_a_task_decorator_is_taken_off_with_its_arguments(decorator: str) -> None:
    body = "@other\ndef f():\n    return 1\n"
    assert remove_task_decorator(f"{decorator}\n{body}", "@task.docker") == body
    assert remove_task_decorator(f"@first\n{decorator}\n{body}", "@task.docker") == f"@first\n{body}"


def test_a_source_without_the_decorator_stays_as_it_is() -> None:
    assert (
        remove_task_decorator("@task.docker_stub\ndef f(): ...\n", "@task.docker")
        == "@task.docker_stub\ndef f(): ...\n"
    )
