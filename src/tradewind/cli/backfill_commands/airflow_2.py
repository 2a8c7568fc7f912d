"""Airflow 2's `dags backfill`: it creates backfills as `backfill create` does, and waits for their end."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.backfill_commands.creating import check_conf, print_plan, start, user_name
from tradewind.cli.errors import EX_FAILED, CommandError
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import DATE, command, conf_option, confirm, yes_option
from tradewind.cli.terminal.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tradewind.metadata.backfills import Backfill
    from tradewind.metadata.database import Database

_LOOK_AGAIN_S = 0.5
_TOLD_EVERY_S = 10.0
_REFUSED = {
    "task_regex": "a backfill runs whole DAGs: clear single tasks with `tradewind tasks clear --task-regex`",
    "mark_success": "a backfill runs its tasks: mark runs with `tradewind dags state` or the API instead",
    "ignore_dependencies": "a backfill runs whole DAGs, so there is nothing to ignore",
    "pool": "tasks keep the pool that the DAG gives them",
    "disable_retry": "tasks keep the retries that the DAG gives them",
}


def _options_without_meaning(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take the options that say nothing here: everything is run by the scheduler's executor, and limits are waited for."""
    for names, is_flag, text in (
        (("-l", "--local"), True, "Takes no effect: the scheduler's executor runs the tasks."),
        (("-x", "--donot-pickle"), True, "Takes no effect: DAGs are never pickled."),
        (("--continue-on-failures",), True, "Takes no effect: the other runs always go on."),
        (("-I", "--ignore-first-depends-on-past"), True, "Takes no effect: it is always so."),
        (("--delay-on-limit",), False, "Takes no effect: nothing polls for a free place."),
        (("-S", "--subdir"), False, "Takes no effect: DAGs are taken from the database."),
    ):
        function = click.option(*names, is_flag=is_flag, expose_value=False, help=text)(function)
    return function


@command("backfill")
@click.argument("dag_id")
@click.option("-s", "--start-date", type=DATE, help="The first logical date; --end-date unless given.")
@click.option("-e", "--end-date", type=DATE, help="The last logical date; --start-date unless given.")
@conf_option
@click.option("--treat-dag-as-regex", "--treat-dag-id-as-regex", is_flag=True, help="DAG_ID is a regular expression.")
@click.option("--reset-dagruns", is_flag=True, help="Runs that are over start over.")
@click.option("--rerun-failed-tasks", is_flag=True, help="Runs that failed start over.")
@click.option("-B", "--run-backwards", is_flag=True, help="The last date first.")
@click.option("-n", "--dry-run", is_flag=True, help="Show which runs there would be, and create nothing.")
@click.option("--no-wait", is_flag=True, help="Leave once the backfill is created, instead of waiting for its end.")
@click.option("-t", "--task-regex", help="Refused: a backfill runs whole DAGs.")
@click.option("-m", "--mark-success", is_flag=True, help="Refused: a backfill runs its tasks.")
@click.option("-i", "--ignore-dependencies", is_flag=True, help="Refused: a backfill runs whole DAGs.")
@click.option("--pool", help="Refused: tasks keep their pool.")
@click.option("--disable-retry", is_flag=True, help="Refused: tasks keep their retries.")
@_options_without_meaning
@yes_option
def backfill(
    *,
    dag_id: str,
    start_date: datetime | None,
    end_date: datetime | None,
    conf: dict[str, Any] | None,
    treat_dag_as_regex: bool,
    reset_dagruns: bool,
    rerun_failed_tasks: bool,
    run_backwards: bool,
    dry_run: bool,
    no_wait: bool,
    yes: bool,
    **refused: Any,
) -> None:
    """Airflow 2's way to create a backfill, which waits for its end.

    The scheduler runs it, as `tradewind backfill create` says, with the DAG's own max_active_runs. The exit code is 1
    when a run failed.
    """
    from tradewind.core.runs.backfill import ReprocessBehavior
    from tradewind.metadata.backfills import BackfillRequest
    from tradewind.metadata.dags import DagStore

    for name, value in refused.items():
        if value:
            raise click.UsageError(f"--{name.replace('_', '-')} is not possible: {_REFUSED[name]}")
    first, last = start_date or end_date, end_date or start_date
    if first is None or last is None:
        raise click.UsageError("give a --start-date, an --end-date or both")
    behavior = ReprocessBehavior.FAILED if rerun_failed_tasks else ReprocessBehavior.NONE
    behavior = ReprocessBehavior.COMPLETED if reset_dagruns else behavior
    settings = read_settings()
    with opened_database(settings) as database:
        store = DagStore(database, CLOCK)
        names = _matching(store, dag_id) if treat_dag_as_regex else [dag_id]
        requests = [
            BackfillRequest(
                dag_id=name,
                from_date=first,
                to_date=last,
                dag_run_conf=conf,
                reprocess_behavior=behavior,
                max_active_runs=store.get_dag(name).max_active_runs,
                is_backwards=run_backwards,
                triggering_user_name=user_name(),
            )
            for name in names
        ]
        for request in requests:
            check_conf(settings, database, request)
        if dry_run:
            for request in requests:
                print_plan(database, request, "table")
            return
        if reset_dagruns:
            confirm(f"Let the runs of {', '.join(names)} that are over start over?", is_confirmed=yes)
        created = [start(database, request) for request in requests]
        if not no_wait:
            _wait(database, created)


def _matching(store: Any, pattern: str) -> list[str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise click.BadParameter(f"{pattern!r} is no regular expression: {error}", param_hint="DAG_ID") from error
    found = [dag.dag_id for dag in store.list_dags()[0] if expression.search(dag.dag_id)]
    if not found:
        raise CommandError(f"no DAG matches {pattern!r}")
    return found


def _wait(database: Database, created: Sequence[Backfill]) -> None:
    """Wait until all of them are over; exits with 1 when a run failed, or one ended before its end."""
    from tradewind.core.states import DagRunState
    from tradewind.metadata.backfills import count_runs, get_backfill

    names = ", ".join(f"{one.pk} of {one.dag_id}" for one in created)
    say(f"backfill {names}: waiting for its end (Ctrl-C leaves it going; `tradewind backfill cancel` ends it)")
    told_at = time.monotonic()
    while True:
        found = [get_backfill(database, one.pk) for one in created]
        if all(one.completed_at for one in found):
            break
        if time.monotonic() - told_at >= _TOLD_EVERY_S:
            told_at = time.monotonic()
            say(f"backfill {names}: {_progress(database, found)}")
        time.sleep(_LOOK_AGAIN_S)
    say(f"backfill {names}: {_progress(database, found)}")
    errors = [f"backfill {one.pk}: {one.error}" for one in found if one.error]
    if errors:
        raise CommandError("; ".join(errors))
    if any(count_runs(database, one.pk).get(DagRunState.FAILED) for one in found):
        raise click.exceptions.Exit(EX_FAILED)


def _progress(database: Database, found: Sequence[Backfill]) -> str:
    from tradewind.metadata.backfills import count_runs

    parts: dict[str, int] = {}
    for one in found:
        waiting = 0 if one.completed_at else max(0, one.size + 1 - one.next_ordinal)
        for state, count in [*((s.value, c) for s, c in count_runs(database, one.pk).items()), ("waiting", waiting)]:
            parts[state] = parts.get(state, 0) + count
    return ", ".join(f"{count} {state}" for state, count in sorted(parts.items()) if count) or "no runs"
