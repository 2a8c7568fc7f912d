"""`tradewind dags list` and `details`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.dag_commands.details import DEFAULT_COLUMNS, FROM_DOCUMENT, chosen, is_known, parsed_dag, stored_dag
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import print_rows, say

if TYPE_CHECKING:
    from collections.abc import Sequence


@command("list")
@click.option("-l", "--local", is_flag=True, help="Import the DAG files now, instead of asking the database.")
@click.option("--columns", help="Columns to show, separated by commas; any field of `dags details`.")
@output_option
def list_dags(local: bool, columns: str | None, output: str) -> None:
    """List the DAGs.

    Those whose file is gone or cannot be imported are not among them; `dags list-import-errors` tells why.
    """
    wanted = tuple(name.strip() for name in columns.split(",") if name.strip()) if columns else DEFAULT_COLUMNS
    rows, error_count = _parsed_dags() if local else _stored_dags(wanted)
    if error_count:
        say(
            f"Warning: {error_count} DAG file(s) cannot be imported: see `tradewind dags list-import-errors"
            f"{' --local' if local else ''}`"
        )
    if rows:
        _refuse_unknown(wanted, rows[0])
    print_rows([chosen(row, wanted) for row in rows], output)


@command("details")
@click.argument("dag_id")
@output_option
def details(dag_id: str, output: str) -> None:
    """Show everything about a DAG."""
    from tradewind.metadata.assets.waiting import awaited_assets
    from tradewind.metadata.dags import DagStore
    from tradewind.serialization.document import DEFAULTS_WARNING, decode_document

    with opened_database(read_settings()) as database:
        store = DagStore(database, CLOCK)
        detail = store.get_dag(dag_id)
        document = decode_document(store.get_document(dag_id))
        awaited = awaited_assets(database, document)
        warnings = [warning.message for warning in store.list_warnings(dag_id) if warning.kind != DEFAULTS_WARNING]
        fields = stored_dag(detail, document, store.defaults_decided_by(dag_id), awaited, warnings)
    if output in {"table", "plain"}:
        rows: list[dict[str, Any]] = [
            {"property_name": name, "property_value": value} for name, value in fields.items()
        ]
        print_rows(rows, output)
    else:
        print_rows([fields], output)


def _stored_dags(wanted: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
    """Return the fields of the DAGs of the database, and how many files have errors."""
    from tradewind.metadata.dags import DagStore
    from tradewind.serialization.document import decode_document

    with opened_database(read_settings()) as database:
        store = DagStore(database, CLOCK)
        found, _ = store.list_dags()
        errors, _ = store.list_import_errors()
        needs_document = not set(wanted).isdisjoint(FROM_DOCUMENT)
        shows_line = "airflow_defaults_decided_by" in wanted
        rows = [
            stored_dag(
                detail,
                decode_document(store.get_document(detail.dag_id)) if needs_document else None,
                store.defaults_decided_by(detail.dag_id) if shows_line else None,
            )
            for detail in found
        ]
    return rows, len({error.path for error in errors})


def _parsed_dags() -> tuple[list[dict[str, Any]], int]:
    """Return the fields of the DAGs that the DAG folder defines now, and how many files have errors."""
    from tradewind.cli.dag_commands.parsing import parsed_folder
    from tradewind.serialization.document import decode_document

    results = parsed_folder(read_settings())
    rows = [parsed_dag(result, decode_document(dag.document)) for result in results for dag in result.dags]
    return sorted(rows, key=lambda row: row["dag_id"]), sum(bool(result.errors) for result in results)


def _refuse_unknown(wanted: Sequence[str], fields: dict[str, Any]) -> None:
    for name in wanted:
        if not is_known(name, fields):
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f"the nearest is {near[0]!r}" if near else f"there are {', '.join(fields)}"
            raise click.BadOptionUsage("--columns", f"--columns: there is no column {name!r}; {hint}")
