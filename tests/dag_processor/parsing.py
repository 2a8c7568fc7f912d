"""Parsing files the way the DAG processor does, until all are back."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tradewind.dag_processor.answers import Answers
from tradewind.dag_processor.parsing.messages import FileToParse, ForkerSetup
from tradewind.dag_processor.pool import Parsed, ParsePool
from tradewind.dag_processor.results import file_result
from tradewind.metadata.dags.records import FileResult
from tradewind.serialization.records import ConnectionRecord

DAG = """
from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG({dag_id!r}, schedule=None):
    EmptyOperator(task_id="only")
"""
PATIENCE_S = 40


class Reader:
    """Variables and connections from dictionaries; counts what it is asked."""

    def __init__(self, variables: dict[str, str] | None = None) -> None:
        self.variables = variables or {}
        self.asked: list[str] = []

    def get_variable(self, key: str) -> str | None:
        """Return the value; counted."""
        self.asked.append(key)
        return self.variables.get(key)

    def get_variable_keys(self, prefix: str = "") -> list[str]:
        """Return the keys."""
        return sorted(key for key in self.variables if key.startswith(prefix))

    def get_connection(self, conn_id: str) -> ConnectionRecord | None:
        """Return the one connection there is."""
        return ConnectionRecord(conn_id=conn_id, conn_type="http", host="host") if conn_id == "known" else None


class Parsing:
    """One pool; `parse` waits for the files given."""

    def __init__(self, setup: ForkerSetup, reader: Reader) -> None:
        self.selector = selectors.DefaultSelector()
        self.done: list[Parsed] = []
        self.answers = Answers(reader)
        self.pool = ParsePool(setup, self.selector, self.answers.answer, self.done.append)

    def parse(self, *paths: Path, folder: Path | None = None) -> list[FileResult]:
        """Return the results, in the order of the paths."""
        for path in paths:
            self.pool.submit(FileToParse(path=str(path), folder=str(folder or path.parent)))
        self.until(lambda: len(self.done) >= len(paths))
        done, self.done[:] = list(self.done), []
        by_path = {parsed.file.path: file_result(parsed, self.pool.setup) for parsed in done}
        return [by_path[str(path)] for path in paths]

    def until(self, is_done: Callable[[], bool]) -> None:
        """Turn the selector until `is_done`."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_done():
            ready = self.selector.select(1)
            assert ready or time.monotonic() < deadline, "no answer from the parse forker"
            for key, _events in ready:
                key.data()

    def close(self) -> None:
        """Stop the forker."""
        self.pool.close()
        self.selector.close()


def setup_for(folder: Path, **more: Any) -> ForkerSetup:
    defaults: dict[str, Any] = {
        "control_fd": -1,
        "parsing_processes": 2,
        "import_paths": (str(folder),),
        "max_memory_bytes": 1 << 30,
    }
    return ForkerSetup(**(defaults | more))


@contextmanager
def parsing(folder: Path, reader: Reader | None = None, **more: Any) -> Iterator[Parsing]:
    pool = Parsing(setup_for(folder, **more), reader or Reader())
    try:
        yield pool
    finally:
        pool.close()


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
