"""Finding what a user names: a run by its run_id or its logical date, a task of a DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.terminal.access import CLOCK
from tradewind.cli.terminal.options import parse_date

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tradewind.config.settings import Settings
    from tradewind.metadata.database import Database
    from tradewind.metadata.runs import RunDetail, TaskInstanceDetail
    from tradewind.serialization.document import DagDocument


def run_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take a run by its run_id or its logical date."""
    return click.argument("run", metavar="RUN_ID_OR_LOGICAL_DATE")(function)


def find_run(database: Database, dag_id: str, run: str) -> RunDetail | None:
    """Return the run with this run_id, or with this logical date; None when there is none.

    Raises `NotFoundError` for an unknown DAG.
    """
    from tradewind.metadata.dags import DagStore
    from tradewind.metadata.runs import RunFilter, list_runs

    found, _ = list_runs(database, RunFilter(dag_ids=(dag_id,), run_ids=(run,)))
    if not found:
        DagStore(database, CLOCK).get_dag(dag_id)
        logical_date = parse_date(run)
        if logical_date is not None:
            found, _ = list_runs(database, RunFilter(dag_ids=(dag_id,), logical_dates=(logical_date,)))
    return found[0] if found else None


def require_run(database: Database, dag_id: str, run: str) -> RunDetail:
    """Return the run with this run_id or logical date. Raises `CommandError` when there is none."""
    found = find_run(database, dag_id, run)
    if found is None:
        raise CommandError(f"DAG {dag_id!r} has no run with the run_id or logical date {run!r}")
    return found


def find_task_instance(
    database: Database, dag_id: str, run: str, task_id: str, map_index: int
) -> tuple[RunDetail, TaskInstanceDetail | None]:
    """Return the run, and the task instance: None while the run has not started.

    Raises `CommandError` for an unknown run, and for a task that neither the run nor the DAG has.
    """
    from tradewind.metadata.errors import NotFoundError
    from tradewind.metadata.runs import get_task_instance

    found = require_run(database, dag_id, run)
    try:
        return found, get_task_instance(database, dag_id, found.run_id, task_id, map_index)
    except NotFoundError:
        if found.started_at is not None or not has_task(read_document(database, dag_id), task_id):
            raise
        return found, None


def read_document(database: Database, dag_id: str) -> DagDocument:
    """Return the newest document of a DAG. Raises `NotFoundError`."""
    from tradewind.metadata.dags import DagStore
    from tradewind.serialization.document import decode_document

    store = DagStore(database, CLOCK)
    store.get_dag(dag_id)
    return decode_document(store.get_document(dag_id))


def has_task(document: DagDocument, task_id: str) -> bool:
    """Return whether the DAG has the task."""
    return any(task.task_id == task_id for task in document.tasks)


def on_latest_version(settings: Settings, document: DagDocument, *, asked: bool | None, usually: bool) -> bool:
    """Return whether runs that start over do so with the newest version: as asked, the DAG or the settings say."""
    from tradewind.serialization.rerun import is_on_latest_version

    said = settings.string("core", "rerun_with_latest_version")
    return is_on_latest_version(document, asked=asked, installation=said == "True" if said else None, usually=usually)
