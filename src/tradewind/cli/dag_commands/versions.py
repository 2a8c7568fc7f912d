"""`tradewind dags versions`."""

from __future__ import annotations

import click

from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import date_text, print_rows


@command("versions")
@click.argument("dag_id")
@output_option
def versions(dag_id: str, output: str) -> None:
    """List the versions of a DAG.

    Newest first. A version is made when the DAG's structure changes; runs of a bundle with versions keep theirs.
    """
    from tradewind.metadata.dags import DagStore

    with opened_database(read_settings()) as database:
        store = DagStore(database, CLOCK)
        store.get_dag(dag_id)
        found = store.list_versions(dag_id)
    rows = [
        {
            "dag_id": version.dag_id,
            "version": version.number,
            "bundle_name": version.bundle_name,
            "bundle_version": version.bundle_version or "",
            "created_at": date_text(version.created_at),
        }
        for version in found
    ]
    print_rows(rows, output)
