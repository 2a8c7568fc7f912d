"""Parsing files now, without storing anything: for commands and linters."""

from __future__ import annotations

import os
import selectors
from collections import deque
from typing import TYPE_CHECKING

from tradewind.dag_processor.answers import Answers
from tradewind.dag_processor.discovery import read_content, walk_folder
from tradewind.dag_processor.parsing.messages import FileToParse
from tradewind.dag_processor.pool import ParsePool, share_of
from tradewind.dag_processor.results import file_result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tradewind.dag_processor.answers import SecretReader
    from tradewind.dag_processor.pool import Parsed
    from tradewind.dag_processor.processor import ProcessorSettings
    from tradewind.metadata.dags.records import FileResult


def parse_once(path: str, settings: ProcessorSettings, reader: SecretReader) -> FileResult:
    """Import one file in a child, as the DAG processor does, and return what came of it.

    The file need not look like a DAG file, nor lie in a DAG folder.
    """
    return next(parse_files([path], settings, reader))


def parse_files(paths: Iterable[str], settings: ProcessorSettings, reader: SecretReader) -> Iterator[FileResult]:
    """Yield the result of each file as it comes, in no order; several are imported at once."""
    selector = selectors.DefaultSelector()
    finished: list[Parsed] = []
    pool = ParsePool(settings.forker_setup(), selector, Answers(reader).answer, finished.append)
    waiting = deque(os.path.abspath(path) for path in paths)  # noqa: PTH100 - Path would follow no other rule
    try:
        while waiting or pool.in_flight:
            while waiting and pool.in_flight <= settings.parsing_processes:
                share = [waiting.popleft() for _ in range(share_of(len(waiting), settings.parsing_processes))]
                pool.submit(*(FileToParse(path=path, folder=_folder_of(path, settings.dag_folders)) for path in share))
            for key, _events in selector.select():
                key.data()
            while finished:
                yield file_result(finished.pop(0), pool.setup)
    finally:
        pool.close()
        selector.close()


def find_dag_files(settings: ProcessorSettings) -> list[str]:
    """Return the files of the DAG folders that may define DAGs, sorted."""
    return sorted(
        path
        for folder in settings.dag_folders
        for path in walk_folder(folder, settings.ignore_syntax).files
        if read_content(path, safe_mode=settings.safe_mode).might_define_dags
    )


def _folder_of(path: str, folders: tuple[str, ...]) -> str:
    for folder in folders:
        if path.startswith(f"{folder}/"):
            return folder
    return os.path.dirname(path)  # noqa: PTH120 - a plain string
