"""Making a trigger again of what its task stored, and judging what it yields."""

from __future__ import annotations

import asyncio
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tradewind.sdk.importing import import_dag_file, module_name_of
from tradewind.sdk.ports import xcom_codec
from tradewind.sdk.runtime.context import task_context
from tradewind.sdk.triggers.events import BaseTaskEndEvent, TriggerEvent
from tradewind.triggerer.child.log import format_error
from tradewind.triggerer.child.waiter import WaitingTaskInstance
from tradewind.triggerer.messages import Fired

if TYPE_CHECKING:
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.triggers.trigger import BaseTrigger
    from tradewind.serialization.messages import RunTask
    from tradewind.triggerer.messages import RunTrigger


_importing = threading.Lock()
_dag_files: dict[str, tuple[str, list[DAG]]] = {}


class TriggerImportError(ImportError):
    """The class of a trigger cannot be found by its import path."""


async def make_trigger(order: RunTrigger) -> BaseTrigger:
    """Return the trigger of an order.

    Raises `TriggerImportError` where its class is not found, ValueError and TypeError where it cannot be made of its
    arguments, and whatever author code raises. Imports happen beside the loop, so that other triggers go on.
    """
    cls = _loaded(order.classpath, order.waiter)
    if cls is None:
        cls = await asyncio.to_thread(_load, order.classpath, order.waiter)
    kwargs: dict[str, Any] = xcom_codec().decode_value(order.kwargs)
    trigger = cls(**kwargs)
    trigger.trigger_id = order.trigger_pk
    if order.waiter is not None:
        trigger.task_instance = WaitingTaskInstance(order.waiter)
        if order.starts_task:
            await asyncio.to_thread(_render, trigger, order.waiter, kwargs)
    return trigger


def judged(trigger_pk: int, event: Any, *, is_last: bool) -> Fired:
    """Return the report of what a trigger yielded."""
    if not isinstance(event, TriggerEvent):
        return failed(trigger_pk, TypeError(f"the trigger yielded {event!r}, which is no TriggerEvent"))
    encode = xcom_codec().encode_value
    try:
        if isinstance(event, BaseTaskEndEvent):
            xcoms = None if not event.xcoms else encode(event.xcoms)
            return Fired(trigger_pk=trigger_pk, outcome=event.task_instance_state.value, payload=xcoms)
        payload = encode(event.payload)
    except ValueError as error:
        reason = getattr(error, "what", str(error))
        path = getattr(error, "path", "")
        sentence = f"the payload of the trigger's event{f' at {path}' if path else ''} {reason}"
        return Fired(trigger_pk=trigger_pk, outcome="error", payload=encode([sentence]))
    return Fired(trigger_pk=trigger_pk, outcome="event", payload=payload, is_last=is_last)


def failed(trigger_pk: int, error: BaseException) -> Fired:
    """Return the report of a trigger that failed."""
    return Fired(trigger_pk=trigger_pk, outcome="error", payload=xcom_codec().encode_value(format_error(error)))


def _loaded(classpath: str, waiter: RunTask | None) -> Any:
    """Return the class where it is imported; one of a DAG file that has changed since is not."""
    module, _, name = classpath.rpartition(".")
    if waiter is not None and module == module_name_of(waiter.dag_file.path):
        known = _dag_files.get(waiter.dag_file.path)
        if known is not None and known[0] != waiter.dag_file.fingerprint:
            return None
    return getattr(sys.modules.get(module), name, None)


def _load(classpath: str, waiter: RunTask | None) -> Any:
    with _importing:
        # Of a thousand that begin at once, the first one imports for all.
        return _loaded(classpath, waiter) or _import(classpath, waiter)


def _import(classpath: str, waiter: RunTask | None) -> Any:
    module, _, name = classpath.rpartition(".")
    try:
        found = _dag_file_named(module, waiter) or import_module(module)
    except ModuleNotFoundError as error:
        raise TriggerImportError(
            f"the trigger {classpath} cannot be imported by the triggerer: {error}; put its class into a module in the "
            "DAG folder, the plugins folder or an installed package"
        ) from error
    try:
        return getattr(found, name)
    except AttributeError:
        raise TriggerImportError(f"module {module} has no trigger {name}") from None


def _dag_file_named(module: str, waiter: RunTask | None) -> Any:
    """Return the module of the waiting task's DAG file where `module` is its name: a trigger may be defined there."""
    if waiter is None or module_name_of(waiter.dag_file.path) != module:
        return None
    _dags_of(waiter)
    return sys.modules[module]


def _dags_of(waiter: RunTask) -> list[DAG]:
    """Return the DAGs of the waiting task's file, imported once for each version of it."""
    file = waiter.dag_file
    known = _dag_files.get(file.path)
    if known is None or known[0] != file.fingerprint:
        known = _dag_files[file.path] = (file.fingerprint, import_dag_file(file.path, file.folder))
    return known[1]


def _render(trigger: BaseTrigger, waiter: RunTask, kwargs: dict[str, Any]) -> None:
    """Render what the task that begins with this trigger has templates in."""
    with _importing:
        dags = _dags_of(waiter)
    dag = next(dag for dag in dags if dag.dag_id == waiter.dag_id)
    task = dag.get_task(waiter.task_id)
    ti = trigger.task_instance
    ti.task = task
    names = [name for name in task.template_fields if name in kwargs and hasattr(trigger, name)]
    trigger.template_fields = tuple(names)
    trigger.template_ext = tuple(task.template_ext)
    context = task_context(ti=ti, task=task, dag=dag, dag_run=waiter.dag_run)
    for name in names:
        setattr(trigger, name, task.render_template(getattr(trigger, name), context))
