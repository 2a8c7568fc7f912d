"""`tradewind simulate`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.errors import CommandError
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import DateType, command
from tradewind.cli.terminal.output import print_rows, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.config.settings import Settings
    from tradewind.core.simulation import SimulatedDag, Spread
    from tradewind.serialization.document import DagDocument

    Known = dict[tuple[str, str], Spread]
    Pools = list[tuple[str, int, bool]]

_SHOWN = 20


@command("simulate")
@click.option("--from", "begin", type=DateType(), help="When the period begins; by default now.")
@click.option("--to", "until", type=DateType(), help="When it ends.")
@click.option(
    "--days", type=click.FloatRange(min=0, min_open=True), help="How long it is, in place of --to; by default 1."
)
@click.option("-d", "--dag-id", "dag_ids", multiple=True, help="Play only this DAG; may be given several times.")
@click.option("--local", is_flag=True, help="Take the DAGs from the DAG folder and play them all, without a database.")
@click.option(
    "--durations",
    type=click.Path(exists=True, dir_okay=False),
    help="JSON file with durations: dag_id to task_id to seconds, or to [median, 95th percentile].",
)
@click.option(
    "--default-duration",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds of a task of which nothing is known.",
)
@click.option(
    "--late-after",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    help="Seconds after which a start is late.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Draw durations by this number.")
@click.option(
    "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Form of the report."
)
def simulate(
    begin: datetime | None, until: datetime | None, days: float | None, dag_ids: tuple[str, ...], **options: Any
) -> None:
    """Play the schedules of the DAGs over a period, and report what would run, wait and come late.

    Nothing is executed and nothing is stored: the scheduler's own rules decide, under a clock that jumps. Tasks take what
    they have taken (their median and 95th percentile), or what --durations says.
    """
    from tradewind.core.simulation import Durations, Simulator
    from tradewind.core.simulation.report import report_of

    if until is not None and days is not None:
        raise click.UsageError("--to and --days both say when the period ends: give one of them")
    begin = begin or CLOCK.now()
    until = until or begin + timedelta(days=days or 1)
    if until <= begin:
        raise click.UsageError(f"the period ends before it begins: {begin.isoformat()} to {until.isoformat()}")
    settings = read_settings()
    documents, known, pools = _parsed(settings) if options["local"] else _stored(settings, dag_ids)
    documents = _chosen(documents, dag_ids)
    known |= _given(options["durations"])
    simulator = Simulator(
        [_simulated(document) for document in documents],
        durations=Durations(known, options["default_duration"], options["seed"]),
        parallelism=settings.integer("core", "parallelism"),
        pools=pools,
        late_after_s=options["late_after"],
    )
    record = simulator.play(begin, until)
    report = report_of(record)
    if options["output"] == "json":
        click.echo(json.dumps({"from": begin, "to": until, "tries": record.tries, **report}, default=str))
        return
    _print(report)
    runs = sum(row["runs"] for row in report["runs"])
    say(f"{begin.isoformat()} to {until.isoformat()}: {len(documents)} DAGs, {runs} runs, {record.tries} tries")


def _chosen(documents: list[DagDocument], dag_ids: Sequence[str]) -> list[DagDocument]:
    unknown = set(dag_ids) - {document.dag_id for document in documents}
    if unknown:
        raise CommandError(f"there is no DAG {', '.join(map(repr, sorted(unknown)))}")
    return [document for document in documents if not dag_ids or document.dag_id in dag_ids]


def _stored(settings: Settings, dag_ids: Sequence[str]) -> tuple[list[DagDocument], Known, Pools]:
    """Return the DAGs of the database that are not paused, and those asked for; with their history and the pools."""
    from tradewind.metadata.dags import DagStore
    from tradewind.metadata.pools import PoolStore
    from tradewind.metadata.runs.durations import task_durations
    from tradewind.serialization.document import decode_document

    with opened_database(settings) as database:
        store = DagStore(database, CLOCK)
        found, _ = store.list_dags()
        wanted = [dag.dag_id for dag in found if dag.dag_id in dag_ids or not (dag_ids or dag.is_paused)]
        documents = [decode_document(store.get_document(dag_id)) for dag_id in wanted]
        pools = [(pool.name, pool.slots, pool.include_deferred) for pool in PoolStore(database).list()]
        return documents, task_durations(database, wanted), pools


def _parsed(settings: Settings) -> tuple[list[DagDocument], Known, Pools]:
    from tradewind.cli.dag_commands.parsing import parsed_folder
    from tradewind.core.limits import DEFAULT_POOL
    from tradewind.serialization.document import decode_document

    found = (decode_document(dag.document) for result in parsed_folder(settings) for dag in result.dags)
    documents = list({document.dag_id: document for document in found}.values())
    slots = settings.integer("core", "default_pool_task_slot_count")
    pools = {task.pool: -1 for document in documents for task in document.tasks} | {DEFAULT_POOL: slots}
    return documents, {}, [(name, size, False) for name, size in pools.items()]


def _given(file: str | None) -> Known:
    """Read what the user says about durations; raises `CommandError` for anything but the two forms."""
    from tradewind.core.simulation import Spread

    if file is None:
        return {}
    try:
        entries: Any = json.loads(Path(file).read_text(encoding="utf-8"))
        return {
            (dag_id, task_id): Spread(*map(float, value))
            if isinstance(value, list)
            else Spread(float(value), float(value))
            for dag_id, tasks in entries.items()
            for task_id, value in tasks.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise CommandError(
            f'{file} has no durations: it has to be like {{"dag_id": {{"task_id": 60, "other": [60, 180]}}}} ({error})'
        ) from None


def _simulated(document: DagDocument) -> SimulatedDag:
    from tradewind.core.simulation import SimulatedDag
    from tradewind.core.timetables.codec import decode_timetable
    from tradewind.serialization.compile import compile_document

    return SimulatedDag(
        compiled=compile_document(document),
        timetable=decode_timetable(document.timetable),
        start_date=document.start_date,
        end_date=document.end_date,
        catchup=document.catchup,
        deadlines_s=tuple(
            (deadline.name or deadline.reference_type, deadline.interval_s)
            for deadline in document.deadlines
            if deadline.interval_s is not None and deadline.reference_type in _FROM_RUN_AFTER and not deadline.task_ids
        ),
    )


_FROM_RUN_AFTER = frozenset({"DagRunLogicalDateDeadline", "DagRunQueuedAtDeadline", "sla"})
"""Deadlines whose time begins when the run may start; those of fixed moments and of averages are not played."""


def _print(report: dict[str, list[dict[str, Any]]]) -> None:
    for name, rows in report.items():
        if rows:
            click.echo(f"\n{name.replace('_', ' ')}:")
            print_rows(
                [{key: "" if value is None else value for key, value in row.items()} for row in rows[:_SHOWN]], "table"
            )
            if len(rows) > _SHOWN:
                click.echo(f"... and {len(rows) - _SHOWN} more (--output json has all)")
