"""`tradewind dags next-execution`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import command
from tradewind.cli.terminal.output import print_rows, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tradewind.core.timetables.protocol import DagRunInfo
    from tradewind.metadata.batch import DagRow

_FIELDS = ("logical_date", "data_interval.start", "data_interval.end", "run_after")


@command("next-execution")
@click.argument("dag_id")
@click.option("-n", "--num-executions", type=click.IntRange(min=1), default=1, help="How many runs to show.")
@click.option(
    "--field", type=click.Choice(_FIELDS), help="Which of a run's dates to show; by default its logical date."
)
@click.option("--table", is_flag=True, help="Show all dates of each run.")
def next_execution(dag_id: str, num_executions: int, field: str | None, table: bool) -> None:
    """Show when a DAG's next runs are due.

    One line for each, with its logical date; `None` where the schedule makes no more runs.
    """
    if table and field:
        raise click.UsageError("choose --table or --field")
    rows = [_dates(info) for info in _next_runs(_stored(dag_id), num_executions)]
    if len(rows) < num_executions:
        say("Warning: the schedule makes no further runs (it may be None or '@once', or its end_date is reached)")
    if table:
        print_rows([{name: "" if row[name] is None else str(row[name]) for name in _FIELDS} for row in rows], "table")
        return
    shown = [row[field or "logical_date"] for row in rows]
    for moment in shown if len(rows) == num_executions else [*shown, None]:
        click.echo("None" if moment is None else moment.isoformat())


def _stored(dag_id: str) -> DagRow:
    from tradewind.metadata.dags import DagStore
    from tradewind.metadata.scheduling import SchedulerStore

    with opened_database(read_settings()) as database:
        rows = SchedulerStore(database, CLOCK).load_dags([dag_id])
        if not rows:
            DagStore(database, CLOCK).get_dag(dag_id)  # an unknown one ends here
            raise CommandError(f"DAG {dag_id!r} makes no runs: its file is gone, or has an import error")
    if rows[0].is_paused:
        say(f"DAG {dag_id!r} is paused: no run is created before it is unpaused")
    return rows[0]


def _next_runs(row: DagRow, count: int) -> Iterator[DagRunInfo]:
    """Yield the DAG's next runs, as the scheduler would create them."""
    from tradewind.core.runs import next_run
    from tradewind.core.timetables.codec import NeedsAuthorCode, decode_timetable
    from tradewind.core.timetables.protocol import DataInterval, TimetableError
    from tradewind.serialization.document import decode_document

    document = decode_document(row.document)
    timetable = decode_timetable(document.timetable)
    last, last_run_after = None, row.last_run_after
    if row.last_interval_start is not None and row.last_interval_end is not None:
        last = DataInterval(row.last_interval_start, row.last_interval_end)
    catchup = document.catchup
    for _ in range(count):
        try:
            info = next_run(
                timetable,
                last_interval=last,
                last_run_after=last_run_after,
                start_date=document.start_date,
                end_date=document.end_date,
                catchup=catchup,
                now=CLOCK.now(),
            )
        except NeedsAuthorCode as error:
            raise CommandError(
                f"DAG {row.dag_id!r} has a timetable of its own ({error.class_path}), which only its file can ask: "
                "`tradewind dags details` shows the next run that the scheduler knows"
            ) from error
        except TimetableError as error:
            raise CommandError(f"DAG {row.dag_id!r}: {error}") from error
        if info is None:
            return
        yield info
        # Each further one follows the one before, also where the scheduler would leave out those that were missed.
        last, last_run_after, catchup = info.data_interval, info.run_after, True


def _dates(info: DagRunInfo) -> dict[str, datetime | None]:
    interval = info.data_interval
    return {
        "logical_date": info.logical_date,
        "data_interval.start": None if interval is None else interval.start,
        "data_interval.end": None if interval is None else interval.end,
        "run_after": info.run_after,
    }
