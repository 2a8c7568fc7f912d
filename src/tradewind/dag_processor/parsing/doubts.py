"""What a DAG file says without effect: it may stand there for good reasons, so it is a warning and no error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.dag_processor.parsing.messages import ParseWarning
from tradewind.sdk.assets.asset import BaseAsset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tradewind.sdk.definitions.dag import DAG

NO_EFFECT = "no effect"
_CALLBACKS = (
    "on_execute_callback",
    "on_failure_callback",
    "on_retry_callback",
    "on_skipped_callback",
    "on_success_callback",
)
_MAX_SHOWN = 80


def doubts(dags: Iterable[DAG]) -> Iterator[ParseWarning]:
    """Give a warning for each callback that cannot be called, and for each outlet that no event can come of."""
    for dag in dags:
        for message in (*_of_callbacks(dag, f"DAG {dag.dag_id!r}"), *_of_tasks(dag)):
            yield ParseWarning(kind=NO_EFFECT, message=message, dag_id=dag.dag_id)


def _of_tasks(dag: DAG) -> Iterator[str]:
    for task in dag.tasks:
        name = f"task {task.task_id!r}"
        yield from _of_callbacks(task, name)
        for outlet in task.outlets:
            if not isinstance(outlet, BaseAsset):
                yield f"outlet {_shown(outlet)} of {name} is no Asset: no event of an asset comes of it"


def _of_callbacks(owner: Any, name: str) -> Iterator[str]:
    for attribute in _CALLBACKS:
        given = getattr(owner, attribute, None) or ()
        for callback in given if isinstance(given, (list, tuple)) else (given,):
            if not callable(callback):
                yield f"{attribute} {_shown(callback)} of {name} cannot be called: it has to be a function or a notifier"


def _shown(value: Any) -> str:
    """Return a value in a line of bearable length."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - an author's class
        text = f"of type {type(value).__name__}"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
