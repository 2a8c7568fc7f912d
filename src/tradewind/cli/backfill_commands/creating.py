"""`tradewind backfill create`."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.naming import on_latest_version, read_document
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import DATE, JSON_OBJECT, command, output_option
from tradewind.cli.terminal.output import date_text, print_rows, say

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.config.settings import Settings
    from tradewind.metadata.backfills import Backfill, BackfillRequest
    from tradewind.metadata.database import Database


@command("create")
@click.option("--dag-id", required=True, help="The DAG.")
@click.option("--from-date", type=DATE, required=True, help="The first logical date.")
@click.option("--to-date", type=DATE, required=True, help="The last logical date.")
@click.option("--dag-run-conf", type=JSON_OBJECT, help="The conf of the runs, a JSON object.")
@click.option(
    "--reprocess-behavior",
    type=click.Choice(["none", "failed", "completed"]),
    default="none",
    show_default=True,
    help="Which runs that are there start over: none, those that failed, or all that are over.",
)
@click.option(
    "--max-active-runs", type=click.IntRange(min=1), default=10, show_default=True, help="So many run at once."
)
@click.option("--run-backwards", is_flag=True, help="The last date first.")
@click.option(
    "--run-on-latest-version/--no-run-on-latest-version",
    default=None,
    help="Whether runs that start over do so with the newest version of the DAG; so by default.",
)
@click.option("--dry-run", is_flag=True, help="Show which runs there would be, and create nothing.")
@output_option
def create(
    *,
    dag_id: str,
    from_date: datetime,
    to_date: datetime,
    dag_run_conf: dict[str, Any] | None,
    reprocess_behavior: str,
    max_active_runs: int,
    run_backwards: bool,
    run_on_latest_version: bool | None,
    dry_run: bool,
    output: str,
) -> None:
    """Create a backfill: runs of a DAG for a span of the past.

    The scheduler creates and starts them, as many at once as `--max-active-runs` says, whatever the DAG's own
    max_active_runs. Of a DAG one backfill is under way at a time. The runs of a paused DAG wait.
    """
    from tradewind.core.runs.backfill import ReprocessBehavior
    from tradewind.metadata.backfills import BackfillRequest

    settings = read_settings()
    with opened_database(settings) as database:
        document = read_document(database, dag_id)
    request = BackfillRequest(
        dag_id=dag_id,
        from_date=from_date,
        to_date=to_date,
        dag_run_conf=dag_run_conf,
        reprocess_behavior=ReprocessBehavior(reprocess_behavior),
        max_active_runs=max_active_runs,
        is_backwards=run_backwards,
        is_on_latest_version=on_latest_version(settings, document, asked=run_on_latest_version, usually=True),
        triggering_user_name=user_name(),
    )
    with opened_database(settings) as database:
        check_conf(settings, database, request)
        if dry_run:
            print_plan(database, request, output)
        else:
            created = start(database, request)
            print_rows([shown(created)], output)


def check_conf(settings: Settings, database: Database, request: BackfillRequest) -> None:
    """Raise `CommandError` for a conf that the params of the DAG do not allow, `NotFoundError` for an unknown DAG."""
    from tradewind.serialization.run_conf import RunConfError, check_run_conf

    document = read_document(database, request.dag_id)
    if request.dag_run_conf is None:
        return
    try:
        overrides = settings.boolean("core", "dag_run_conf_overrides_params")
        check_run_conf(document, request.dag_run_conf, overrides_params=overrides)
    except RunConfError as error:
        raise CommandError(str(error)) from error


def print_plan(database: Database, request: BackfillRequest, output: str) -> None:
    """Print the runs that the backfill would have."""
    from tradewind.metadata.backfills import plan_backfill

    rows = [
        {
            "logical_date": date_text(planned.logical_date),
            "run_after": date_text(planned.run_after),
            "action": "start over" if planned.is_there else "create",
        }
        for planned in plan_backfill(database, CLOCK, request)
    ]
    print_rows(rows, output)


def start(database: Database, request: BackfillRequest) -> Backfill:
    """Create the backfill and say what may keep it waiting."""
    from tradewind.metadata.backfills import create_backfill
    from tradewind.metadata.dags import DagStore

    created = create_backfill(database, CLOCK, request)
    if DagStore(database, CLOCK).get_dag(request.dag_id).is_paused:
        say(f"DAG {request.dag_id} is paused: the backfill begins when it is unpaused")
    return created


def shown(found: Backfill) -> dict[str, Any]:
    """Return a backfill as lists show it."""
    return {
        "id": found.pk,
        "dag_id": found.dag_id,
        "from_date": date_text(found.from_date),
        "to_date": date_text(found.to_date),
        "reprocess_behavior": found.reprocess_behavior.value,
        "max_active_runs": found.max_active_runs,
        "is_paused": found.is_paused,
        "created_at": date_text(found.created_at),
        "completed_at": date_text(found.completed_at),
        "error": found.error or "",
    }


def user_name() -> str | None:
    """Return who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None  # a container's user need not have a name
