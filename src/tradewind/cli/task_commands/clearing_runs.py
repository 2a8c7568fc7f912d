"""`tradewind dags clear`."""

from __future__ import annotations

import click

from tradewind.cli.naming import on_latest_version, read_document, require_run
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import command, confirm, yes_option
from tradewind.cli.terminal.output import say


@command("clear")
@click.argument("dag_id")
@click.option("--run-id", "run", required=True, help="The run's run_id or logical date.")
@click.option("-f", "--only-failed", is_flag=True, help="Only what failed, or could not start because of that.")
@click.option("-r", "--only-running", is_flag=True, help="Only what is running.")
@click.option("--only-new", is_flag=True, help="Only the tasks that the DAG got since the run started.")
@click.option(
    "--run-on-latest-version/--no-run-on-latest-version",
    default=None,
    help="Whether the run goes on with the newest version of the DAG; by default it keeps its own.",
)
@yes_option
def clear(
    *,
    dag_id: str,
    run: str,
    only_failed: bool,
    only_running: bool,
    only_new: bool,
    run_on_latest_version: bool | None,
    yes: bool,
) -> None:
    """Let a run of a DAG start over.

    One that is over is queued again. What runs is stopped first, and starts over then.
    """
    from tradewind.metadata.runs import RunFilter, TaskInstanceFilter, clear_task_instances, queue_new_tasks

    if only_new and (only_failed or only_running):
        raise click.UsageError("choose --only-new, or --only-failed and --only-running")
    settings = read_settings()
    with opened_database(settings) as database:
        found = require_run(database, dag_id, run)
        confirm(f"Let run {found.run_id} of DAG {dag_id} start over?", is_confirmed=yes)
        if only_new:
            queue_new_tasks(database, CLOCK, dag_id, found.run_id)
            say(f"run {found.run_id} goes on with the tasks that it has not had")
            return
        cleared = clear_task_instances(
            database,
            CLOCK,
            TaskInstanceFilter(runs=RunFilter(run_pks=(found.run_pk,))),
            only_failed=only_failed,
            only_running=only_running,
            run_on_latest_version=on_latest_version(
                settings, read_document(database, dag_id), asked=run_on_latest_version, usually=False
            ),
        )
    say(f"{len(cleared.task_instances)} task instances cleared")
