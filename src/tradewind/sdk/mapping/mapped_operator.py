"""Mapped tasks: one task of the DAG that has an instance for each item of what it is expanded over."""

from __future__ import annotations

import copy
from contextlib import suppress

from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.definitions.operator_arguments import OLD_SPELLINGS
from tradewind.sdk.definitions.operator_meta import argument_defaults, parameter_names
from tradewind.sdk.definitions.xcom_arg import XComArg
from tradewind.sdk.runtime.context import Context
from tradewind.sdk.toolkit.values import prevent_duplicates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tradewind.sdk.mapping.expand_input import DictOfListsExpandInput, ListOfDictsExpandInput
    from tradewind.sdk.triggers.events import StartTriggerArgs

    _Over = DictOfListsExpandInput | ListOfDictsExpandInput

_OF_CLASS = (
    "template_fields",
    "template_ext",
    "template_fields_renderers",
    "ui_color",
    "ui_fgcolor",
    "inherits_from_empty_operator",
    "inherits_from_skipmixin",
    "start_from_trigger",
    "start_trigger_args",
)
"""Attributes that a mapped task has from the class of its operator."""
_NOT_PARTIAL = frozenset({"dag", "default_args", "end_date", "params", "start_date", "task_group", "task_id"})
"""Base arguments that are no part of `partial_kwargs`, as in Airflow."""

BASE_ARGUMENTS = parameter_names(BaseOperator)
_SETTLED = BASE_ARGUMENTS | OLD_SPELLINGS
NEVER_EXPANDED = frozenset(
    {"allow_nested_operators", "dag", "depends_on_past", "email_on_failure", "email_on_retry", "execution_timeout"}
    | {"executor_config", "ignore_first_depends_on_past", "inlets", "map_index_template", "max_retry_delay"}
    | {"on_execute_callback", "on_failure_callback", "on_retry_callback", "on_skipped_callback"}
    | {"on_success_callback", "outlets", "owner", "pool_slots", "priority_weight", "queue", "retries", "retry_delay"}
    | {"retry_exponential_backoff", "retry_policy", "task_group", "task_id", "trigger_rule", "wait_for_downstream"}
    | {"wait_for_past_depends_before_skipping", "weight_rule"}
)
"""Base arguments that are one for all instances: the scheduler needs them before there are any."""


class MappedOperator(BaseOperator):
    """What `Operator.partial(...).expand(...)` makes: a task whose operator is made for each instance anew.

    It has the attributes of every operator, from the partial arguments and `default_args`; those of the operator's own
    class exist in its instances only. Raises NotImplementedError in a mapped task group.
    """

    is_mapped = True
    shallow_copy_attrs = ("partial_kwargs", "python_callable")
    mapped_over: _Over
    partial_kwargs: dict[str, Any]
    disallow_kwargs_override: bool
    _operator_class: type[BaseOperator]

    def __init__(
        self,
        *,
        operator_class: type[BaseOperator],
        mapped_over: _Over,
        partial_kwargs: dict[str, Any],
        disallow_kwargs_override: bool,
        **base: Any,
    ) -> None:
        attributes = vars(self)
        attributes["_operator_class"] = operator_class
        attributes["mapped_over"] = mapped_over
        attributes["disallow_kwargs_override"] = disallow_kwargs_override
        for name in _OF_CLASS:
            if hasattr(operator_class, name):
                attributes[name] = getattr(operator_class, name)
        links: Any = operator_class.operator_extra_links
        attributes["operator_extra_links"] = () if isinstance(links, property) else links
        defaults: Mapping[str, Any] = attributes["_default_args"]
        given = argument_defaults(operator_class, BaseOperator)
        given.update((name, value) for name, value in defaults.items() if name in BASE_ARGUMENTS - _NOT_PARTIAL)
        given.update((name, value) for name, value in partial_kwargs.items() if name not in _NOT_PARTIAL)
        attributes["partial_kwargs"] = given
        group = base.get("task_group")
        if group is not None and next(group.iter_mapped_task_groups(), None) is not None:
            raise NotImplementedError("operator expansion in an expanded task group is not yet supported")
        super().__init__(**{**{name: value for name, value in given.items() if name in _SETTLED}, **base})

    def _finish_init(self) -> None:
        """End the constructor: what it is expanded over, and XComs in partial template fields, are upstream tasks."""
        XComArg.apply_upstream_relationship(self, self.mapped_over.value)
        for name, value in self.partial_kwargs.items():
            if name in self.template_fields:
                XComArg.apply_upstream_relationship(self, value)
        vars(self)["_is_built"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if self._is_built and name in BASE_ARGUMENTS - _NOT_PARTIAL:
            self.partial_kwargs[name] = getattr(self, name)

    def __repr__(self) -> str:
        return f"<Mapped({self.task_type}): {self.task_id}>"

    @property
    def operator_class(self) -> type[BaseOperator]:
        """The class of the operator that its instances run."""
        return self._operator_class

    @property
    def task_type(self) -> str:
        """The name of the class of its operator."""
        return self.operator_class.__name__

    @property
    def operator_name(self) -> str:
        """The name that the UI shows for its kind."""
        return getattr(self.operator_class, "custom_operator_name", None) or self.task_type

    @property
    def expand_input(self) -> _Over:
        """What the arguments of its operator are expanded over."""
        return self.mapped_over

    def get_parse_time_mapped_ti_count(self) -> int:
        """Return how many instances there will be. Raises `NotFullyPopulated` when that depends on a run."""
        return self.mapped_over.get_parse_time_mapped_ti_count()

    def prepare_for_execution(self) -> BaseOperator:
        """Return itself: what runs is the operator that `unmap` makes."""
        return self

    def unmap_for(self, context: Mapping[str, Any]) -> tuple[BaseOperator, set[int]]:
        """Return the operator of the instance of `context`, and the ids of its values that no template is in.

        Raises what resolving raises, TypeError for arguments that were given before, and what the constructor raises.
        """
        arguments, no_templates = self.mapped_over.resolve(context)
        return self.unmap(self._as_arguments(arguments)), no_templates

    def unmap(self, resolve: Mapping[str, Any]) -> BaseOperator:
        """Return its operator with these arguments over the partial ones: a task to run, which the DAG does not have."""
        kwargs = self._unmap_kwargs(resolve)
        make: Any = self.operator_class
        task: BaseOperator = make(**kwargs, _airflow_from_mapped=True)
        attributes: dict[str, Any] = vars(task)
        for name in (
            "_is_setup",
            "_is_teardown",
            "_on_failure_fail_dagrun",
            "upstream_task_ids",
            "downstream_task_ids",
        ):
            attributes[name] = getattr(self, name)
        attributes["_lock_for_execution"] = True
        return task

    def expand_start_trigger_args(self, *, context: Any) -> StartTriggerArgs | None:
        """Return the trigger of one instance: `trigger_kwargs`, `next_kwargs` and `trigger_timeout` may be mapped."""
        start = self.start_trigger_args
        if start is None:
            return None
        mapped, _ = self.mapped_over.resolve(context)
        given = {**self.partial_kwargs, **mapped}
        own = copy.copy(start)
        own.trigger_kwargs = given.get("trigger_kwargs", start.trigger_kwargs)
        own.next_kwargs = given.get("next_kwargs", start.next_kwargs)
        own.timeout = given.get("trigger_timeout", start.timeout)
        return own

    def _as_arguments(self, resolved: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the arguments of the operator that what was mapped stands for."""
        return resolved

    def _unmap_kwargs(self, mapped: Mapping[str, Any]) -> dict[str, Any]:
        if self.disallow_kwargs_override:
            given = NEVER_EXPANDED | self.partial_kwargs.keys()
            prevent_duplicates(given, mapped, fail_reason="unmappable or already specified")
        params = copy.copy(self.params)
        with suppress(KeyError):
            params.update(mapped["params"])
        return {
            "start_date": self.start_date,
            "end_date": self.end_date,
            **self.partial_kwargs,
            **mapped,
            "task_id": self.task_id,
            "dag": self.get_dag(),
            "task_group": self.task_group,
            "params": params,
        }

    def render_template_fields(self, context: Mapping[str, Any], jinja_env: Any = None) -> None:
        """Make the operator of the instance of `context` the context's task, and render its template fields."""
        task, no_templates = self.unmap_for(context)
        into_context(task, context)
        from tradewind.sdk.runtime.templating import render_template_fields  # noqa: PLC0415 - brings Jinja

        render_template_fields(task, context, jinja_env, no_templates)


class DecoratedMappedOperator(MappedOperator):
    """What `function.partial(...).expand(...)` of a `@task` makes: the arguments of its function are mapped."""

    def __init__(self, *, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        self.python_callable: Callable[..., Any]
        vars(self)["python_callable"] = python_callable
        super().__init__(**kwargs)

    @property
    def op_kwargs_expand_input(self) -> _Over:
        """What the arguments of its function are expanded over."""
        return self.mapped_over

    @property
    def expand_input(self) -> _Over:
        """Nothing: its operator is always made with the same arguments."""
        from tradewind.sdk.mapping.expand_input import EXPAND_INPUT_EMPTY  # noqa: PLC0415 - for curious authors

        return EXPAND_INPUT_EMPTY

    def _as_arguments(self, resolved: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"op_kwargs": resolved}

    def _unmap_kwargs(self, mapped: Mapping[str, Any]) -> dict[str, Any]:
        partial: dict[str, Any] = self.partial_kwargs.get("op_kwargs") or {}
        arguments: Mapping[str, Any] = mapped["op_kwargs"]
        if self.disallow_kwargs_override:
            prevent_duplicates(partial, arguments, fail_reason="mapping already partial")
        kwargs = super()._unmap_kwargs({})
        kwargs.update(
            python_callable=self.python_callable,
            multiple_outputs=self.multiple_outputs,
            op_kwargs={**partial, **arguments},
        )
        return kwargs


def into_context(task: BaseOperator, context: Any) -> None:
    """Put the operator that one instance runs into its context, in place of the mapped task."""
    context["ti"].task = task
    context.update(
        task=task,
        inlets=task.inlets,
        outlets=task.outlets,
        map_index_template=getattr(task, "map_index_template", None),
    )
    if isinstance(context, Context):
        # Computed anew when it is read: from the params of the task that runs.
        context.forget("params")
