"""`tradewind db`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tradewind.core.states import DagRunState

from tests.cli.conftest import CommandLine
from tests.metadata.conftest import World


@pytest.mark.parametrize("name", ["migrate", "upgrade", "init"])
def test_migrate_makes_the_home_and_the_database(tradewind: CommandLine, home: Path, name: str) -> None:
    answer = tradewind("db", name)
    assert (answer.code, answer.out) == (0, "")
    assert "is created" in answer.err
    assert (home / "dags").is_dir()
    assert "was up to date already" in tradewind("db", name).err
    assert "up to date" in tradewind("db", "check").err


def test_migrate_tells_of_a_home_that_cannot_be(
    tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("TRADEWIND_HOME", str(home / "file" / "below"))
    line = tradewind.refused("db", "migrate", code=78)
    assert "cannot make the folder" in line
    assert "TRADEWIND_HOME" in line


@pytest.mark.parametrize("command", ["check", "migrate"])
def test_a_database_of_a_newer_release_is_left_alone(tradewind: CommandLine, migrated_home: Path, command: str) -> None:
    with sqlite3.connect(migrated_home / "tradewind.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    line = tradewind.refused("db", command, code=69)
    assert "a newer release of Tradewind" in line
    assert "9999" in line


def test_check_fails_without_a_database(tradewind: CommandLine, home: Path) -> None:
    tradewind.refused("db", "check", code=69)
    tradewind.refused("db", "check-migrations", "-t", "0", code=69)


def test_check_tries_again_as_often_as_told(
    tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND__DATABASE__SQL_ALCHEMY_CONN", "postgresql://nobody@127.0.0.1:1/none")
    answer = tradewind("db", "check", "--retry", "2", "--retry-delay", "0")
    assert answer.code == 69
    assert answer.err.count("trying again") == 2


def test_check_migrations_is_quiet_when_all_is_well(tradewind: CommandLine, migrated_home: Path) -> None:
    assert tradewind.ok("db", "check-migrations") == ""


def test_reset_asks_before_it_deletes(tradewind: CommandLine, migrated_home: Path) -> None:
    tradewind.ok("variables", "set", "a", "1")
    answer = tradewind("db", "reset", stdin="n\n")
    assert answer.code == 1
    assert "Delete every table" in answer.err
    assert tradewind.ok("variables", "get", "a") == "1\n"
    tradewind.ok("db", "reset", stdin="y\n")
    tradewind.refused("variables", "get", "a")


def test_reset_can_leave_the_database_empty(tradewind: CommandLine, migrated_home: Path) -> None:
    tradewind.ok("db", "reset", "-y", "--skip-init")
    assert "is empty" in tradewind.refused("db", "check", code=69)


def test_downgrade_goes_back_to_a_known_revision_only(tradewind: CommandLine, migrated_home: Path) -> None:
    assert "no revision '9'" in tradewind.refused("db", "downgrade", "-r", "9", "-y", code=2)
    tradewind.ok("db", "downgrade", "--to-revision", "base", "--yes")
    tradewind.refused("db", "check", code=69)


def test_clean_prunes_old_runs(tradewind: CommandLine, world: World) -> None:
    for day in (1, 2, 3):
        run, _ = world.started_run(day=day)
        world.end_run(run, DagRunState.SUCCESS)
    before = ["db", "clean", "--clean-before-timestamp", "2030-01-01", "-t", "dag_run", "-o", "json"]
    assert json.loads(tradewind.ok(*before, "--dry-run")) == [{"table": "dag_run", "rows": "2"}]
    assert json.loads(tradewind.ok(*before, "--yes")) == [{"table": "dag_run", "rows": "2"}]
    assert len(json.loads(tradewind.ok("dags", "list-runs", "etl", "-o", "json"))) == 1


def test_clean_names_what_cannot_be_pruned(tradewind: CommandLine, migrated_home: Path) -> None:
    line = tradewind.refused("db", "clean", "--clean-before-timestamp", "2024-01-01", "-t", "users", "-y")
    assert "cannot prune users" in line
