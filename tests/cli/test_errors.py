"""What a user reads of an error, and the exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tradewind.cli.errors import CommandError, message_of
from tradewind.config.values import ConfigurationError
from tradewind.metadata.errors import (
    AlreadyExistsError,
    ConflictError,
    DatabaseUnavailableError,
    EncryptionError,
    InvalidRequestError,
    NotFoundError,
    SchemaError,
)

from tests.cli.conftest import CommandLine


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("x"), 1),
        (click.UsageError("x"), 2),
        (ConfigurationError("x"), 78),
        (EncryptionError("x"), 78),
        (DatabaseUnavailableError("x"), 69),
        (ConflictError("x"), 69),
        (SchemaError("x"), 69),
        (NotFoundError("x"), 1),
        (AlreadyExistsError("x"), 1),
        (InvalidRequestError("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    told = message_of(error)
    assert told is not None
    assert told.exit_code == code
    assert told.text.endswith("x")


def test_a_fault_of_the_program_is_no_mistake_of_the_user() -> None:
    assert message_of(KeyError("x")) is None


def test_a_fault_keeps_its_traceback(tradewind: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise KeyError("inside")

    monkeypatch.setattr("tradewind.cli.config.read_settings", broken)
    with pytest.raises(KeyError, match="inside"):
        tradewind("config", "list")


def test_verbose_shows_the_traceback(tradewind: CommandLine, migrated_home: Path) -> None:
    answer = tradewind("variables", "get", "nothing", "-v")
    assert answer.code == 1
    assert "Traceback (most recent call last)" in answer.err
    assert answer.err.splitlines()[-1] == "Error: there is no variable 'nothing'"


def test_the_environment_can_ask_for_it_too(
    tradewind: CommandLine, migrated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND_DEBUG", "1")
    assert "Traceback" in tradewind("variables", "get", "nothing").err
    monkeypatch.delenv("TRADEWIND_DEBUG")
    tradewind.refused("variables", "get", "nothing")


def test_a_wrong_setting_is_told_before_anything_is_done(
    tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND__CORE__PARALLELISM", "many")
    assert "[core] parallelism is 'many'" in tradewind.refused("db", "migrate", code=78)
    assert list(home.iterdir()) == []


def test_a_name_that_sets_nothing_is_warned_of(
    tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND__CORE__PARALELISM", "4")
    answer = tradewind("config", "get-value", "core", "parallelism")
    assert (answer.code, answer.out) == (0, "32\n")
    assert "TRADEWIND__CORE__PARALELISM sets nothing" in answer.err


def test_no_database_is_told_without_making_one(tradewind: CommandLine, home: Path) -> None:
    assert "run `tradewind db migrate`" in tradewind.refused("dags", "list", code=69)
    assert not (home / "tradewind.db").exists()


def test_a_database_out_of_reach_is_told(tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND__DATABASE__SQL_ALCHEMY_CONN", "postgresql://nobody:secret@127.0.0.1:1/none")
    line = tradewind.refused("dags", "list", code=69)
    assert "does not answer" in line
    assert "secret" not in line


def test_a_wrong_fernet_key_is_told(
    tradewind: CommandLine, migrated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tradewind.ok("variables", "set", "a", "1")
    monkeypatch.setenv("TRADEWIND__CORE__FERNET_KEY", "short")
    assert "Fernet key is 32 bytes" in tradewind.refused("variables", "get", "a", code=78)
    monkeypatch.setenv("TRADEWIND__CORE__FERNET_KEY", "A" * 43 + "=")
    assert "variable 'a' was encrypted with another Fernet key" in tradewind.refused("variables", "get", "a", code=78)
    monkeypatch.delenv("TRADEWIND__CORE__FERNET_KEY")
    assert tradewind.ok("variables", "get", "a") == "1\n"


@pytest.mark.parametrize("arguments", [["config", "list"], ["config", "get-value", "core", "parallelism"]])
def test_a_reader_that_leaves_early_ends_the_command_quietly(home: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", "from tradewind.cli.main import main; main()", *arguments]
    ran = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (1, "")
