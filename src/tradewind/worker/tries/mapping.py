"""What a try has to do with dynamic mapping: the operator of its index, its label, and the length others need."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tradewind.sdk.exceptions import UnmappableXComLengthPushed, UnmappableXComTypePushed, XComForMappingNotPushed
from tradewind.sdk.mapping.items import is_mappable_value
from tradewind.sdk.mapping.mapped_operator import MappedOperator, into_context
from tradewind.sdk.mapping.relations import is_expanded_over
from tradewind.sdk.mapping.stored import read_ahead
from tradewind.sdk.templates.filling import fill_text

if TYPE_CHECKING:
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.runtime.context import Context
    from tradewind.serialization.messages import RunTask

_log = logging.getLogger("tradewind.task")

_MAX_LABEL = 250
"""What the database has room for."""


def operator_of_index(task: BaseOperator, context: Context) -> tuple[BaseOperator, set[int]]:
    """Return the operator that the try runs, and the ids of its values that no template is in.

    A mapped task gives the one of the try's map index, which takes its place in the context; any other gives itself.
    Raises what resolving the arguments and the operator's constructor raise.
    """
    if not isinstance(task, MappedOperator):
        return task, set()
    made, no_templates = task.unmap_for(context)
    into_context(made, context)
    return made, no_templates


def read_sources(dag: DAG, order: RunTask) -> None:
    """Read what the arguments of the order's instance are taken from, and keep it. Raises what reading raises."""
    task, run = dag.get_task(order.task_id), order.dag_run
    ti = SimpleNamespace(dag_id=order.dag_id, run_id=run.run_id, try_number=order.try_number, task=task)
    read_ahead(task, {"ti": ti, "dag_run": run})


def length_for_mapping(task: BaseOperator, map_index: int, value: Any, max_length: int) -> int | None:
    """Return the length that those expanded over the task wait for, None when nobody is.

    `value` is what becomes the task's XCom, None for none. An instance of a map counts as one item. Raises
    `XComForMappingNotPushed` for no value, `UnmappableXComTypePushed` for one that is no list and no dict,
    `UnmappableXComLengthPushed` for one that is longer than `max_length`.
    """
    if not is_expanded_over(task):
        return None
    if map_index >= 0:
        return None if value is None else 1
    if value is None:
        raise XComForMappingNotPushed
    if not is_mappable_value(value):
        raise UnmappableXComTypePushed(value)
    length = len(value)
    if length > max_length:
        raise UnmappableXComLengthPushed(value, max_length)
    return length


def label_of_index(task: BaseOperator, context: Context) -> str | None:
    """Return what the task's `map_index_template` comes to by now, None without one. Raises what Jinja raises."""
    template = getattr(task, "map_index_template", None)
    if template is None:
        return None
    return str(fill_text(task.dag.get_template_env(), template, context, task.dag))[:_MAX_LABEL]


def label_if_possible(task: BaseOperator, context: Context, before: str | None) -> str | None:
    """Return the label, or what it was `before` when its template cannot be filled in: the task has not got so far."""
    try:
        return label_of_index(task, context)
    except Exception as error:  # noqa: BLE001 - the template is the author's
        _log.debug("map_index_template cannot be filled in yet: %s", error)
        return before
