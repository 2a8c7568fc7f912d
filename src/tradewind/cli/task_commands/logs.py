"""`tradewind tasks logs`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.naming import find_task_instance, run_argument
from tradewind.cli.terminal.access import opened_database, read_settings
from tradewind.cli.terminal.options import command, map_index_option

if TYPE_CHECKING:
    from tradewind.config.settings import Settings

_PAUSE_S = 0.2


@command("logs")
@click.argument("dag_id")
@click.argument("task_id")
@run_argument
@map_index_option
@click.option("-n", "--try", "try_number", type=click.IntRange(min=1), help="Which try; the last one unless given.")
@click.option("-f", "--follow", is_flag=True, help="Go on while the try writes.")
def logs(dag_id: str, task_id: str, run: str, map_index: int, try_number: int | None, follow: bool) -> None:
    """Show the log of a try."""
    from tradewind.logs.layout import LogLayout, TryLogId
    from tradewind.logs.reader import follow as follow_log

    settings = read_settings()
    with opened_database(settings) as database:
        found, instance = find_task_instance(database, dag_id, run, task_id, map_index)
    last = 0 if instance is None else instance.try_number
    layout = LogLayout(
        settings.string("logging", "base_log_folder"), settings.string("logging", "log_filename_template")
    )
    log = TryLogId(dag_id, found.run_id, task_id, map_index, try_number or max(last, 1))
    path = layout.path(log)
    if not follow and not path.is_file():
        tries = ", ".join(map(str, layout.tries(log)))
        raise CommandError(
            f"try {log.try_number} of task {task_id!r} has no log here ({path}); "
            + (f"there are logs of the tries {tries}" if tries else f"it has begun {last} tries")
        )

    def is_ended() -> bool:
        return not follow or _has_ended(settings, dag_id, found.run_id, task_id, map_index, log.try_number)

    for chunk in follow_log(path, is_ended, lambda: time.sleep(_PAUSE_S)):
        click.echo(chunk.text, nl=False)


def _has_ended(settings: Settings, dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int) -> bool:
    """Return whether nobody writes to the log of the try any more."""
    from tradewind.core.states import HOLDING_SLOT, TaskInstanceState

    with opened_database(settings) as database:
        _, instance = find_task_instance(database, dag_id, run_id, task_id, map_index)
    if instance is None or instance.try_number < try_number:
        return False
    waits = HOLDING_SLOT | {TaskInstanceState.SCHEDULED}
    return instance.try_number > try_number or instance.state not in waits
