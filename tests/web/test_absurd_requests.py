"""Requests for what cannot be: every GET answers them, none with an error of the server."""

from __future__ import annotations

import re

from tradewind.web.app import OPERATIONS

from tests.web.conftest import Client

ENDLESS = {"/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/wait"}
GETS = [operation for operation in OPERATIONS if operation.method == "GET" and operation.path not in ENDLESS]
HUGE = "9" * 20


def test_no_path_breaks_the_server(client: Client) -> None:
    paths = {re.sub(r"{[^}]+}", value, operation.path) for operation in GETS for value in (HUGE, "~", "%00", "0")}
    assert {path: status for path in sorted(paths) if (status := client.call("GET", path).status_code) >= 500} == {}


def test_no_parameter_breaks_the_server(client: Client) -> None:
    queries = {
        f"{re.sub(r'{[^}]+}', '1', operation.path)}?{name}={value}"
        for operation in GETS
        if operation.query is not None
        for name in operation.query.__struct_fields__
        for value in (HUGE, "-1", "%00", "")
    }
    broken = {query: status for query in sorted(queries) if (status := client.call("GET", query).status_code) >= 500}
    assert broken == {}


def test_a_pool_takes_no_huge_number(client: Client) -> None:
    answer = client.post("/api/v2/pools", {"name": "p", "slots": 1 << 40}, 422)
    assert answer["detail"][0]["loc"] == ["body", "slots"]
