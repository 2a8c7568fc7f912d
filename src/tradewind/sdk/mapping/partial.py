"""`Operator.partial(...)` and the mapping of `@task` functions: from what is the same for all instances to the map."""

from __future__ import annotations

import warnings

from tradewind.sdk.definitions.contexts import DagContext, TaskGroupContext
from tradewind.sdk.definitions.taskflow import get_unique_task_id, signature_of
from tradewind.sdk.definitions.xcom_arg import PlainXComArg, XComArg
from tradewind.sdk.mapping import checks
from tradewind.sdk.mapping.expand_input import DictOfListsExpandInput, ListOfDictsExpandInput
from tradewind.sdk.mapping.mapped_operator import (
    BASE_ARGUMENTS,
    NEVER_EXPANDED,
    DecoratedMappedOperator,
    MappedOperator,
)
from tradewind.sdk.toolkit.values import prevent_duplicates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.definitions.taskflow import TaskFactory

    _Over = DictOfListsExpandInput | ListOfDictsExpandInput

_BASE_ONLY = ("default_args", "end_date", "params", "start_date")
_ALWAYS = "always"


class OperatorPartial:
    """What `Operator.partial(...)` gives: the arguments of every instance. `expand()` makes the task.

    One that is never expanded warns when it goes.
    """

    _expand_called = True
    """Until the arguments are accepted there is nothing to warn of."""

    def __init__(self, operator_class: type[BaseOperator], kwargs: dict[str, Any]) -> None:
        checks.check_operator_arguments(operator_class, "partial", kwargs)
        self.operator_class = operator_class
        self.kwargs = kwargs
        dag = kwargs.get("dag") or DagContext.get_current()
        group = kwargs.get("task_group") or (TaskGroupContext.get_current(dag) if dag is not None else None)
        kwargs.update(dag=dag, task_group=group)
        self._expand_called = False

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.kwargs.items())
        return f"{self.operator_class.__name__}.partial({arguments})"

    def __del__(self) -> None:
        if not self._expand_called:
            task_id = self.kwargs.get("task_id")
            warnings.warn(f"Task {task_id!r} was never mapped!", UserWarning, stacklevel=1)

    def expand(self, **mapped_kwargs: Any) -> MappedOperator:
        """Make the task: an instance for each combination of the items of the arguments.

        Raises TypeError for no arguments, unknown ones and ones that were given before, ValueError for what is no list,
        no dict and no XCom.
        """
        self._expand_called = True
        if not mapped_kwargs:
            raise TypeError("no arguments to expand against")
        checks.check_operator_arguments(self.operator_class, "expand", mapped_kwargs)
        given = NEVER_EXPANDED | self.kwargs.keys() - {"params"}
        prevent_duplicates(given, mapped_kwargs, fail_reason="unmappable or already specified")
        # Checked by now: nothing is left to refuse when an instance runs.
        return self._expand(DictOfListsExpandInput(mapped_kwargs), strict=False)

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> MappedOperator:
        """Make the task: an instance for each dict of arguments in a list, given or returned by a task.

        With `strict` an instance fails whose dict has an argument that was given before. Raises TypeError for another
        argument than an XCom or a list of dicts.
        """
        self._expand_called = True
        checks.check_list_of_kwargs(kwargs)
        return self._expand(ListOfDictsExpandInput(kwargs), strict=strict)

    def _expand(self, over: _Over, *, strict: bool) -> MappedOperator:
        checks.check_returned(over.value)
        kwargs = dict(self.kwargs)
        base = {name: kwargs.pop(name) for name in _BASE_ONLY if name in kwargs}
        base.update({name: kwargs.pop(name) for name in ("dag", "task_group", "task_id")})
        return MappedOperator(
            operator_class=self.operator_class,
            mapped_over=over,
            partial_kwargs=kwargs,
            disallow_kwargs_override=strict,
            **base,
        )


def partial_of(operator_class: type[BaseOperator], *, task_id: str, **kwargs: Any) -> OperatorPartial:
    """Return the partial of an operator. Raises TypeError for arguments that it does not take."""
    return OperatorPartial(operator_class, {"task_id": task_id, **kwargs})


def partial_kwargs_of(factory: TaskFactory, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a `@task` function that `partial()` adds to. Raises TypeError or ValueError."""
    checks.check_context_keys("partial", kwargs)
    checks.check_function_arguments(signature_of(factory.function), "partial", kwargs)
    before: dict[str, Any] = factory.kwargs.get("op_kwargs") or {}
    prevent_duplicates(before, kwargs, fail_reason="duplicate partial")
    return {**kwargs, **before}


def expand_function(factory: TaskFactory, mapped_kwargs: Mapping[str, Any]) -> PlainXComArg:
    """Make the mapped task of a `@task` function; return the reference to its results. Raises TypeError or ValueError."""
    if _runs_always(factory) and any(isinstance(value, XComArg) for value in mapped_kwargs.values()):
        raise ValueError(_refusal("expand"))
    if not mapped_kwargs:
        raise TypeError("no arguments to expand against")
    checks.check_context_keys("expand", mapped_kwargs)
    checks.check_function_arguments(signature_of(factory.function), "expand", mapped_kwargs)
    given: dict[str, Any] = {**factory.kwargs, **(factory.kwargs.get("op_kwargs") or {})}
    prevent_duplicates(given, mapped_kwargs, fail_reason="mapping already partial")
    return _mapped_function(factory, DictOfListsExpandInput(mapped_kwargs), strict=False)


def expand_function_kwargs(factory: TaskFactory, kwargs: Any, *, strict: bool) -> PlainXComArg:
    """Make the mapped task of a `@task` function from a list of dicts; return the reference to its results."""
    checks.check_list_of_kwargs(kwargs)
    if _runs_always(factory) and not isinstance(kwargs, XComArg):
        items: list[Mapping[str, Any]] = [item for item in kwargs if not isinstance(item, XComArg)]
        if any(isinstance(value, XComArg) for item in items for value in item.values()):
            raise ValueError(_refusal("expand_kwargs"))
    return _mapped_function(factory, ListOfDictsExpandInput(kwargs), strict=strict)


def _mapped_function(factory: TaskFactory, over: _Over, *, strict: bool) -> PlainXComArg:
    checks.check_returned(over.value)
    kwargs = factory.arguments()
    dag = kwargs.pop("dag", None) or DagContext.get_current()
    group = kwargs.pop("task_group", None) or TaskGroupContext.get_current(dag)
    fails_run = kwargs.pop("on_failure_fail_dagrun", factory.on_failure_fail_dagrun)
    base = {name: kwargs.pop(name) for name in _BASE_ONLY if name in kwargs}
    mapped = DecoratedMappedOperator(
        python_callable=factory.function,
        operator_class=factory.operator_class,
        mapped_over=over,
        partial_kwargs={"op_args": (), "op_kwargs": {}, **kwargs},
        disallow_kwargs_override=strict,
        task_id=get_unique_task_id(kwargs.pop("task_id"), dag, group),
        dag=dag,
        task_group=group,
        multiple_outputs=factory.multiple_outputs,
        **base,
    )
    mapped.is_setup = factory.is_setup
    mapped.is_teardown = factory.is_teardown
    mapped.on_failure_fail_dagrun = fails_run
    mapped.returns_dag_result = factory.returns_dag_result
    return PlainXComArg(mapped)


def _runs_always(factory: TaskFactory) -> bool:
    return str(getattr(factory.kwargs.get("trigger_rule"), "value", factory.kwargs.get("trigger_rule"))) == _ALWAYS


def _refusal(verb: str) -> str:
    return f"Task-generated mapping within a task using '{verb}' is not allowed with trigger rule 'always'."


__all__ = ["BASE_ARGUMENTS", "OperatorPartial", "partial_of"]
