"""`tradewind tasks test` and `render`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.author_files import find_dag
from tradewind.cli.errors import EX_FAILED, EX_OK, CommandError
from tradewind.cli.terminal.access import read_settings
from tradewind.cli.terminal.options import JSON_OBJECT, command, file_option, map_index_option, parse_date

if TYPE_CHECKING:
    from datetime import datetime


@command("test")
@click.argument("dag_id")
@click.argument("task_id")
@click.argument("run", metavar="[RUN_ID_OR_LOGICAL_DATE]", required=False)
@click.option("-t", "--task-params", type=JSON_OBJECT, help="Values of params, a JSON object.")
@click.option("--env-vars", type=JSON_OBJECT, help="Environment variables for the import and the task, a JSON object.")
@map_index_option
@file_option
def test(
    dag_id: str,
    task_id: str,
    run: str | None,
    task_params: dict[str, Any] | None,
    env_vars: dict[str, Any] | None,
    map_index: int,
    file: str | None,
) -> int:
    """Run one task in this process, without scheduler or database.

    Whatever is before it in the DAG, and without recording anything. Variables and connections come from the
    environment, and from the metadata database where there is one; so do the XComs of a run that is named by its
    run_id. Exit code 1 when the task fails.
    """
    from tradewind.serialization.run_conf import RunConfError
    from tradewind.standalone.in_process.task_test import run_task_test
    from tradewind.worker.host.environment import TaskEnvironment

    environment = TaskEnvironment()
    environment.enter({"AIRFLOW_TEST_MODE": "True", **{name: str(text) for name, text in (env_vars or {}).items()}})
    try:
        settings = read_settings()
        dag = _with_task(find_dag(settings, dag_id, file), task_id)
        finished = run_task_test(settings, dag, task_id, run=_named(run), params=task_params, map_index=map_index)
    except RunConfError as error:
        raise CommandError(str(error)) from error
    finally:
        environment.forget()
    if finished.outcome in {"success", "skipped", "reschedule"}:
        return EX_OK
    click.echo(f"Error: task {task_id!r} failed: {finished.error}", err=True)
    return EX_FAILED


@command("render")
@click.argument("dag_id")
@click.argument("task_id")
@click.argument("run", metavar="RUN_ID_OR_LOGICAL_DATE")
@map_index_option
@file_option
def render(dag_id: str, task_id: str, run: str, map_index: int, file: str | None) -> None:
    """Show a task's templates as they are rendered.

    For a run_id of the database with the run's dates, conf and XComs; for a date without any run.
    """
    from tradewind.standalone.in_process.task_test import render_task

    settings = read_settings()
    dag = _with_task(find_dag(settings, dag_id, file), task_id)
    try:
        fields = render_task(settings, dag, task_id, run=_named(run), map_index=map_index)
    except Exception as error:
        raise CommandError(f"task {task_id!r} cannot be rendered: {type(error).__name__}: {error}") from error
    for name, value in fields.items():
        click.echo(f"# ----------------------------------------------------------\n# property: {name}")
        click.echo(f"# ----------------------------------------------------------\n{value}\n")


def _with_task(dag: Any, task_id: str) -> Any:
    if not dag.has_task(task_id):
        raise CommandError(f"DAG {dag.dag_id!r} has no task {task_id!r}; it has {', '.join(sorted(dag.task_dict))}")
    return dag


def _named(run: str | None) -> datetime | str | None:
    """Return a logical date, or where the text is none the text as a run_id."""
    return None if run is None else parse_date(run) or run
