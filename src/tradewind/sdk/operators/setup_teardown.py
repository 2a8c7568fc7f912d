"""`@setup` and `@teardown`: tasks that prepare something for others, and take it down when those have ended."""

from __future__ import annotations

from types import FunctionType

from tradewind.sdk.definitions.task_group import TaskGroupFactory
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.python import python_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def setup(func: Any) -> Any:
    """Make a function, or what another task decorator made of one, a setup task. Raises for a task group."""
    factory = _factory_of(func)
    factory.is_setup = True
    return factory


def teardown(_func: Any = None, *, on_failure_fail_dagrun: bool = False) -> Any:
    """Make a function, or what another task decorator made of one, a teardown task. Raises for a task group.

    With `on_failure_fail_dagrun` its failure fails the run.
    """

    def decorate(func: Any) -> Any:
        factory = _factory_of(func)
        factory.is_teardown = True
        factory.on_failure_fail_dagrun = on_failure_fail_dagrun
        return factory

    return decorate if _func is None else decorate(_func)


def _factory_of(func: Any) -> Any:
    if isinstance(func, TaskGroupFactory):
        raise AirflowException("Task groups cannot be marked as setup or teardown.")
    return python_task(func) if isinstance(func, FunctionType) else func
