"""Tasks that call a Python function, and those that decide by it what runs after them."""

from __future__ import annotations

from copy import copy
from inspect import Parameter, iscoroutinefunction, isgenerator, unwrap

from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.definitions.taskflow import DecoratedOperator, signature_of, task_decorator_factory
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.branch import BaseBranchOperator, SkipMixin
from tradewind.sdk.toolkit.callables import determine_kwargs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any


class PythonOperator(BaseOperator):
    """Calls `python_callable(*op_args, **op_kwargs)`; its parameters that are named as context keys get those.

    With `**kwargs` in its signature the function gets the whole context. `templates_dict` is rendered and given as
    the context key of that name; `templates_exts` are endings of template files. Raises `AirflowException` when
    `python_callable` cannot be called.
    """

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers = {"templates_dict": "json", "op_args": "py", "op_kwargs": "py"}  # noqa: RUF012 - as all operators
    shallow_copy_attrs: Sequence[str] = ("python_callable", "op_kwargs")
    ui_color = "#ffefeb"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        templates_exts: Sequence[str] | None = None,
        show_return_value_in_logs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(python_callable):
            msg = f"`python_callable` param must be callable; task {self.task_id!r} has {python_callable!r}"
            raise AirflowException(msg)
        self.python_callable = python_callable
        self.op_args: Collection[Any] = op_args or ()
        self.op_kwargs: Mapping[str, Any] = op_kwargs or {}
        self.templates_dict = templates_dict
        if templates_exts:
            self.template_ext = templates_exts
        self.show_return_value_in_logs = show_return_value_in_logs

    def execute(self, context: Any) -> Any:
        """Call the function; return what it returned."""
        # Past the task's own hook, which would look for XComs in the whole context.
        vars(self)["op_kwargs"] = self.determine_kwargs(self._given(context))
        value = self.execute_callable()
        shown = value if self.show_return_value_in_logs else "(not shown)"
        self.log.info("Done. Returned value was: %s", shown)
        return value

    def _given(self, context: Any) -> Any:
        """Return the context with the operator's own arguments over it."""
        context["templates_dict"] = self.templates_dict
        # On a copy: an argument called `task` must not hide the task from callbacks.
        given = copy(context)
        given.update(self.op_kwargs)
        return given

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return those keys of `context` that the function takes; raises TypeError for a parameter without a value."""
        chosen = determine_kwargs(self.python_callable, self.op_args, context)
        self._check_filled(chosen)
        return chosen

    def _check_filled(self, chosen: Mapping[str, Any]) -> None:
        parameters = signature_of(self.python_callable).parameters.values()
        by_place = len(self.op_args)
        missing: list[str] = []
        for place, parameter in enumerate(parameters):
            if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
                continue
            filled = place < by_place and parameter.kind is not Parameter.KEYWORD_ONLY
            if not filled and parameter.default is Parameter.empty and parameter.name not in chosen:
                missing.append(parameter.name)
        if missing:
            name = getattr(self.python_callable, "__name__", repr(self.python_callable))
            msg = (
                f"task {self.task_id!r} cannot call {name}(): no value for {', '.join(map(repr, missing))}; "
                f"it is neither in op_args or op_kwargs nor a key of the context"
            )
            raise TypeError(msg)

    def execute_callable(self) -> Any:
        """Call the function with `op_args` and `op_kwargs` as they stand; run it to its end when it is async."""
        value = self.python_callable(*self.op_args, **self.op_kwargs)
        if iscoroutinefunction(unwrap(self.python_callable)):
            import asyncio

            return asyncio.run(value)
        if isgenerator(value):
            from tradewind.sdk.assets.outlet_events import take_yielded  # noqa: PLC0415 - few functions are generators

            return take_yielded(value)
        return value


class BranchPythonOperator(BaseBranchOperator, PythonOperator):
    """Calls a function that returns the ids of the tasks or task groups to follow; the others after it are skipped."""

    def choose_branch(self, context: Any) -> Any:
        """Call the function."""
        return PythonOperator.execute(self, context)


class ShortCircuitOperator(PythonOperator, SkipMixin):
    """Calls a function; when what it returns is false, what comes after the task is skipped.

    By default everything after it is skipped at any distance. With `ignore_downstream_trigger_rules=False` only the
    tasks directly after it are, and trigger rules decide about the rest. Teardown tasks are never skipped.
    """

    inherits_from_skipmixin = True

    def __init__(self, *, ignore_downstream_trigger_rules: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules

    def execute(self, context: Any) -> Any:
        """Call the function, skip by what it returned, and return it."""
        condition = super().execute(context)
        self.log.info("Condition result is %s", condition)
        if condition:
            self.log.info("Proceeding with downstream tasks...")
            return condition
        task = context["task"]
        tasks = task.get_flat_relatives() if self.ignore_downstream_trigger_rules else task.downstream_list
        self.log.info("Skipping downstream tasks")
        self.skip(context["ti"], [below for below in tasks if not below.is_teardown])
        return condition


class _PythonDecoratedOperator(DecoratedOperator, PythonOperator):
    """What `@task` makes."""

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers = PythonOperator.template_fields_renderers
    custom_operator_name = "@task"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        upstream = {"python_callable": python_callable, "op_args": op_args, "op_kwargs": op_kwargs}
        super().__init__(kwargs_to_upstream=upstream, **upstream, **kwargs)


class _BranchPythonDecoratedOperator(_PythonDecoratedOperator, BranchPythonOperator):
    """What `@task.branch` makes."""

    custom_operator_name = "@task.branch"
    inherits_from_skipmixin = True

    def choose_branch(self, context: Any) -> Any:
        """Call the function."""
        return PythonOperator.execute(self, context)

    def execute(self, context: Any) -> Any:
        """Choose a branch and skip the others; return the choice."""
        return BaseBranchOperator.execute(self, context)


class _ShortCircuitDecoratedOperator(_PythonDecoratedOperator, ShortCircuitOperator):
    """What `@task.short_circuit` makes."""

    custom_operator_name = "@task.short_circuit"


def python_task(python_callable: Any = None, multiple_outputs: bool | None = None, **kwargs: Any) -> Any:
    """`@task` and `@task.python`: the function runs in the worker."""
    return task_decorator_factory(
        python_callable, multiple_outputs=multiple_outputs, decorated_operator_class=_PythonDecoratedOperator, **kwargs
    )


def branch_task(python_callable: Any = None, multiple_outputs: bool | None = None, **kwargs: Any) -> Any:
    """`@task.branch`: the function returns the ids of the tasks or task groups to follow."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_BranchPythonDecoratedOperator,
        **kwargs,
    )


def short_circuit_task(python_callable: Any = None, multiple_outputs: bool | None = None, **kwargs: Any) -> Any:
    """`@task.short_circuit`: when the function returns something false, what comes after is skipped."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_ShortCircuitDecoratedOperator,
        **kwargs,
    )
