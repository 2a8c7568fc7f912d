"""`tradewind dags lint`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tradewind.cli.errors import EX_FAILED, EX_OK, CommandError
from tradewind.cli.terminal.access import read_settings
from tradewind.cli.terminal.options import command
from tradewind.cli.terminal.output import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradewind.airflow.lint.report import Row
    from tradewind.config.settings import Settings
    from tradewind.metadata.dags import FileResult

_NOTE = re.compile(r"(?P<path>.*?):(?P<line>\d+): (?P<text>.*)", re.DOTALL)
_PARTS = re.compile(r" is deprecated since Airflow (\S+) and gone in (\S+): (?:use )?(.*)", re.DOTALL)


@command("lint")
@click.argument("files", nargs=-1, type=click.Path(exists=True))
@click.option("--fix", is_flag=True, help="Rewrite what can be rewritten safely; the rest is listed.")
@click.option("--no-load", is_flag=True, help="Only read the files; do not import them as the DAG processor does.")
@click.option(
    "--output",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="Form of the list.",
)
def lint(files: tuple[str, ...], fix: bool, no_load: bool, output: str) -> int:
    """List what is deprecated in DAG files: since when, and what to write instead.

    FILES are files and folders, by default the DAG folder. Exit code 1 when anything is found. With --fix a file keeps
    the defaults (of Airflow 2 or 3) that it had: where nothing else in it says so any more, a comment does.
    """
    from tradewind.airflow.lint.report import FORMS, merged

    if fix and no_load:
        raise click.UsageError("--fix has to load the files, to see that they still mean the same: leave out --no-load")
    settings = read_settings()
    paths = list(_python_files(files or (settings.string("core", "dags_folder"),)))
    results = [] if no_load else _load(paths, settings)
    if fix:
        results = _fix(paths, results, settings)
    rows = merged(_found(paths), _noted(results))
    if rows:
        click.echo(FORMS[output](rows))
    elif output == "json":
        click.echo("[]")
    fixable = sum(row.is_fixable for row in rows)
    say(f"{len(paths)} files, {len(rows)} findings{f', {fixable} of which --fix rewrites' if fixable else ''}")
    return EX_FAILED if rows else EX_OK


def _python_files(places: Sequence[str]) -> Iterator[str]:
    for place in places:
        path = Path(place)
        if path.is_file():
            yield str(path)
        elif path.is_dir():
            inner = (found.relative_to(path) for found in path.rglob("*.py"))
            visible = (
                found for found in inner if not any(part.startswith((".", "__pycache__")) for part in found.parts)
            )
            yield from (str(path / found) for found in sorted(visible))
        else:
            raise CommandError(f"there is no {place}: name files, or set TRADEWIND__CORE__DAGS_FOLDER")


def _found(paths: Sequence[str]) -> Iterator[Row]:
    from tradewind.airflow.lint.files import find
    from tradewind.airflow.lint.report import Row, row_of

    for path in paths:
        try:
            yield from (row_of(path, finding) for finding in find(Path(path).read_bytes()))
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            yield Row(path, line, 1, f"it cannot be read: {getattr(error, 'msg', error)}")


def _load(paths: Sequence[str], settings: Settings) -> list[FileResult]:
    """Import those of the files that may define DAGs, each as the DAG processor does."""
    from tradewind.dag_processor.discovery import read_content
    from tradewind.dag_processor.once import parse_files
    from tradewind.standalone.in_process.author_process import SettingsBehind
    from tradewind.standalone.values import processor_settings

    processing = processor_settings(settings)
    wanted = [path for path in paths if read_content(path, safe_mode=processing.safe_mode).might_define_dags]
    with SettingsBehind(settings) as reader:
        return list(parse_files(wanted, processing, reader))


def _noted(results: Sequence[FileResult]) -> Iterator[Row]:
    from tradewind.airflow.lint.report import Row

    for result in results:
        shown = _as_given(result.path)
        yield from (
            Row(shown, 1, 1, f"it cannot be loaded: {error.message.splitlines()[0]}") for error in result.errors
        )
        for warning in result.warnings:
            note = _NOTE.match(warning.message)
            if warning.kind == "deprecated" and note is not None:
                path = _as_given(str(Path(result.folder) / note["path"]))
                parts = _PARTS.search(note["text"])
                since, removed_in, modern = parts.groups() if parts is not None else ("", "", "")
                yield Row(path, int(note["line"]), 1, note["text"], since, removed_in, modern)


def _as_given(path: str) -> str:
    """Return a path as a person below whose folder it lies would write it."""
    here = str(Path.cwd())
    return path[len(here) + 1 :] if path.startswith(f"{here}/") else path


def _fix(paths: Sequence[str], before: Sequence[FileResult], settings: Settings) -> list[FileResult]:
    """Rewrite the files; return what loading them says then."""
    from tradewind.airflow.lint.files import declare, fix, is_of_airflow_2

    changed: dict[str, bytes] = {}
    for path in paths:
        source = Path(path).read_bytes()
        try:
            fixed = fix(source)
        except (SyntaxError, ValueError):
            continue  # said in the list
        if fixed != source:
            Path(path).write_bytes(fixed)
            changed[os.path.abspath(path)] = source  # noqa: PTH100 - as results have it
    after = _load(paths, settings)
    once_2 = {result.path for result in before if _is_of_airflow_2(result)}
    # Of a file that cannot be loaded here the text has to tell.
    unloaded = {result.path for result in before if not result.dags} & changed.keys()
    once_2 |= {path for path in unloaded if is_of_airflow_2(changed[path])}
    lost = [
        result.path
        for result in after
        if result.path in once_2
        and not (_is_of_airflow_2(result) if result.dags else is_of_airflow_2(Path(result.path).read_bytes()))
    ]
    for path in map(Path, lost):
        path.write_bytes(declare(path.read_bytes(), 2))
    say(f"{len(changed)} files rewritten")
    return _load(paths, settings) if lost else after


def _is_of_airflow_2(result: FileResult) -> bool:
    from tradewind.serialization.document import decode_document

    return any(decode_document(dag.document).airflow_defaults == 2 for dag in result.dags)
