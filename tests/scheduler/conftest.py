"""A stage for the scheduler, over a migrated database of either kind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradewind.metadata import schema
from tradewind.metadata.database import Database

from tests.postgres import PostgresServer
from tests.scheduler.stage import Stage


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated file to copy."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """Return the name of a migrated database to copy."""
    name = postgres_server.create_database()
    _migrate(postgres_server.url(name))
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Return the address of a migrated file."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'tradewind.db')}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Return the address of a migrated database."""
    name = postgres_server.create_database(postgres_template)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def make_stage() -> Iterator[Callable[[str], Stage]]:
    """Return a function that opens a stage at an address; all are cleared after the test."""
    stages: list[Stage] = []

    def make(url: str) -> Stage:
        stages.append(Stage(url))
        return stages[-1]

    yield make
    for stage in stages:
        stage.clear()


@pytest.fixture
def stage(database_url: str, make_stage: Callable[[str], Stage]) -> Stage:
    """Return a stage over each kind of database."""
    return make_stage(database_url)


@pytest.fixture
def sqlite_stage(sqlite_url: str, make_stage: Callable[[str], Stage]) -> Stage:
    """Return a stage for what no database does differently."""
    return make_stage(sqlite_url)


def _migrate(url: str) -> None:
    database = Database.open(url)
    schema.migrate(database)
    database.dispose()
