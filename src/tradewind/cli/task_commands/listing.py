"""`tradewind tasks list`, `state` and `states-for-dag-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tradewind.cli.naming import find_task_instance, read_document, require_run, run_argument
from tradewind.cli.terminal.access import opened_database, read_settings
from tradewind.cli.terminal.options import command, file_option, map_index_option, output_option
from tradewind.cli.terminal.output import date_text, print_rows

if TYPE_CHECKING:
    from tradewind.metadata.runs import RunDetail, TaskInstanceDetail
    from tradewind.serialization.document import DagDocument


@command("list")
@click.argument("dag_id")
@file_option
@click.option("-t", "--tree", is_flag=True, help="Draw them as a tree.")
def list_tasks(dag_id: str, file: str | None, tree: bool) -> None:
    """List the tasks of a DAG.

    One task_id a line. From the database, or with `--file` from a file that need not be known to it.
    """
    from tradewind.cli.dag_commands.drawing import draw_tree

    document = _document(dag_id, file)
    if tree:
        click.echo(draw_tree(document))
    else:
        click.echo("\n".join(sorted(task.task_id for task in document.tasks)))


@command("state")
@click.argument("dag_id")
@click.argument("task_id")
@run_argument
@map_index_option
def state(dag_id: str, task_id: str, run: str, map_index: int) -> None:
    """Show the state of a task instance.

    `None` for one that the scheduler has not looked at yet, as in Airflow.
    """
    with opened_database(read_settings()) as database:
        _, found = find_task_instance(database, dag_id, run, task_id, map_index)
    click.echo(_state_text(found) or "None")


@command("states-for-dag-run")
@click.argument("dag_id")
@run_argument
@output_option
def states_for_dag_run(dag_id: str, run: str, output: str) -> None:
    """Show the states of all task instances of a run."""
    from tradewind.metadata.runs import RunFilter, TaskInstanceFilter, list_task_instances

    with opened_database(read_settings()) as database:
        found = require_run(database, dag_id, run)
        which = TaskInstanceFilter(runs=RunFilter(run_pks=(found.run_pk,)))
        instances, _ = list_task_instances(database, which)
    has_mapped = any(instance.map_index >= 0 for instance in instances)
    print_rows([_row(found, instance, has_mapped=has_mapped) for instance in instances], output)


def _document(dag_id: str, file: str | None) -> DagDocument:
    if file is None:
        with opened_database(read_settings()) as database:
            return read_document(database, dag_id)
    from tradewind.cli.author_files import find_dag
    from tradewind.sdk.document import to_document

    return to_document(find_dag(read_settings(), dag_id, file), dag_folder=".")


def _row(run: RunDetail, instance: TaskInstanceDetail, *, has_mapped: bool) -> dict[str, str]:
    row = {
        "dag_id": instance.dag_id,
        "logical_date": date_text(run.logical_date),
        "task_id": instance.task_id,
        "state": _state_text(instance),
        "start_date": date_text(instance.started_at),
        "end_date": date_text(instance.ended_at),
    }
    if has_mapped:
        row["map_index"] = str(instance.map_index) if instance.map_index >= 0 else ""
    return row


def _state_text(instance: TaskInstanceDetail | None) -> str:
    """Return a state as Airflow's lists show it: "" for none."""
    return "" if instance is None or instance.state.value == "none" else instance.state.value
