"""Author code for commands that run it: the DAG of a file, or of the DAG folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.config.settings import Settings


def find_dag(settings: Settings, dag_id: str, file: str | None) -> Any:
    """Import author code into this process, and return the DAG.

    `file` names the file, or a folder whose files are searched; without it the DAG folder is. Raises `CommandError`
    when no file has the DAG, or the one that should cannot be imported.
    """
    from tradewind.sdk.importing import import_dag_file
    from tradewind.sdk.policies.cluster import apply_cluster_policies
    from tradewind.standalone.in_process.author_process import prepare_author_process

    prepare_author_process(settings)
    failures: dict[str, BaseException] = {}
    for path, folder in _candidates(settings, dag_id, file):
        try:
            dags = {dag.dag_id: dag for dag in import_dag_file(path, folder)}
            if dag_id in dags:
                apply_cluster_policies(dags[dag_id])
        except (Exception, SystemExit) as error:  # noqa: BLE001 - author code
            failures[path] = error
            continue
        if dag_id in dags:
            return dags[dag_id]
        if file is not None and Path(file).is_file():
            raise CommandError(f"{file} has no DAG {dag_id!r}; its DAGs are {', '.join(sorted(dags)) or 'none'}")
    raise _not_found(settings, dag_id, file, failures)


def _candidates(settings: Settings, dag_id: str, file: str | None) -> Iterator[tuple[str, str]]:
    """Yield files with their DAG folders: those that name the DAG before the others."""
    from tradewind.dag_processor.discovery import read_content, walk_folder

    dags_folder = settings.string("core", "dags_folder")
    if file is not None and Path(file).is_file():
        path = os.path.abspath(file)  # noqa: PTH100 - links stay what they are
        yield path, dags_folder if path.startswith(f"{dags_folder}/") else str(Path(path).parent)
        return
    folder = os.path.abspath(file) if file is not None else dags_folder  # noqa: PTH100 - as above
    if not Path(folder).is_dir():
        raise CommandError(
            f"there is no DAG folder {folder}: set TRADEWIND__CORE__DAGS_FOLDER, or give the file with --file"
        )
    safe_mode = settings.boolean("core", "dag_discovery_safe_mode")
    paths = sorted(walk_folder(folder, settings.string("core", "dag_ignore_file_syntax")).files)
    paths = [path for path in paths if read_content(path, safe_mode=safe_mode).might_define_dags]
    yield from ((path, folder) for path in sorted(paths, key=lambda path: not _names(path, dag_id)))


def _names(path: str, dag_id: str) -> bool:
    return dag_id.encode() in Path(path).read_bytes()


def _place(error: BaseException, path: str) -> str:
    """Return the file with the line that raised the error."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == path else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return path if line is None else f"{path}, line {line},"


def _what(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({error.code!r})"
    return f"{type(error).__name__}: {error}"


def _not_found(settings: Settings, dag_id: str, file: str | None, failures: dict[str, BaseException]) -> CommandError:
    is_one_file = file is not None and Path(file).is_file()
    named = [path for path in failures if is_one_file or _names(path, dag_id)]
    if named:
        error = failures[named[0]]
        found = CommandError(f"{_place(error, named[0])} cannot be imported: {_what(error)}")
        found.__cause__ = error
        return found
    where = file or settings.string("core", "dags_folder")
    also = f"; {len(failures)} files there cannot be imported" if failures else ""
    return CommandError(f"there is no DAG {dag_id!r} in {where}{also}")
