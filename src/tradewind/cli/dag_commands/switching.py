"""`tradewind dags pause`, `unpause` and `delete`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import command, confirm, output_option, yes_option
from tradewind.cli.terminal.output import print_rows, say

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tradewind.metadata.dags import DagDetail


def _switch_options(function: Callable[..., Any]) -> Callable[..., Any]:
    regex = click.option("--treat-dag-id-as-regex", is_flag=True, help="DAG_ID is a regular expression for several.")
    return click.argument("dag_id")(regex(yes_option(output_option(function))))


@command("pause")
@_switch_options
def pause(dag_id: str, treat_dag_id_as_regex: bool, yes: bool, output: str) -> None:
    """Pause DAGs: nothing new of them starts.

    Tasks at work go on. Prints the DAGs that changed, with what they were before, as Airflow does.
    """
    _switch(dag_id, is_regex=treat_dag_id_as_regex, is_paused=True, is_confirmed=yes, output=output)


@command("unpause")
@_switch_options
def unpause(dag_id: str, treat_dag_id_as_regex: bool, yes: bool, output: str) -> None:
    """Let paused DAGs run.

    Prints the DAGs that changed, with what they were before, as Airflow does.
    """
    _switch(dag_id, is_regex=treat_dag_id_as_regex, is_paused=False, is_confirmed=yes, output=output)


@command("delete")
@click.argument("dag_id")
@yes_option
def delete(dag_id: str, yes: bool) -> None:
    """Delete a DAG with all its runs from the database.

    Its file stays: while it is there the DAG comes back, new, when the file is imported again. Fails while a run of the
    DAG is running.
    """
    from tradewind.metadata.dags import DagStore
    from tradewind.metadata.runs import delete_dag

    with opened_database(read_settings()) as database:
        DagStore(database, CLOCK).get_dag(dag_id)
        confirm(f"Delete DAG {dag_id} with all its runs?", is_confirmed=yes)
        delete_dag(database, dag_id)
    say(f"DAG {dag_id} is deleted")


def _switch(dag_id: str, *, is_regex: bool, is_paused: bool, is_confirmed: bool, output: str) -> None:
    from tradewind.metadata.dags import DagStore

    verb = "pause" if is_paused else "unpause"
    with opened_database(read_settings()) as database:
        store = DagStore(database, CLOCK)
        wanted = _matching(store.list_dags(is_present=None)[0], dag_id) if is_regex else [store.get_dag(dag_id).dag_id]
        if is_regex and wanted:
            confirm(f"{verb.capitalize()} {len(wanted)} DAGs: {', '.join(wanted)}?", is_confirmed=is_confirmed)
        changed = store.set_paused(wanted, is_paused=is_paused)
    if not changed:
        say(f"Nothing to {verb}: {f'{dag_id} is so already' if wanted else f'no DAG matches {dag_id!r}'}")
    if changed or output in {"json", "yaml"}:
        print_rows([{"dag_id": name, "is_paused": not is_paused} for name in changed], output)


def _matching(dags: list[DagDetail], pattern: str) -> list[str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise click.BadParameter(f"{pattern!r} is no regular expression: {error}", param_hint="DAG_ID") from error
    return [dag.dag_id for dag in dags if expression.search(dag.dag_id)]
