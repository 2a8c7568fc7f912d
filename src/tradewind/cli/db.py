"""`tradewind db`: the metadata database and its schema."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from tradewind.cli.errors import EX_UNAVAILABLE
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import DATE, command, confirm, output_option, yes_option
from tradewind.cli.terminal.output import print_rows, say
from tradewind.cli.terminal.progress import with_progress

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.metadata.database import Database

_POLL_S = 0.5


@command("migrate")
def migrate() -> None:
    """Create the schema, or bring it up to date.

    Makes the home folder first where there is none. Harmless when the database is up to date; processes that migrate
    at the same time wait for each other.
    """
    _migrate()


@command("upgrade")
def upgrade() -> None:
    """Airflow 2's name of `db migrate`."""
    _migrate()


@command("init")
def init() -> None:
    """Airflow 2's first name of `db migrate`."""
    _migrate()


@command("check")
@click.option("--retry", type=click.IntRange(min=0), default=0, help="Try so many times more when it does not answer.")
@click.option("--retry-delay", type=float, default=1.0, help="Seconds between two tries.")
def check(retry: int, retry_delay: float) -> int:
    """Tell whether the database answers and is up to date.

    Exit code 0: it is; 69: it does not answer, or has another schema than this release needs.
    """
    from tradewind.metadata import schema
    from tradewind.metadata.errors import DatabaseUnavailableError

    settings = read_settings()
    for left in range(retry, -1, -1):
        try:
            with opened_database(settings) as database:
                say(schema.check(database).message)
                return 0
        except DatabaseUnavailableError as error:
            if not left:
                raise
            say(f"{error}; trying again in {retry_delay:g} s")
            time.sleep(retry_delay)
    return EX_UNAVAILABLE


@command("check-migrations")
@click.option("-t", "--migration-wait-timeout", type=float, default=60.0, help="Seconds to wait; 0 looks once.")
def check_migrations(migration_wait_timeout: float) -> None:
    """Wait until the database is up to date.

    For processes that start beside the one that migrates. Fails when the time is over.
    """
    from tradewind.metadata.errors import DatabaseUnavailableError, SchemaError

    settings = read_settings()
    deadline_s = CLOCK.monotonic() + migration_wait_timeout
    while True:
        try:
            with opened_database(settings):
                return
        except (DatabaseUnavailableError, SchemaError):
            if CLOCK.monotonic() >= deadline_s:
                raise
            time.sleep(_POLL_S)


@command("reset")
@yes_option
@click.option("-s", "--skip-init", is_flag=True, help="Delete the tables only, and create none.")
def reset(yes: bool, skip_init: bool) -> None:
    """Delete everything and create the schema anew.

    DAGs, runs, variables and connections are gone then; files and logs stay.
    """
    from tradewind.metadata import schema
    from tradewind.standalone.home import prepare_home

    settings = read_settings()
    prepare_home(settings)
    with opened_database(settings, is_checked=False) as database:
        confirm(f"Delete every table of {_name_of(database)}?", is_confirmed=yes)
        if skip_init:
            schema.downgrade(database, "base")
            say("The tables are deleted")
        else:
            schema.reset(database)
            say("The database is empty and up to date")


@command("downgrade")
@click.option("-r", "--to-revision", required=True, help="The revision to go back to; `base` deletes all tables.")
@yes_option
def downgrade(to_revision: str, yes: bool) -> None:
    """Go back to an earlier revision of the schema."""
    from tradewind.metadata import schema

    if to_revision not in {"base", *schema.REVISIONS}:
        known = ", ".join(("base", *schema.REVISIONS))
        raise click.BadParameter(f"there is no revision {to_revision!r}, only {known}", param_hint="--to-revision")
    with opened_database(read_settings(), is_checked=False) as database:
        confirm(f"Go back to revision {to_revision} of {_name_of(database)}?", is_confirmed=yes)
        schema.downgrade(database, to_revision)
        say(f"The database is at revision {to_revision}")


@command("clean")
@click.option("--clean-before-timestamp", type=DATE, required=True, help="Prune what ended or was written before.")
@click.option("-t", "--tables", help="Prune these only, separated by commas: dag_run, log, job, dag_version.")
@click.option("--dag-ids", help="Only what belongs to these DAGs, separated by commas.")
@click.option("--exclude-dag-ids", help="Nothing that belongs to these DAGs, separated by commas.")
@click.option("--dry-run", is_flag=True, help="Count what would be deleted, and delete nothing.")
@click.option("--batch-size", type=click.IntRange(min=1), default=500, help="Rows of one transaction.")
@click.option("--skip-archive", is_flag=True, help="As always here: what is deleted is not kept in other tables.")
@yes_option
@output_option
def clean(
    *,
    clean_before_timestamp: datetime,
    tables: str | None,
    dag_ids: str | None,
    exclude_dag_ids: str | None,
    dry_run: bool,
    batch_size: int,
    skip_archive: bool,  # noqa: ARG001 - accepted for Airflow's command lines
    yes: bool,
    output: str,
) -> None:
    """Prune what is older than a date.

    Runs go with their task instances, XComs and history. Of each DAG the newest run stays, and the one from which its
    schedule goes on. Unfinished runs stay.
    """
    from tradewind.metadata.prune import TABLES, WhichDags, prune

    names = _names(tables) or list(TABLES)
    which = WhichDags(_names(dag_ids), _names(exclude_dag_ids)) if dag_ids or exclude_dag_ids else None
    with opened_database(read_settings()) as database:
        steps = prune(
            database,
            before=clean_before_timestamp,
            tables=names,
            dry_run=dry_run,
            batch_size=batch_size,
            which=which,
        )
        if not dry_run:
            confirm(f"Prune {', '.join(names)} of what is older than {clean_before_timestamp}?", is_confirmed=yes)
        counts = {
            step.table: step.rows
            for step in with_progress(steps, "Pruning", describe=lambda step: f"{step.table}: {step.rows} rows")
        }
    print_rows([{"table": name, "rows": rows} for name, rows in counts.items()], output)


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()] if text else []


def _migrate() -> None:
    from tradewind.metadata import schema
    from tradewind.metadata.schema import SchemaState
    from tradewind.standalone.home import prepare_home

    settings = read_settings()
    prepare_home(settings)
    with opened_database(settings, is_checked=False) as database:
        before = schema.migrate(database)
        words = {
            SchemaState.CURRENT: "was up to date already",
            SchemaState.EMPTY: "is created",
            SchemaState.BEHIND: f"is brought up to date, from revision {before.found}",
        }
        say(f"The database {words.get(before.state, 'is up to date')} (revision {before.head})")


def _name_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=True)
