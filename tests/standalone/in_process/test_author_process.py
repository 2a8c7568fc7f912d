"""What author code in this process finds: logs on the terminal, and the database where there is one."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import pytest

from tradewind.config.settings import load_settings
from tradewind.metadata import schema
from tradewind.metadata.database import Database
from tradewind.metadata.encryption import Cipher
from tradewind.metadata.variables import VariableStore
from tradewind.sdk.ports import StoreUnavailableError
from tradewind.sdk.toolkit.masking import mask_secret
from tradewind.standalone.home import fernet_key
from tradewind.standalone.in_process.author_process import SettingsBehind, logs_shown


def test_there_is_nothing_without_a_database(home: Path) -> None:
    with SettingsBehind(load_settings()) as behind:
        assert behind.get_variable("a") is None
        assert behind.get_variable_keys() == []
        assert behind.get_connection("c") is None
        assert behind.get_dag_runs(dag_id="d") == []
        assert behind.get_xcom(dag_id="d", run_id="r", task_id="t") is None
        assert behind.get_xcoms(dag_id="d", run_id="r") == []
    assert list(home.iterdir()) == []


def test_an_empty_database_has_nothing_either(home: Path) -> None:
    sqlite3.connect(home / "tradewind.db").close()
    (home / "tradewind.db").touch()
    with SettingsBehind(load_settings()) as behind:
        assert behind.get_variable("a") is None


def test_a_database_is_read(home: Path) -> None:
    settings = load_settings()
    database = Database.open(settings.string("database", "sql_alchemy_conn"))
    schema.migrate(database)
    VariableStore(database, Cipher(fernet_key(settings))).set("a", "1")
    with SettingsBehind(settings) as behind:
        assert behind.get_variable("a") == "1"
        assert behind.get_variable_keys("") == ["a"]
    database.dispose()


def test_a_database_that_cannot_be_used_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND__DATABASE__SQL_ALCHEMY_CONN", "postgresql://nobody@127.0.0.1:1/none")
    with SettingsBehind(load_settings()) as behind:
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="cannot use postgresql"):
                behind.get_variable("a")


def test_logs_are_shown_with_secrets_struck_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    mask_secret("s3cret-of-a-test")
    with logs_shown("INFO"):
        logging.getLogger("any").info("it is s3cret-of-a-test")
        logging.getLogger("any").debug("not shown")
    written = capsys.readouterr()
    assert written.out == ""
    assert "INFO - it is ***" in written.err
    assert "not shown" not in written.err
    assert root.handlers == []


def test_a_process_that_shows_its_logs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    own = logging.NullHandler()
    monkeypatch.setattr(root, "handlers", [own])
    with logs_shown("DEBUG"):
        assert root.handlers == [own]
