"""`PythonSensor` and `@task.sensor`: a function says whether the wait is over."""

from __future__ import annotations

from copy import copy

from tradewind.sdk.definitions.taskflow import get_unique_task_id, task_decorator_factory
from tradewind.sdk.sensors.sensor import BaseSensorOperator, PokeReturnValue
from tradewind.sdk.toolkit.callables import determine_kwargs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


class PythonSensor(BaseSensorOperator):
    """Waits until `python_callable(*op_args, **op_kwargs)` returns something true, or a `PokeReturnValue` that is done.

    The function gets the context keys that it names, and `templates_dict` as rendered.
    """

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: list[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.python_callable = python_callable
        self.op_args = op_args or []
        self.op_kwargs: Mapping[str, Any] = op_kwargs or {}
        self.templates_dict = templates_dict

    def poke(self, context: Any) -> PokeReturnValue:
        """Call the function."""
        # On a copy: the next look begins with the context as it is.
        given = copy(context)
        given.update(self.op_kwargs, templates_dict=self.templates_dict)
        chosen = determine_kwargs(self.python_callable, self.op_args, given)
        self.log.info("Poking callable: %s", self.python_callable)
        answer = self.python_callable(*self.op_args, **chosen)
        return answer if isinstance(answer, PokeReturnValue) else PokeReturnValue(bool(answer))


class DecoratedSensorOperator(PythonSensor):
    """What `@task.sensor` makes."""

    template_fields: Sequence[str] = ("op_args", "op_kwargs")
    template_fields_renderers = {"op_args": "py", "op_kwargs": "py"}  # noqa: RUF012 - as all operators
    shallow_copy_attrs: Sequence[str] = ("python_callable",)
    custom_operator_name = "@task.sensor"

    def __init__(self, *, task_id: str, **kwargs: Any) -> None:
        task_id = get_unique_task_id(task_id, kwargs.get("dag"), kwargs.get("task_group"))
        super().__init__(task_id=task_id, **kwargs)


def sensor_task(python_callable: Any = None, **kwargs: Any) -> Any:
    """`@task.sensor`: the function says whether the wait is over."""
    return task_decorator_factory(
        python_callable, multiple_outputs=False, decorated_operator_class=DecoratedSensorOperator, **kwargs
    )
