"""Where a value comes from, what wins, and what is said when one is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tradewind.airflow import finder
from tradewind.config.settings import ConfigurationError, load_settings


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings({}, str(tmp_path))
    assert settings.integer("core", "parallelism") == 32
    assert settings.string("database", "sql_alchemy_conn") == f"sqlite:///{tmp_path}/tradewind.db"
    assert settings.string("core", "dags_folder") == f"{tmp_path}/dags"
    assert settings.boolean("scheduler", "catchup_by_default") is False
    assert settings.names("core", "simple_auth_manager_users") == ("admin:admin",)
    assert not settings.is_set("core", "parallelism")
    assert settings.warnings == ()


def test_the_home_folder_is_named_by_the_environment(tmp_path: Path) -> None:
    assert load_settings({"TRADEWIND_HOME": str(tmp_path / "here")}).home == str(tmp_path / "here")


def test_the_first_source_wins(tmp_path: Path) -> None:
    airflow_home = tmp_path / "airflow"
    write(airflow_home / "airflow.cfg", "[core]\nparallelism = 5\n")
    write(tmp_path / "tradewind.cfg", "[core]\nparallelism = 4\n")
    environ = {
        "TRADEWIND__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW_HOME": str(airflow_home),
    }
    seen: list[tuple[int, str]] = []
    for gone in ("", "TRADEWIND__CORE__PARALLELISM", "AIRFLOW__CORE__PARALLELISM"):
        environ.pop(gone, None)
        settings = load_settings(environ, str(tmp_path))
        seen.append((settings.integer("core", "parallelism"), settings.source("core", "parallelism")))
    (tmp_path / "tradewind.cfg").unlink()
    settings = load_settings(environ, str(tmp_path))
    seen.append((settings.integer("core", "parallelism"), settings.source("core", "parallelism")))
    assert seen == [
        (2, "environment variable TRADEWIND__CORE__PARALLELISM"),
        (3, "environment variable AIRFLOW__CORE__PARALLELISM"),
        (4, "tradewind.cfg"),
        (5, "airflow.cfg"),
    ]


def test_places_of_older_airflow_releases_are_read(tmp_path: Path) -> None:
    environ = {"AIRFLOW__WEBSERVER__WEB_SERVER_PORT": "9999", "AIRFLOW__CORE__SQL_ALCHEMY_CONN": "sqlite:////a.db"}
    settings = load_settings(environ, str(tmp_path))
    assert settings.integer("api", "port") == 9999
    assert settings.string("database", "sql_alchemy_conn") == "sqlite:////a.db"


def test_the_database_of_an_airflow_is_not_taken_from_its_file(tmp_path: Path) -> None:
    write(tmp_path / "airflow" / "airflow.cfg", "[database]\nsql_alchemy_conn = sqlite:////airflow.db\n")
    settings = load_settings({"AIRFLOW_HOME": str(tmp_path / "airflow")}, str(tmp_path))
    assert settings.source("database", "sql_alchemy_conn") == "default"


def test_an_airflow_file_is_read_only_where_airflow_home_is_set(tmp_path: Path) -> None:
    write(tmp_path / "airflow" / "airflow.cfg", "[core]\nparallelism = 5\n")
    assert load_settings({"HOME": str(tmp_path)}, str(tmp_path)).integer("core", "parallelism") == 32


def test_double_percent_in_a_file_is_one(tmp_path: Path) -> None:
    write(tmp_path / "tradewind.cfg", "[logging]\nlog_filename_template = a/{%% if x %%}b{%% endif %%}.log\n")
    settings = load_settings({}, str(tmp_path))
    assert settings.string("logging", "log_filename_template") == "a/{% if x %}b{% endif %}.log"


def test_a_command_supplies_a_secret_when_it_is_first_read(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    code = f"import pathlib; pathlib.Path({str(marker)!r}).touch(); print('sesame')"
    environ = {"TRADEWIND__API__SECRET_KEY_CMD": f'{sys.executable} -c "{code}"'}
    settings = load_settings(environ, str(tmp_path))
    assert not marker.exists()
    assert settings.string("api", "secret_key") == "sesame"
    assert marker.exists()


def test_a_command_that_fails_says_so(tmp_path: Path) -> None:
    settings = load_settings({"AIRFLOW__CORE__FERNET_KEY_CMD": "false"}, str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"AIRFLOW__CORE__FERNET_KEY_CMD: the command .* status 1"):
        settings.string("core", "fernet_key")


def test_a_command_is_run_for_secrets_only(tmp_path: Path) -> None:
    settings = load_settings({"TRADEWIND__CORE__PARALLELISM_CMD": "echo 3"}, str(tmp_path))
    assert settings.integer("core", "parallelism") == 32
    assert len(settings.warnings) == 1


def test_a_secrets_backend_supplies_a_secret(tmp_path: Path) -> None:
    environ = {"AIRFLOW__CORE__FERNET_KEY_SECRET": "path/to/key"}
    settings = load_settings(environ, str(tmp_path), secret_reader={"path/to/key": "abc"}.get)
    assert settings.string("core", "fernet_key") == "abc"
    with pytest.raises(ConfigurationError, match="none is configured"):
        load_settings(environ, str(tmp_path)).string("core", "fernet_key")
    with pytest.raises(ConfigurationError, match="no entry 'path/to/key'"):
        load_settings(environ, str(tmp_path), secret_reader={}.get).string("core", "fernet_key")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "TRADEWIND__CORE__PARALLELISM",
            "many",
            r"\[core\] parallelism is 'many', allowed is a whole number, at least 1",
        ),
        ("TRADEWIND__CORE__PARALLELISM", "0", "at least 1"),
        ("AIRFLOW__CORE__LOAD_EXAMPLES", "maybe", "allowed is True or False"),
        ("TRADEWIND__CORE__ISOLATION", "thread", "one of warm, fork"),
        ("TRADEWIND__CORE__DAGBAG_IMPORT_TIMEOUT", "nan", "a number"),
    ],
)
def test_a_wrong_value_gives_one_sentence(tmp_path: Path, name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        load_settings({name: value}, str(tmp_path))
    assert str(raised.value).startswith(f"environment variable {name}: ")
    assert raised.value.__suppress_context__


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "tradewind.cfg", "parallelism = 4\n")
    with pytest.raises(ConfigurationError, match=r"tradewind\.cfg cannot be read"):
        load_settings({}, str(tmp_path))


def test_an_unknown_name_is_reported_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "tradewind.cfg", "[core]\nparalelism = 4\n[api]\nport = 1\n")
    environ = {"TRADEWIND__CORE__DAG_FOLDER": "x", "AIRFLOW__SMTP__SMTP_HOST": "mail", "TRADEWIND_HOME": "x"}
    assert load_settings(environ, str(tmp_path)).warnings == (
        (
            "environment variable TRADEWIND__CORE__DAG_FOLDER sets nothing; "
            "the nearest option is TRADEWIND__CORE__DAGS_FOLDER"
        ),
        "tradewind.cfg: [core] paralelism sets nothing; the nearest option is [core] parallelism",
    )


def test_rows_show_values_and_sources_but_no_secret(tmp_path: Path) -> None:
    environ = {"TRADEWIND__CORE__FERNET_KEY": "c2VjcmV0", "TRADEWIND__API__PORT": "81"}
    settings = load_settings(environ, str(tmp_path))
    rows = {(row.section, row.key): row for row in settings.rows()}
    assert rows["core", "fernet_key"].value == "< hidden >"
    assert (rows["api", "port"].value, rows["api", "port"].source) == (
        "81",
        "environment variable TRADEWIND__API__PORT",
    )
    shown = {(row.section, row.key): row.value for row in settings.rows(show_secrets=True)}
    assert shown["core", "fernet_key"] == "c2VjcmV0"


def test_a_getter_of_another_type_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="is of type boolean"):
        load_settings({}, str(tmp_path)).integer("core", "load_examples")
    with pytest.raises(KeyError):
        load_settings({}, str(tmp_path)).value("core", "nothing")


def test_without_a_reader_the_backend_that_the_settings_name_is_asked(
    tmp_path: Path,
) -> None:
    secrets = tmp_path / "configs.json"
    secrets.write_text('{"conn/database": "sqlite:////from/the/vault"}')
    backend = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
    environ = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET": "conn/database",
        "AIRFLOW__SECRETS__BACKEND": backend,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"configs_file_path": str(secrets)}),
    }
    assert load_settings(environ, str(tmp_path)).string("database", "sql_alchemy_conn") == "sqlite:////from/the/vault"

    secrets.unlink()
    with pytest.raises(ConfigurationError, match=rf"the secrets backend {backend} failed for 'conn/database'"):
        load_settings(environ, str(tmp_path)).string("database", "sql_alchemy_conn")
    del environ["AIRFLOW__SECRETS__BACKEND"]
    with pytest.raises(ConfigurationError, match=r"none is configured: set \[secrets\] backend"):
        load_settings(environ, str(tmp_path)).string("database", "sql_alchemy_conn")
    circle = {"AIRFLOW__SECRETS__BACKEND_KWARGS_SECRET": "x", "AIRFLOW__SECRETS__BACKEND": backend}
    with pytest.raises(ConfigurationError, match="says how to reach the secrets backend"):
        load_settings(circle, str(tmp_path)).string("secrets", "backend_kwargs")
    finder.uninstall()  # the backend's class was found under Airflow's name
