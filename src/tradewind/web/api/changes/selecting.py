"""Which task instances a request means: runs before and after one, tasks before and after some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.metadata.errors import InvalidRequestError, NotFoundError
from tradewind.metadata.runs import RunFilter, get_run
from tradewind.metadata.waits.showing import waits_of
from tradewind.serialization.relatives import Relatives
from tradewind.web.answers.labels import Labels
from tradewind.web.answers.shapes import task_instance_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.metadata.runs import TaskInstanceDetail
    from tradewind.serialization.document import DagDocument
    from tradewind.web.operations import Call


def runs_around(call: Call, dag_id: str, run_id: str, *, past: bool, future: bool) -> RunFilter:
    """Return one run, and with it those of earlier or later logical dates.

    Raises `NotFoundError`, and `InvalidRequestError` where a run without logical date has none before or after it.
    """
    run = get_run(call.backend.database, dag_id, run_id)
    if not (past or future):
        return RunFilter(run_pks=(run.run_pk,))
    if run.logical_date is None:
        raise InvalidRequestError(f"run {run_id!r} has no logical date, so no runs come before or after it")
    return RunFilter(
        dag_ids=(dag_id,),
        logical_date_from=None if past else run.logical_date,
        logical_date_to=None if future else run.logical_date,
    )


def relatives(document: DagDocument, task_ids: Iterable[str]) -> Relatives:
    """Return the relations of the DAG's tasks. Raises `NotFoundError` where one of these is none of them."""
    found = Relatives(document)
    if unknown := found.unknown(task_ids):
        raise NotFoundError(f"DAG {document.dag_id!r} has no task {', '.join(unknown)}")
    return found


def collection(call: Call, found: list[TaskInstanceDetail], total: int | None = None) -> dict[str, Any]:
    """Return task instances as the API lists them."""
    labels = Labels(call.backend, [instance.dag_id for instance in found])
    waits = waits_of(call.backend.database, found)
    return {
        "task_instances": [task_instance_shape(instance, labels, waits.get(instance.ti_pk)) for instance in found],
        "total_entries": len(found) if total is None else total,
    }
