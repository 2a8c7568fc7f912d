"""`tradewind tasks clear`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from tradewind.cli.naming import read_document, require_run
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import DATE, command, confirm, output_option, yes_option
from tradewind.cli.terminal.output import print_rows, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tradewind.metadata.database import Database
    from tradewind.metadata.runs import Cleared, TaskInstanceFilter
    from tradewind.serialization.document import DagDocument


@command("clear")
@click.argument("dag_id")
@click.option("-R", "--dag-regex", is_flag=True, help="DAG_ID is a regular expression for several.")
@click.option("-t", "--task-regex", help="Only tasks whose task_id this expression is found in; all unless given.")
@click.option("--run", "run", help="Only the run with this run_id or logical date.")
@click.option("-s", "--start-date", type=DATE, help="Only runs with this logical date or a later one.")
@click.option("-e", "--end-date", type=DATE, help="Only runs with this logical date or an earlier one.")
@click.option("-u", "--upstream", is_flag=True, help="Also the tasks before those.")
@click.option("-d", "--downstream", is_flag=True, help="Also the tasks after those.")
@click.option("-f", "--only-failed", is_flag=True, help="Only what failed, or could not start because of that.")
@click.option("-r", "--only-running", is_flag=True, help="Only what is running.")
@click.option("--run-on-latest-version", is_flag=True, help="Let the runs go on with the newest version of the DAG.")
@click.option("--dry-run", is_flag=True, help="Show what would be cleared, and clear nothing.")
@yes_option
@output_option
def clear(
    *,
    dag_id: str,
    dag_regex: bool,
    task_regex: str | None,
    run: str | None,
    start_date: datetime | None,
    end_date: datetime | None,
    upstream: bool,
    downstream: bool,
    only_failed: bool,
    only_running: bool,
    run_on_latest_version: bool,
    dry_run: bool,
    yes: bool,
    output: str,
) -> None:
    """Let task instances start over.

    Runs that are over are queued again. What runs is stopped first, and starts over then. Prints the instances with the
    state they had.
    """
    from tradewind.metadata.runs import RunFilter, TaskInstanceFilter, clear_task_instances

    with opened_database(read_settings()) as database:
        filters: list[TaskInstanceFilter] = []
        for name in _dag_ids(database, dag_id, is_regex=dag_regex):
            task_ids = _task_ids(
                read_document(database, name), task_regex, with_upstream=upstream, with_downstream=downstream
            )
            runs = RunFilter(
                dag_ids=(name,),
                run_pks=() if run is None else (require_run(database, name, run).run_pk,),
                logical_date_from=start_date,
                logical_date_to=end_date,
            )
            if task_ids or task_regex is None:
                filters.append(TaskInstanceFilter(runs=runs, task_ids=sorted(task_ids)))

        def cleared(*, is_dry: bool) -> list[Cleared]:
            return [
                clear_task_instances(
                    database,
                    CLOCK,
                    which,
                    only_failed=only_failed,
                    only_running=only_running,
                    run_on_latest_version=run_on_latest_version,
                    dry_run=is_dry,
                )
                for which in filters
            ]

        found = cleared(is_dry=True)
        count = sum(len(one.task_instances) for one in found)
        if count and not dry_run:
            confirm(f"Clear {count} task instances?", is_confirmed=yes)
            found = cleared(is_dry=False)
    print_rows(_rows(found), output)
    if not dry_run:
        say(f"{sum(len(one.task_instances) for one in found)} task instances cleared")


def _dag_ids(database: Database, dag_id: str, *, is_regex: bool) -> list[str]:
    if not is_regex:
        return [dag_id]
    from tradewind.metadata.dags import DagStore

    expression = _compiled(dag_id, "DAG_ID")
    return [dag.dag_id for dag in DagStore(database, CLOCK).list_dags()[0] if expression.search(dag.dag_id)]


def _task_ids(document: DagDocument, pattern: str | None, *, with_upstream: bool, with_downstream: bool) -> set[str]:
    """Return the tasks that the pattern finds, with their relatives where asked for; all of them for None."""
    downstream = {task.task_id: task.downstream for task in document.tasks}
    if pattern is None:
        return set(downstream)
    expression = _compiled(pattern, "--task-regex")
    chosen = {task_id for task_id in downstream if expression.search(task_id)}
    found = set(chosen)
    if with_downstream:
        found |= _reached(chosen, downstream)
    if with_upstream:
        upstream: dict[str, list[str]] = {task_id: [] for task_id in downstream}
        for task_id, targets in downstream.items():
            for target in targets:
                upstream[target].append(task_id)
        found |= _reached(chosen, upstream)
    return found


def _reached(starts: set[str], edges: dict[str, tuple[str, ...]] | dict[str, list[str]]) -> set[str]:
    reached: set[str] = set()
    pending = list(starts)
    while pending:
        for target in edges[pending.pop()]:
            if target not in reached:
                reached.add(target)
                pending.append(target)
    return reached


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
