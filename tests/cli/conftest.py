"""The command line as a function: a home with a migrated database, and a process that is left as it was found."""

from __future__ import annotations

import io
import logging
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tradewind.airflow import finder
from tradewind.cli.main import run
from tradewind.metadata import schema
from tradewind.metadata.database import Database
from tradewind.sdk.author_defaults import author_defaults, install_author_defaults
from tradewind.sdk.ports import install_worker_store

from tests.metadata.conftest import World


@dataclass(frozen=True)
class Answer:
    """What a command left."""

    code: int
    out: str
    err: str


class CommandLine:
    """Runs command lines in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: str = "") -> Answer:
        """Run one command line; return its exit code and what it wrote."""
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        self._capsys.readouterr()
        code = run(list(arguments))
        written = self._capsys.readouterr()
        return Answer(code, written.out, written.err)

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """Run one that succeeds; return its standard output."""
        answer = self(*arguments, stdin=stdin)
        assert answer.code == 0, answer
        return answer.out

    def refused(self, *arguments: str, code: int = 1) -> str:
        """Run one that ends with a mistake; return the one line about it."""
        answer = self(*arguments)
        assert (answer.code, answer.out) == (code, ""), answer
        lines = answer.err.splitlines()
        assert len(lines) == 1, answer.err
        assert lines[0].startswith("Error: ")
        return lines[0]


@pytest.fixture
def tradewind(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line."""
    return CommandLine(capsys, monkeypatch)


@pytest.fixture(scope="session")
def empty_database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("migrated") / "tradewind.db"
    database = Database.open(f"sqlite:///{file}")
    schema.migrate(database)
    database.dispose()
    return file


@pytest.fixture
def migrated_home(home: Path, empty_database_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with its folders and an empty, migrated database; without example DAGs."""
    shutil.copy(empty_database_file, home / "tradewind.db")
    for name in ("dags", "plugins", "logs", "run"):
        (home / name).mkdir()
    monkeypatch.setenv("TRADEWIND__CORE__LOAD_EXAMPLES", "False")
    return home


@pytest.fixture
def world(migrated_home: Path) -> Iterator[World]:
    """Return the database of the home, with short ways to put DAGs and runs into it."""
    database = Database.open(f"sqlite:///{migrated_home / 'tradewind.db'}")
    yield World(database)
    database.dispose()


@pytest.fixture(autouse=True)
def _process_left_as_found() -> Iterator[None]:
    """Undo what commands do to the process that runs author code."""
    path, modules = list(sys.path), set(sys.modules)
    defaults, store = author_defaults(), install_worker_store(None)
    had_finder = any(isinstance(found, finder.AirflowFinder) for found in sys.meta_path)
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)
    install_author_defaults(defaults)
    install_worker_store(store)
    if not had_finder:
        finder.uninstall()
    sys.path[:] = path
    for name in [name for name in sys.modules if name not in modules and name.startswith("unusual_prefix_")]:
        del sys.modules[name]
