"""`tradewind dags trigger`, `state` and `list-runs`."""

from __future__ import annotations

import getpass
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.naming import find_run, read_document, run_argument
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import DATE, command, conf_option, output_option
from tradewind.cli.terminal.output import date_text, print_rows

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.config.settings import Settings
    from tradewind.metadata.runs import RunDetail, RunRequest
    from tradewind.serialization.document import DagDocument


@command("trigger")
@click.argument("dag_id")
@conf_option
@click.option("-r", "--run-id", help="The run's run_id; made from its type and date unless given.")
@click.option("-l", "-e", "--logical-date", "--exec-date", type=DATE, help="The run's logical date.")
@click.option("--note", help="A note to show beside the run.")
@click.option("--partition-key", help="The partition that the run works on.")
@click.option("--no-replace-microseconds", is_flag=True, help="Keep the microseconds of the logical date.")
@output_option
def trigger(
    dag_id: str,
    conf: dict[str, Any] | None,
    run_id: str | None,
    logical_date: datetime | None,
    note: str | None,
    partition_key: str | None,
    no_replace_microseconds: bool,
    output: str,
) -> None:
    """Create a run of a DAG.

    The run of a paused DAG waits until the DAG is unpaused. Without `--logical-date` the run has none, as in Airflow 3;
    a DAG that is written for Airflow 2 gets the time of now, as there.
    """
    from tradewind.metadata.runs import create_manual_run

    if logical_date is not None and not no_replace_microseconds:
        logical_date = logical_date.replace(microsecond=0)
    settings = read_settings()
    with opened_database(settings) as database:
        document = read_document(database, dag_id)
        request = run_request(settings, document, conf or {}, run_id, logical_date)
        date = _partition_date(document, partition_key)
        request = replace(request, note=note, partition_key=partition_key, partition_date=date)
        run = create_manual_run(database, CLOCK, request)
    print_rows([_triggered(run)], output)


@command("state")
@click.argument("dag_id")
@run_argument
def state(dag_id: str, run: str) -> None:
    """Show the state of a run.

    With its conf behind it, where it has any; `None` when there is no such run, as in Airflow.
    """
    with opened_database(read_settings()) as database:
        found = find_run(database, dag_id, run)
    if found is None:
        click.echo("None")
    else:
        click.echo(f"{found.state}, {json.dumps(found.conf)}" if found.conf else found.state.value)


@command("list-runs")
@click.argument("dag_id", required=False)
@click.option("-d", "--dag-id", "dag_id_option", help="Airflow 2's way to name the DAG.")
@click.option("--state", type=click.Choice(["queued", "running", "success", "failed"]), help="Runs in this state only.")
@click.option("--no-backfill", is_flag=True, help="Leave out runs of backfills.")
@click.option("-s", "--start-date", type=DATE, help="Runs with this logical date or a later one.")
@click.option("-e", "--end-date", type=DATE, help="Runs with this logical date or an earlier one.")
@output_option
def list_runs(
    dag_id: str | None,
    dag_id_option: str | None,
    state: str | None,
    no_backfill: bool,
    start_date: datetime | None,
    end_date: datetime | None,
    output: str,
) -> None:
    """List the runs of a DAG.

    Newest first.
    """
    from tradewind.core.states import RunType
    from tradewind.metadata.dags import DagStore
    from tradewind.metadata.listing import Page
    from tradewind.metadata.runs import RunFilter
    from tradewind.metadata.runs import list_runs as read_runs

    name = dag_id or dag_id_option
    if name is None:
        raise click.UsageError("name the DAG: tradewind dags list-runs DAG_ID")
    which = RunFilter(
        dag_ids=(name,),
        states=(state,) if state else (),
        run_types=tuple(sorted(set(RunType) - {RunType.BACKFILL})) if no_backfill else (),
        logical_date_from=start_date,
        logical_date_to=end_date,
    )
    with opened_database(read_settings()) as database:
        runs, _ = read_runs(database, which, Page(order_by=("-run_after",)))
        if not runs:
            DagStore(database, CLOCK).get_dag(name)
    print_rows([_listed(run) for run in runs], output)


def run_request(
    settings: Settings,
    document: DagDocument,
    conf: dict[str, Any],
    run_id: str | None = None,
    logical_date: datetime | None = None,
) -> RunRequest:
    """Return the run to create, a manual one; raises `CommandError` for a conf or a run_id that cannot be."""
    from tradewind.core.timetables.codec import NeedsAuthorCode, decode_timetable
    from tradewind.metadata.runs import RunRequest
    from tradewind.serialization.run_conf import RunConfError, check_run_conf

    try:
        check_run_conf(document, conf, overrides_params=settings.boolean("core", "dag_run_conf_overrides_params"))
    except RunConfError as error:
        raise CommandError(str(error)) from error
    pattern = settings.string("scheduler", "allowed_run_id_pattern")
    if run_id is not None and pattern and re.match(pattern, run_id) is None:
        raise CommandError(f"the run_id {run_id!r} does not match [scheduler] allowed_run_id_pattern: {pattern}")
    if logical_date is None and document.airflow_defaults == _AIRFLOW_2:
        logical_date = CLOCK.now()
    interval = None
    if logical_date is not None:
        try:
            interval = decode_timetable(document.timetable).infer_manual_data_interval(run_after=logical_date)
        except NeedsAuthorCode:
            interval = (logical_date, logical_date)  # only the DAG's file could say more
    return RunRequest(
        dag_id=document.dag_id,
        run_id=run_id,
        logical_date=logical_date,
        data_interval=interval,
        conf=conf,
        triggered_by="cli",
        triggering_user_name=_user_name(),
    )


def _partition_date(document: DagDocument, partition_key: str | None) -> datetime | None:
    """Return the date that a partition key stands for, None where it stands for none."""
    from tradewind.core.timetables.codec import decode_timetable

    resolve = getattr(decode_timetable(document.timetable), "resolve_partition_date", None)
    try:
        return None if resolve is None else resolve(partition_key)
    except ValueError as error:
        raise CommandError(str(error)) from None


_AIRFLOW_2 = 2


def _triggered(run: RunDetail) -> dict[str, Any]:
    return {
        "conf": run.conf,
        "dag_id": run.dag_id,
        "dag_run_id": run.run_id,
        "data_interval_start": run.data_interval_start,
        "data_interval_end": run.data_interval_end,
        "end_date": run.ended_at,
        "last_scheduling_decision": None,
        "logical_date": run.logical_date,
        "run_type": run.run_type,
        "start_date": run.started_at,
        "state": run.state,
        "triggering_user_name": run.triggering_user_name,
    }


def _listed(run: RunDetail) -> dict[str, str]:
    return {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "state": run.state.value,
        "run_after": date_text(run.run_after),
        "logical_date": date_text(run.logical_date),
        "start_date": date_text(run.started_at),
        "end_date": date_text(run.ended_at),
    }


def _user_name() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None  # a container's user need not have a name
