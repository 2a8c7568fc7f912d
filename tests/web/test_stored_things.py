"""Pools, variables and connections."""

from __future__ import annotations

import json
from collections.abc import Callable

from tradewind.serialization.records import ConnectionRecord

from tests.web.conftest import Client


def test_pools(client: Client) -> None:
    (default,) = client.get("/api/v2/pools")["pools"]
    assert (default["name"], default["slots"], default["open_slots"]) == ("default_pool", 128, 128)
    created = client.post("/api/v2/pools", {"name": "small", "slots": 2, "description": "few"}, 201)
    assert created["occupied_slots"] == 0
    assert client.post("/api/v2/pools", {"name": "small", "slots": 2}, 409)
    assert client.post("/api/v2/pools", {"name": "bad", "slots": -7}, 400)
    assert client.get("/api/v2/pools?pool_name_pattern=sma")["total_entries"] == 1
    changed = client.patch("/api/v2/pools/small", {"slots": 5})
    assert (changed["slots"], changed["description"]) == (5, "few")
    assert client.patch("/api/v2/pools/small", {"description": None})["description"] is None
    assert client.patch("/api/v2/pools/small", {"name": "large"}, 400)
    assert client.patch("/api/v2/pools/none", {"slots": 5}, 404)
    client.delete("/api/v2/pools/small")
    client.delete("/api/v2/pools/small", 404)
    client.delete("/api/v2/pools/default_pool", 400)


def test_variables(client: Client) -> None:
    made = client.post("/api/v2/variables", {"key": "a/b", "value": {"x": 1}, "description": "d"}, 201)
    assert (made["value"], made["description"], made["is_encrypted"]) == ('{"x": 1}', "d", False)
    assert client.post("/api/v2/variables", {"key": "a/b", "value": ""}, 409)
    assert client.get("/api/v2/variables/a/b") == made
    assert client.patch("/api/v2/variables/a/b", {"key": "a/b", "value": "text"})["value"] == "text"
    assert client.patch("/api/v2/variables/a/b", {"key": "a/b", "description": "e"})["value"] == "text"
    assert client.patch("/api/v2/variables/a/b", {"key": "other", "value": "text"}, 400)
    assert client.get("/api/v2/variables?variable_key_pattern=A/")["total_entries"] == 1
    client.delete("/api/v2/variables/a/b")
    client.delete("/api/v2/variables/a/b", 404)
    assert client.call("GET", "/api/v2/variables/a/b").status_code == 404


def test_a_variable_with_a_telling_name_is_not_told(client: Client) -> None:
    assert client.post("/api/v2/variables", {"key": "db_password", "value": "sesame"}, 201)["value"] == "***"
    assert "sesame" not in client.call("GET", "/api/v2/variables").text


def test_connections(client: Client) -> None:
    extra = {"region": "eu", "secret_key": "hush", "deep": {"token": "hush", "list": [{"password": "hush"}]}}
    body = {
        "connection_id": "db",
        "conn_type": "postgres",
        "host": "h",
        "port": 5432,
        "password": "hush",
        "extra": json.dumps(extra),
    }
    made = client.post("/api/v2/connections", body, 201)
    assert "hush" not in json.dumps(made)
    assert (made["password"], made["port"]) == ("***", 5432)
    assert json.loads(made["extra"])["region"] == "eu"
    assert client.post("/api/v2/connections", body, 409)
    assert client.get("/api/v2/connections?order_by=connection_id")["total_entries"] == 1
    assert client.get("/api/v2/connections?connection_id_pattern=nothing")["total_entries"] == 0
    assert client.get("/api/v2/connections/db") == made
    changed = client.patch("/api/v2/connections/db", made | {"host": "other", "team_name": None})
    assert changed["host"] == "other"
    client.delete("/api/v2/connections/db")
    client.delete("/api/v2/connections/db", 404)


def test_hidden_secrets_that_are_sent_back_stay(client: Client) -> None:
    from tradewind.web.answers.redaction import restored_json

    before = '{"a": {"token": "hush", "b": 1}, "secret": "hush"}'
    assert restored_json("***", before) == before
    assert json.loads(restored_json('{"a": {"token": "***", "b": 2}, "secret": "new"}', before) or "") == {
        "a": {"token": "hush", "b": 2},
        "secret": "new",
    }
    assert restored_json("no json", before) == "no json"
    assert restored_json(None, before) is None


def test_an_extra_that_is_no_object_is_hidden_whole(client: Client) -> None:
    body = {"connection_id": "odd", "conn_type": "x", "extra": "user:hush"}
    assert client.post("/api/v2/connections", body, 201)["extra"] == "***"


def test_a_connection_is_tried_where_that_is_allowed(client: Client, make_client: Callable[..., Client]) -> None:
    body = {"connection_id": "db", "conn_type": "postgres", "host": "h", "password": "hush"}
    assert "core.test_connection" in client.post("/api/v2/connections/test", body, 403)["detail"]

    tried: list[ConnectionRecord] = []

    def try_connection(record: ConnectionRecord) -> tuple[bool, str]:
        tried.append(record)
        return True, "it works"

    other = make_client(try_connection=try_connection)
    other.headers = client.headers
    assert other.post("/api/v2/connections/test", body) == {"status": True, "message": "it works"}
    client.post("/api/v2/connections", body, 201)
    other.post("/api/v2/connections/test", body | {"password": "***", "host": "new"})
    assert [(record.host, record.password) for record in tried] == [("h", "hush"), ("new", "hush")]
