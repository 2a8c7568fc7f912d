"""`tradewind dags callback-logs`."""

from __future__ import annotations

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.naming import require_run, run_argument
from tradewind.cli.terminal.access import opened_database, read_settings
from tradewind.cli.terminal.options import command


@command("callback-logs")
@click.argument("dag_id")
@run_argument
def callback_logs(dag_id: str, run: str) -> None:
    """Show what the callbacks of a run wrote.

    These are the DAG's own and those of its deadlines; a task's callbacks write to the log of its try.
    """
    from tradewind.logs.layout import LogLayout, callbacks_log
    from tradewind.logs.reader import follow

    settings = read_settings()
    with opened_database(settings) as database:
        found = require_run(database, dag_id, run)
    layout = LogLayout(
        settings.string("logging", "base_log_folder"), settings.string("logging", "log_filename_template")
    )
    path = layout.path(callbacks_log(dag_id, found.run_id))
    if not path.is_file():
        raise CommandError(f"no callback of run {found.run_id!r} has written a log here ({path})")
    for chunk in follow(path, lambda: True, lambda: None):
        click.echo(chunk.text, nl=False)
