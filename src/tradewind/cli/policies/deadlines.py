"""`tradewind dags list-deadlines`."""

from __future__ import annotations

import click

from tradewind.cli.terminal.access import opened_database, read_settings
from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import print_rows


@command("list-deadlines")
@click.argument("dag_id", required=False)
@click.option("--missed", is_flag=True, help="Only those that were missed.")
@output_option
def list_deadlines(dag_id: str | None, missed: bool, output: str) -> None:
    """List deadlines of runs: those to come, and those missed."""
    from tradewind.metadata.policies.deadlines import list_deadlines as stored_deadlines

    with opened_database(read_settings()) as database:
        found = stored_deadlines(database, dag_id=dag_id, only_missed=missed)
    rows = [
        {
            "dag_id": one.dag_id,
            "run_id": one.run_id,
            "name": one.name or "",
            "due_at": one.due_at.isoformat(),
            "missed_at": one.missed_at.isoformat() if one.missed_at else "",
            "callback": one.callback_error or ("called" if one.called_at else ""),
        }
        for one in found
    ]
    print_rows(rows, output)
