"""Where variables and connections come from, in which order, and what a failing backend does."""
# ruff: noqa: D101, D102 - an installation's own code

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tradewind.core.clock import SystemClock
from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowConfigException
from tradewind.sdk.lookups.chain import install_secrets_backends, use_cache
from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.secrets.backends import BaseSecretsBackend, EnvironmentVariablesBackend, MetastoreBackend
from tradewind.sdk.secrets.files import LocalFilesystemBackend, SecretFileError, load_connections
from tradewind.sdk.toolkit import masking
from tradewind.sdk.variable import Variable
from tradewind.serialization.records import ConnectionRecord
from tradewind.standalone.memory_store import MemoryStore


class Vault(BaseSecretsBackend):
    asked = 0

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self.prefix = prefix

    def get_conn_value(self, conn_id: str) -> str | None:  # type: ignore[override]
        return f"http://{self.prefix}host" if conn_id == "known" else None

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:  # type: ignore[override]  # noqa: ARG002
        Vault.asked += 1
        return self.prefix + key if key == "known" else None


class OldVault(BaseSecretsBackend):
    """Of Airflow 2.1: URIs only, and nothing of variables."""

    def get_conn_uri(self, conn_id: str) -> str | None:
        return f"ftp://{conn_id}"


class Broken(BaseSecretsBackend):
    def get_variable(self, key: str) -> str | None:  # type: ignore[override]
        raise PermissionError(f"token expired\nwhile asking for {key}")

    def get_conn_value(self, conn_id: str) -> str | None:  # type: ignore[override]
        raise PermissionError(conn_id)


@pytest.fixture(autouse=True)
def store() -> Iterator[MemoryStore]:
    module = ModuleType("shop_secrets")
    vars(module).update({kind.__name__: kind for kind in (Vault, OldVault, Broken)})
    sys.modules["shop_secrets"] = module
    store = MemoryStore(SystemClock())
    before = install_worker_store(store)
    yield store
    install_worker_store(before)
    install_secrets_backends(())
    use_cache(None)
    masking.reset_masker()
    del sys.modules["shop_secrets"]


def test_the_order_is_backend_environment_store(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("known", "in_environment", "stored"):
        store.variables[name] = "from the store"
        store.connections[name] = ConnectionRecord(conn_id=name, host="from the store")
    for name in ("KNOWN", "IN_ENVIRONMENT"):
        monkeypatch.setenv(f"AIRFLOW_VAR_{name}", "from the environment")
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", "http://environment")
    install_secrets_backends([("shop_secrets.Vault", {"prefix": "vault-"})])

    assert [Variable.get(name) for name in ("known", "in_environment", "stored")] == [
        "vault-known",
        "from the environment",
        "from the store",
    ]
    assert [Connection.get(name).host for name in ("known", "in_environment", "stored")] == [
        "vault-host",
        "environment",
        "from the store",
    ]
    assert Variable.get("missing", None) is None


def test_the_first_of_several_backends_wins() -> None:
    install_secrets_backends([("shop_secrets.Vault", {"prefix": "a-"}), ("shop_secrets.Vault", {"prefix": "b-"})])
    assert Variable.get("known") == "a-known"


def test_a_backend_of_old_gives_uris(store: MemoryStore) -> None:
    store.variables["x"] = "1"
    install_secrets_backends([("shop_secrets.OldVault", {})])
    assert Connection.get("any").conn_type == "ftp"
    assert Variable.get("x") == "1"


def test_a_backend_that_raises_is_told_of_and_passed_over(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    store.variables["x"] = "1"
    store.connections["c"] = ConnectionRecord(conn_id="c", host="h")
    install_secrets_backends([("shop_secrets.Broken", {})])
    with caplog.at_level(logging.WARNING):
        assert Variable.get("x") == "1"
        assert Connection.get("c").host == "h"
    assert [record.getMessage() for record in caplog.records] == [
        "Secrets backend Broken failed for variable 'x', the next place is asked: PermissionError: token expired",
        "Secrets backend Broken failed for connection 'c', the next place is asked: PermissionError: c",
    ]


@pytest.mark.parametrize(
    ("path", "arguments", "message"),
    [
        ("no_such_module.Vault", {}, "ModuleNotFoundError"),
        ("shop_secrets.Vault", {"colour": "red"}, "TypeError.*colour"),
    ],
)
def test_one_that_cannot_be_made_is_an_error(path: str, arguments: dict[str, Any], message: str) -> None:
    install_secrets_backends([(path, arguments)])
    with pytest.raises(AirflowConfigException, match=rf"the secrets backend {path} .*cannot be made: {message}"):
        Variable.get("x", None)


def test_the_cache_asks_once() -> None:
    install_secrets_backends([("shop_secrets.Vault", {})])
    Vault.asked = 0
    use_cache(60)
    assert [Variable.get("known"), Variable.get("known"), Variable.get("other", "?")] == ["known", "known", "?"]
    assert Vault.asked == 2


def test_airflows_own_backends_answer(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_A", "1")
    monkeypatch.setenv("AIRFLOW_CONN_C", '{"conn_type": "http", "host": "h"}')
    store.variables["b"] = "2"
    store.connections["d"] = ConnectionRecord(conn_id="d", conn_type="ssh")
    environment, metastore = EnvironmentVariablesBackend(), MetastoreBackend()
    assert (environment.get_variable("a"), environment.get_variable("b")) == ("1", None)
    found = environment.get_connection("c")
    assert found is not None
    assert found.host == "h"
    assert metastore.get_variable("b") == "2"
    stored = metastore.get_connection("d")
    assert stored is not None
    assert stored.conn_type == "ssh"
    assert metastore.get_connection("c") is None


@pytest.mark.parametrize("form", ["json", "yaml", "env"])
def test_files(tmp_path: Path, form: str) -> None:
    variables, connections = tmp_path / f"v.{form}", tmp_path / f"c.{form}"
    if form == "env":
        variables.write_text("# mine\na=1\n")
        connections.write_text("web=http://u:p%2Fw@h:80/x?y=1\n")
    else:
        variables.write_text(json.dumps({"a": 1, "b": {"value": {"c": 2}, "description": "d"}}))
        connections.write_text(json.dumps({"web": {"conn_type": "http", "password": "p/w", "extra": {"y": "1"}}}))
    backend = LocalFilesystemBackend(str(variables), str(connections), configs_file_path=str(variables))
    assert (backend.get_variable("a"), backend.get_config("a"), backend.get_variable("z")) == ("1", "1", None)
    web = backend.get_connection("web")
    assert web is not None
    assert (web.conn_type, web.password, web.extra_dejson) == ("http", "p/w", {"y": "1"})
    assert backend.get_connection("other") is None
    assert list(load_connections(str(connections))) == ["web"]


def test_a_file_that_cannot_be_read_names_the_place(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("web: {colour: red}")
    with pytest.raises(SecretFileError, match=r"c\.yaml: connection 'web' cannot be read: .*no field colour"):
        load_connections(str(file))


def test_every_secret_that_was_read_is_struck_out_of_logs(store: MemoryStore) -> None:
    store.connections["c"] = ConnectionRecord(
        conn_id="c", conn_type="x", password="s3cr3t/ä", extra='{"nested": {"api_key": "deep-key"}, "region": "eu-1"}'
    )
    store.variables["db_password"] = "var-secret"
    store.variables["conf"] = '{"client": {"token": "tok-12345", "name": "public"}}'
    Connection.get("c")
    Variable.get("db_password")
    Variable.get("conf", deserialize_json=True)
    text = "s3cr3t/ä s3cr3t/%C3%A4 deep-key eu-1 var-secret tok-12345 public"
    assert masking.redact(text) == "*** *** *** eu-1 *** *** public"
