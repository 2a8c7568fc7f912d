"""`tradewind dags show`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tradewind.cli.dag_commands.drawing import draw_dot, draw_mermaid, draw_tree
from tradewind.cli.errors import CommandError
from tradewind.cli.terminal.access import CLOCK, opened_database, read_settings
from tradewind.cli.terminal.options import command
from tradewind.cli.terminal.output import say

if TYPE_CHECKING:
    from tradewind.serialization.document import DagDocument

_DRAWINGS = {"dot": draw_dot, "mermaid": draw_mermaid, "tree": draw_tree}
_SUFFIXES = {".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid", ".txt": "tree"}


@command("show")
@click.argument("dag_id")
@click.option("--format", "form", type=click.Choice(list(_DRAWINGS)), default="dot", help="How the graph is written.")
@click.option("-s", "--save", help="Write it to this file; another suffix than .dot, .mmd or .txt needs Graphviz.")
def show(dag_id: str, form: str, save: str | None) -> None:
    """Draw a DAG's tasks and their dependencies.

    Prints the graph in the DOT language, as a Mermaid flowchart or as a tree; `--save graph.png` draws a picture where
    Graphviz is installed.
    """
    from tradewind.metadata.dags import DagStore
    from tradewind.serialization.document import decode_document

    with opened_database(read_settings()) as database:
        store = DagStore(database, CLOCK)
        store.get_dag(dag_id)
        document = decode_document(store.get_document(dag_id))
    if save is None:
        click.echo(_DRAWINGS[form](document))
    else:
        _save(document, Path(save))
        say(f"File {save} saved")


def _save(document: DagDocument, path: Path) -> None:
    form = _SUFFIXES.get(path.suffix.lower())
    try:
        if form is not None:
            path.write_text(_DRAWINGS[form](document) + "\n", encoding="utf-8")
            return
        program = shutil.which("dot")
        if program is None:
            raise CommandError(
                f"a {path.suffix or 'nameless'} file needs Graphviz: install it, or save as .dot or .mmd"
            )
        subprocess.run(
            [program, f"-T{path.suffix.lstrip('.')}", "-o", str(path)],
            input=draw_dot(document),
            text=True,
            check=True,
            capture_output=True,
        )
    except subprocess.CalledProcessError as error:
        raise CommandError(f"Graphviz cannot write {path}: {' '.join(error.stderr.split())}") from error
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
