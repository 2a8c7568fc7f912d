"""Mapped task groups: `@task_group` functions that are expanded, all tasks of the group together."""

from __future__ import annotations

import warnings
from inspect import Parameter

from tradewind.sdk.definitions.task_group import TaskGroup
from tradewind.sdk.definitions.taskflow import signature_of
from tradewind.sdk.mapping import checks
from tradewind.sdk.mapping.expand_input import DictOfListsExpandInput, ListOfDictsExpandInput, MappedArgument
from tradewind.sdk.mapping.relations import iter_mapped_dependencies
from tradewind.sdk.toolkit.values import prevent_duplicates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.definitions.task_group import TaskGroupFactory

    _Over = DictOfListsExpandInput | ListOfDictsExpandInput


class MappedTaskGroup(TaskGroup):
    """A task group whose tasks have an instance each for each item of what the group is expanded over."""

    is_mapped = True

    def __init__(self, *args: Any, expand_input: _Over, **kwargs: Any) -> None:
        self.mapped_over = expand_input
        super().__init__(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<MappedTaskGroup: {self.group_id}>"

    @property
    def _expand_input(self) -> _Over:
        """What it is expanded over, by Airflow's name."""
        return self.mapped_over

    def __iter__(self) -> Iterator[BaseOperator]:
        """Yield the tasks in it and in the groups in it. Raises ValueError for one that runs in any case."""
        for child in self.children.values():
            if getattr(child, "trigger_rule", None) == "always":
                msg = "Task-generated mapping within a mapped task group is not allowed with trigger rule 'always'"
                raise ValueError(msg)
        yield from super().__iter__()

    iter_tasks = __iter__

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        if exc[:1] == (None,):
            for operator, _ in self.mapped_over.iter_references():
                self.set_upstream(operator)

    def iter_mapped_dependencies(self) -> Iterator[BaseOperator]:
        """Yield the tasks that decide how many instances its tasks have."""
        yield from iter_mapped_dependencies(self)

    def get_parse_time_mapped_ti_count(self) -> int:
        """Return how many instances there will be. Raises `NotFullyPopulated` when that depends on a run."""
        return self.mapped_over.get_parse_time_mapped_ti_count()


def partial_arguments_of(factory: TaskGroupFactory, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a `@task_group` function that `partial()` adds to. Raises TypeError."""
    checks.check_function_arguments(signature_of(factory.function), "partial", kwargs)
    prevent_duplicates(factory.partial_kwargs, kwargs, fail_reason="duplicate partial")
    return {**kwargs, **factory.partial_kwargs}


def expand_group(factory: TaskGroupFactory, kwargs: Mapping[str, Any]) -> Any:
    """Make the mapped group of a `@task_group` function; return as a call of it does. Raises TypeError or ValueError."""
    if not kwargs:
        raise TypeError("no arguments to expand against")
    checks.check_function_arguments(signature_of(factory.function), "expand", kwargs)
    prevent_duplicates(factory.partial_kwargs, kwargs, fail_reason="mapping already partial")
    return _create(factory, DictOfListsExpandInput(kwargs), list(kwargs))


def expand_group_kwargs(factory: TaskGroupFactory, kwargs: Any) -> Any:
    """Make the mapped group of a `@task_group` function from a list of dicts; return as a call of it does.

    Raises TypeError for another argument, and for a function with `*args` or `**kwargs`: which arguments there are is
    known in the run only.
    """
    checks.check_list_of_kwargs(kwargs)
    parameters = signature_of(factory.function).parameters
    if any(parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD) for parameter in parameters.values()):
        raise TypeError("calling expand_kwargs() on task group function with * or ** is not supported")
    return _create(factory, ListOfDictsExpandInput(kwargs), [n for n in parameters if n not in factory.partial_kwargs])


def _create(factory: TaskGroupFactory, over: _Over, names: list[str]) -> Any:
    checks.check_returned(over.value)
    arguments = {name: MappedArgument(input=over, key=name) for name in names}

    def make(**group_arguments: Any) -> MappedTaskGroup:
        return MappedTaskGroup(expand_input=over, **group_arguments)

    return factory.create(make, **factory.partial_kwargs, **arguments)


def warn_never_mapped(factory: TaskGroupFactory) -> None:
    """Say that a group with partial arguments was never made."""
    group_id = factory.tg_kwargs.get("group_id")
    warnings.warn(f"Partial task group {group_id!r} was never mapped!", UserWarning, stacklevel=2)
