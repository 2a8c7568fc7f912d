"""`tradewind tasks explain` and `failed-deps`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tradewind.cli.naming import require_run, run_argument
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import command, map_index_option
from tradewind.cli.terminal.output import print_rows

if TYPE_CHECKING:
    from tradewind.core.explain import Explanation


@command("explain")
@click.argument("dag_id")
@click.argument("task_id")
@run_argument
@map_index_option
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml", "plain"]),
    help="Print what it waits for as a list instead of sentences.",
)
def explain(dag_id: str, task_id: str, run: str, map_index: int, output: str | None) -> None:
    """Say why a task instance is not running.

    Everything that it waits for, from the code that decides about it: the trigger rule and the tasks before it, limits
    with what they are and who holds them, the pool, a pause, a date. Of one that has ended: why it ended so.
    """
    found = _explained(dag_id, task_id, run, map_index)
    if output is not None:
        rows = [
            {
                "kind": blocker.kind,
                "subject": blocker.subject,
                "text": blocker.text,
                "used": blocker.used,
                "total": blocker.total,
                "holders": list(blocker.holders),
            }
            for blocker in found.blockers
        ]
        print_rows(rows, output)
        return
    click.echo(f"{task_id} is {_words(found)}.")
    click.echo("\n".join(f"- {blocker.text}" for blocker in found.blockers) or found.summary)


@command("failed-deps")
@click.argument("dag_id")
@click.argument("task_id")
@run_argument
@map_index_option
def failed_deps(dag_id: str, task_id: str, run: str, map_index: int) -> None:
    """Airflow's question: what a task instance still waits for.

    The same answer as `tasks explain`, in Airflow's form.
    """
    found = _explained(dag_id, task_id, run, map_index)
    if not found.blockers:
        click.echo("Task instance dependencies are all met.")
        return
    click.echo("Task instance dependencies not met:")
    for blocker in found.blockers:
        click.echo(f"{blocker.kind.value.replace('_', ' ').title()}: {blocker.text}")


def _explained(dag_id: str, task_id: str, run: str, map_index: int) -> Explanation:
    from tradewind.metadata.explaining import explain_task_instance

    settings = read_settings()
    with opened_database(settings) as database:
        return explain_task_instance(
            database,
            CLOCK,
            dag_id=dag_id,
            run_id=require_run(database, dag_id, run).run_id,
            task_id=task_id,
            map_index=map_index,
            parallelism=settings.integer("core", "parallelism"),
        )


def _words(found: Explanation) -> str:
    return "not scheduled yet" if found.state.value == "none" else found.state.value.replace("_", " ")
