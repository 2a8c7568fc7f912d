"""`tradewind config`, `info` and the processes' own options."""

from __future__ import annotations

import configparser
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tradewind.config.options import OPTIONS

from tests.cli.conftest import CommandLine


def test_the_list_is_a_file_that_can_be_read(tradewind: CommandLine, home: Path) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(tradewind.ok("config", "list"))
    assert {(section, key) for section in parser.sections() for key in parser[section]} == {
        (option.section, option.key) for option in OPTIONS
    }
    assert parser["core"]["dags_folder"] == str(home / "dags")


def test_the_list_as_a_file_gives_the_same_settings(tradewind: CommandLine, home: Path) -> None:
    before = tradewind.ok("config", "list", "-o", "json", "--show-secrets")
    (home / "tradewind.cfg").write_text(tradewind.ok("config", "list", "--show-secrets"))
    after = tradewind.ok("config", "list", "-o", "json", "--show-secrets")
    values = [[(row["section"], row["key"], row["value"]) for row in json.loads(text)] for text in (before, after)]
    assert values[0] == values[1]


def test_sources_and_secrets(tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND__API__SECRET_KEY", "very-secret")
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "5")
    rows: list[dict[str, Any]] = json.loads(tradewind.ok("config", "list", "-o", "json"))
    found = {(row["section"], row["key"]): (row["value"], row["source"]) for row in rows}
    assert found["core", "parallelism"] == ("5", "environment variable AIRFLOW__CORE__PARALLELISM")
    assert found["api", "secret_key"] == ("< hidden >", "environment variable TRADEWIND__API__SECRET_KEY")
    assert "very-secret" in tradewind.ok("config", "list", "--show-secrets")


def test_comments_say_more(tradewind: CommandLine, home: Path) -> None:
    text = tradewind.ok("config", "list", "--section", "api_auth", "-d", "-V", "-s")
    assert text.startswith("[api_auth]\n# Signs the tokens of users.")
    assert "# Variable: TRADEWIND__API_AUTH__JWT_SECRET" in text
    assert "# Source: default" in text
    defaults = tradewind.ok("config", "list", "--section", "core", "--defaults")
    assert "# dags_folder = {home}/dags" in defaults
    everything = tradewind.ok("config", "list", "--section", "core", "-c").splitlines()
    assert all(line.startswith(("[", "# ")) for line in everything)
    assert "no section 'nope'" in tradewind.refused("config", "list", "--section", "nope")


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("core", "executor", "LocalExecutor"), ("CORE", "Parallelism", "32"), ("webserver", "web_server_port", "8080")],
)
def test_get_value(tradewind: CommandLine, home: Path, section: str, key: str, value: str) -> None:
    assert tradewind.ok("config", "get-value", section, key) == f"{value}\n"


def test_get_value_of_an_option_of_airflows_alone(
    tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_HOST", "mail")
    assert tradewind.ok("config", "get-value", "smtp", "smtp_host") == "mail\n"


def test_get_value_names_the_nearest(tradewind: CommandLine, home: Path) -> None:
    assert "the nearest is `core parallelism`" in tradewind.refused("config", "get-value", "core", "paralelism")


def test_info_tells_what_a_report_needs(tradewind: CommandLine, migrated_home: Path) -> None:
    rows = json.loads(tradewind.ok("info", "-o", "json"))
    facts = {row["property"]: row["value"] for row in rows}
    assert facts["home"] == str(migrated_home)
    assert facts["database_schema"].startswith("the database is up to date")
    assert facts["library_click"]


def test_info_works_without_a_database(tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND__DATABASE__SQL_ALCHEMY_CONN", "postgresql://ann:secret@127.0.0.1:1/none")
    text = tradewind.ok("info", "-o", "plain")
    assert "secret" not in text
    assert "cannot use" in text


def test_a_port_in_use_is_told(tradewind: CommandLine, migrated_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewind.standalone.processes.set_up_logging", lambda _settings: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = tradewind.refused("api-server", "--host", "127.0.0.1", "--port", port, code=78)
    assert f"127.0.0.1 port {port}" in line


def test_a_scheduler_without_a_migrated_database_does_not_start(
    tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewind.standalone.processes.set_up_logging", lambda _settings: None)
    for command in ("scheduler", "dag-processor"):
        assert "run `tradewind db migrate`" in tradewind.refused(command, code=69)


@pytest.mark.parametrize("command", ["standalone", "api-server", "webserver"])
def test_the_address_on_the_command_line_wins(
    tradewind: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    seen: list[tuple[str, int]] = []

    def take(settings: Any) -> int:
        seen.append((settings.string("api", "host"), settings.integer("api", "port")))
        return 7

    monkeypatch.setattr("tradewind.standalone.processes.set_up_logging", lambda _settings: None)
    monkeypatch.setattr("tradewind.standalone.processes.run_api_server", take)
    monkeypatch.setattr("tradewind.standalone.standalone.run_standalone", take)
    monkeypatch.setenv("TRADEWIND__API__PORT", "1")
    assert tradewind(command, "--port", "2", "--host", "::1").code == 7
    assert seen == [("::1", 2)]
