"""`tradewind tasks clear`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.naming import on_latest_version, read_document, require_run
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import DATE, command, confirm, output_option, yes_option
from tradewind.cli.terminal.output import print_rows, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from typing import Any

    from tradewind.metadata.database import Database
    from tradewind.metadata.runs import Cleared, RunFilter, TaskInstanceFilter
    from tradewind.serialization.document import DagDocument


def _options_without_meaning(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take the options that say nothing here."""
    for names, is_flag, text in (
        (("-S", "--subdir"), False, "Takes no effect: DAGs are taken from the database."),
        (("-B", "--bundle-name"), False, "Takes no effect: a dag_id is of one bundle."),
        (("-x", "--exclude-subdags"), True, "Takes no effect: there are no sub-DAGs."),
        (("-X", "--exclude-parentdag"), True, "Takes no effect: there are no sub-DAGs."),
    ):
        function = click.option(*names, is_flag=is_flag, expose_value=False, help=text)(function)
    return function


@command("clear")
@click.argument("dag_id")
@click.option("-R", "--dag-regex", is_flag=True, help="DAG_ID is a regular expression for several.")
@click.option("-t", "--task-regex", help="Only tasks whose task_id this expression is found in; all unless given.")
@click.option("--task-group", help="Only the tasks of this task group.")
@click.option("--map-index", "map_indexes", type=int, multiple=True, help="Of mapped tasks only these instances.")
@click.option("--run", "run", help="Only the run with this run_id or logical date.")
@click.option("--past", is_flag=True, help="With --run: also the runs with an earlier logical date.")
@click.option("--future", is_flag=True, help="With --run: also the runs with a later logical date.")
@click.option("-s", "--start-date", type=DATE, help="Only runs with this logical date or a later one.")
@click.option("-e", "--end-date", type=DATE, help="Only runs with this logical date or an earlier one.")
@click.option("-u", "--upstream", is_flag=True, help="Also the tasks before those.")
@click.option("-d", "--downstream", is_flag=True, help="Also the tasks after those.")
@click.option("-f", "--only-failed", is_flag=True, help="Only what failed, or could not start because of that.")
@click.option("-r", "--only-running", is_flag=True, help="Only what is running.")
@click.option(
    "--run-on-latest-version/--no-run-on-latest-version",
    default=None,
    help="Whether the runs go on with the newest version of the DAG; by default they keep their own.",
)
@click.option("--note", help="A note to write beside what is cleared.")
@_options_without_meaning
@click.option("--dry-run", is_flag=True, help="Show what would be cleared, and clear nothing.")
@yes_option
@output_option
def clear(
    *,
    dag_id: str,
    dag_regex: bool,
    task_regex: str | None,
    task_group: str | None,
    map_indexes: tuple[int, ...],
    run: str | None,
    past: bool,
    future: bool,
    start_date: datetime | None,
    end_date: datetime | None,
    upstream: bool,
    downstream: bool,
    only_failed: bool,
    only_running: bool,
    run_on_latest_version: bool | None,
    note: str | None,
    dry_run: bool,
    yes: bool,
    output: str,
) -> None:
    """Let task instances start over.

    Runs that are over are queued again. What runs is stopped first, and starts over then. With a task come the setups
    that hold for it, with their teardowns. Prints the instances with the state they had.
    """
    from tradewind.metadata.runs import TaskInstanceFilter, clear_task_instances, note_task_instances

    if (past or future) and run is None:
        raise click.UsageError("--past and --future go from a run: name it with --run")
    settings = read_settings()
    with opened_database(settings) as database:
        filters: list[tuple[TaskInstanceFilter, bool]] = []
        for name in _dag_ids(database, dag_id, is_regex=dag_regex):
            document = read_document(database, name)
            task_ids = _task_ids(document, task_regex, task_group, upstream=upstream, downstream=downstream)
            runs = _runs(database, name, run, start_date, end_date, past=past, future=future)
            if task_ids is None or task_ids:
                which = TaskInstanceFilter(runs=runs, task_ids=sorted(task_ids or ()), map_indexes=map_indexes)
                is_latest = on_latest_version(settings, document, asked=run_on_latest_version, usually=False)
                filters.append((which, is_latest))

        def cleared(*, is_dry: bool) -> list[Cleared]:
            return [
                clear_task_instances(
                    database,
                    CLOCK,
                    which,
                    only_failed=only_failed,
                    only_running=only_running,
                    run_on_latest_version=is_latest,
                    dry_run=is_dry,
                )
                for which, is_latest in filters
            ]

        found = cleared(is_dry=True)
        count = sum(len(one.task_instances) for one in found)
        if count and not dry_run:
            confirm(f"Clear {count} task instances?", is_confirmed=yes)
            found = cleared(is_dry=False)
            pks = [instance.ti_pk for one in found for instance in one.task_instances]
            if note is not None and pks:
                note_task_instances(database, TaskInstanceFilter(ti_pks=pks), note)
    print_rows(_rows(found), output)
    if not dry_run:
        say(f"{sum(len(one.task_instances) for one in found)} task instances cleared")


def _dag_ids(database: Database, dag_id: str, *, is_regex: bool) -> list[str]:
    if not is_regex:
        return [dag_id]
    from tradewind.metadata.dags import DagStore

    expression = _compiled(dag_id, "DAG_ID")
    return [dag.dag_id for dag in DagStore(database, CLOCK).list_dags()[0] if expression.search(dag.dag_id)]


def _task_ids(
    document: DagDocument, pattern: str | None, group_id: str | None, *, upstream: bool, downstream: bool
) -> set[str] | None:
    """Return the tasks of the group that the pattern finds, with what belongs to them; None where all are meant.

    Raises `CommandError` for an unknown group.
    """
    from tradewind.serialization.relatives import Relatives

    if pattern is None and group_id is None:
        return None
    relatives = Relatives(document)
    chosen: set[str] = {task.task_id for task in document.tasks}
    if group_id is not None:
        members = relatives.members(group_id)
        if members is None:
            raise CommandError(f"DAG {document.dag_id!r} has no task group {group_id!r}")
        chosen = set(members)
    if pattern is not None:
        expression = _compiled(pattern, "--task-regex")
        chosen = {task_id for task_id in chosen if expression.search(task_id)}
    return relatives.part(chosen, upstream=upstream, downstream=downstream)


def _runs(
    database: Database,
    dag_id: str,
    run: str | None,
    start_date: datetime | None,
    end_date: datetime | None,
    *,
    past: bool,
    future: bool,
) -> RunFilter:
    """Return the runs that are meant. Raises `CommandError` for an unknown one, and one that has none before or after."""
    from tradewind.metadata.runs import RunFilter

    if run is None:
        return RunFilter(dag_ids=(dag_id,), logical_date_from=start_date, logical_date_to=end_date)
    found = require_run(database, dag_id, run)
    if not past and not future:
        return RunFilter(run_pks=(found.run_pk,), logical_date_from=start_date, logical_date_to=end_date)
    if found.logical_date is None:
        raise CommandError(f"run {found.run_id!r} has no logical date, so no runs come before or after it")
    return RunFilter(
        dag_ids=(dag_id,),
        logical_date_from=start_date if past else found.logical_date,
        logical_date_to=end_date if future else found.logical_date,
    )


def _compiled(pattern: str, name: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise click.BadParameter(f"{pattern!r} is no regular expression: {error}", param_hint=name) from error


def _rows(cleared: Iterable[Cleared]) -> list[dict[str, str | int]]:
    return [
        {
            "dag_id": instance.dag_id,
            "run_id": instance.run_id,
            "task_id": instance.task_id,
            "map_index": instance.map_index,
            "state": instance.state.value,
        }
        for one in cleared
        for instance in one.task_instances
    ]
