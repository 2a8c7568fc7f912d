"""Commands that import the DAG files now: `dags report`, `dags reserialize`, `dags list-import-errors --local`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tradewind.cli.errors import EX_FAILED, EX_OK
from tradewind.cli.terminal.access import CLOCK, cipher, opened_database, read_settings
from tradewind.cli.terminal.options import command, output_option
from tradewind.cli.terminal.output import print_rows, say
from tradewind.cli.terminal.progress import with_progress

if TYPE_CHECKING:
    from tradewind.config.settings import Settings
    from tradewind.metadata.dags import FileResult


@command("list-import-errors")
@click.option("-l", "--local", is_flag=True, help="Import the DAG files now, instead of asking the database.")
@output_option
def list_import_errors(local: bool, output: str) -> int:
    """List the DAG files that cannot be imported.

    Exit code 1 when there are any, as in Airflow.
    """
    settings = read_settings()
    if local:
        rows = [
            {"bundle_name": result.bundle_name, "filepath": result.path, "error": error.message}
            for result in parsed_folder(settings)
            for error in result.errors
        ]
    else:
        from tradewind.metadata.dags import DagStore

        with opened_database(settings) as database:
            errors, _ = DagStore(database, CLOCK).list_import_errors()
        rows = [{"bundle_name": error.bundle_name, "filepath": error.path, "error": error.message} for error in errors]
    print_rows(rows, output)
    return EX_FAILED if rows else EX_OK


@command("report")
@output_option
def report(output: str) -> None:
    """Import every DAG file now, and show what each gives and costs."""
    from tradewind.serialization.document import decode_document

    rows = []
    for result in parsed_folder(read_settings()):
        documents = [decode_document(dag.document) for dag in result.dags]
        rows.append(
            {
                "file": result.relative_path,
                "duration": f"{result.parse_duration_s or 0.0:.6f}",
                "dag_num": len(documents),
                "task_num": sum(len(document.tasks) for document in documents),
                "dags": sorted(document.dag_id for document in documents),
            }
        )
    print_rows(rows, output)


@command("reserialize")
def reserialize() -> int:
    """Import every DAG file now, and store its DAGs.

    What the DAG processor does by itself when a file changes. Exit code 1 when a file cannot be imported.
    """
    from tradewind.metadata.dags import DagStore

    settings = read_settings()
    with opened_database(settings) as database:
        results = parsed_folder(settings)
        stored = DagStore(database, CLOCK, cipher(settings)).store_files(
            results, is_paused_by_default=settings.boolean("core", "dags_are_paused_at_creation")
        )
    failed = [result.path for result in results if result.errors]
    failed += [path for path in stored.refused if path not in failed]
    say(f"{len(results)} files imported, {len(stored.changed_dag_ids)} DAGs changed, {len(failed)} files with errors")
    return EX_FAILED if failed else EX_OK


def parsed_folder(settings: Settings) -> list[FileResult]:
    """Import every file of the DAG folder as the DAG processor does, each in a process of its own; sorted by path."""
    from tradewind.dag_processor.once import find_dag_files, parse_files
    from tradewind.standalone.in_process.author_process import SettingsBehind
    from tradewind.standalone.values import processor_settings

    processing = processor_settings(settings)
    paths = find_dag_files(processing)
    with SettingsBehind(settings) as reader:
        return sorted(
            with_progress(parse_files(paths, processing, reader), "Importing DAG files", total=len(paths)),
            key=lambda result: result.path,
        )
