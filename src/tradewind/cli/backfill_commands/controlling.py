"""`tradewind backfill list`, `pause`, `unpause` and `cancel`."""

from __future__ import annotations

import click

from tradewind.cli.backfill_commands.creating import shown
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import command, confirm, output_option, yes_option
from tradewind.cli.terminal.output import print_rows


@command("list")
@click.option("-d", "--dag-id", help="Backfills of this DAG only.")
@click.option("--active", is_flag=True, help="Backfills that are not over only.")
@output_option
def list_backfills(dag_id: str | None, active: bool, output: str) -> None:
    """List backfills with how many of their runs are in each state.

    Runs that have not been created yet count as waiting.
    """
    from tradewind.core.states import DagRunState
    from tradewind.metadata.backfills import count_runs
    from tradewind.metadata.backfills import list_backfills as read_backfills

    with opened_database(read_settings()) as database:
        found, _ = read_backfills(database, dag_id, is_active=True if active else None)
        rows = []
        for one in found:
            counts = count_runs(database, one.pk)
            waiting = 0 if one.completed_at else max(0, one.size + 1 - one.next_ordinal)
            states = {state.value: counts.get(state, 0) for state in DagRunState}
            rows.append(shown(one) | {"waiting": waiting} | states)
    print_rows(rows, output)


@command("pause")
@click.argument("backfill_id", type=int)
@output_option
def pause(backfill_id: int, output: str) -> None:
    """Pause a backfill: none of its runs starts; those under way go on."""
    _switch(backfill_id, output, is_paused=True)


@command("unpause")
@click.argument("backfill_id", type=int)
@output_option
def unpause(backfill_id: int, output: str) -> None:
    """Let a paused backfill go on."""
    _switch(backfill_id, output, is_paused=False)


@command("cancel")
@click.argument("backfill_id", type=int)
@yes_option
@output_option
def cancel(backfill_id: int, yes: bool, output: str) -> None:
    """End a backfill: its queued runs fail, those that are running go on to their end, no others come."""
    from tradewind.metadata.backfills import cancel_backfill, get_backfill

    with opened_database(read_settings()) as database:
        found = get_backfill(database, backfill_id)
        confirm(f"Cancel backfill {backfill_id} of DAG {found.dag_id}?", is_confirmed=yes)
        cancelled = cancel_backfill(database, CLOCK, backfill_id)
    print_rows([shown(cancelled)], output)


def _switch(backfill_id: int, output: str, *, is_paused: bool) -> None:
    from tradewind.metadata.backfills import pause_backfill

    with opened_database(read_settings()) as database:
        changed = pause_backfill(database, CLOCK, backfill_id, is_paused=is_paused)
    print_rows([shown(changed)], output)
