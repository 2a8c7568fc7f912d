"""What surrounds the operations: page, headers, OpenAPI, errors, and a real server on a socket."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tradewind.metadata.dags.store import DagStore
from tradewind.metadata.errors import DatabaseUnavailableError
from tradewind.web.serve import WebServer

from tests.project.sources import REPOSITORY
from tests.web.conftest import Client

PAGE = REPOSITORY / "src/tradewind/web/page"


def test_the_page_loads_nothing_from_elsewhere(make_client: Callable[..., Client]) -> None:
    client = make_client()
    answer = client.call("GET", "/")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in re.findall(r'(?:src|href)="(/[^"#]*)"', answer.text):
        assert client.call("GET", path).status_code == 200, path
    assert not re.search(r"\bon\w+=|style=|<script>", answer.text)
    assert "http" not in (PAGE / "page.js").read_text().replace("http-equiv", "")


def test_text_never_becomes_markup() -> None:
    script = (PAGE / "page.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


def test_static_files_do_not_lead_out(make_client: Callable[..., Client]) -> None:
    assert make_client().call("GET", "/static/..%2fapp.py").status_code == 404


def test_the_openapi_document_has_every_operation(make_client: Callable[..., Client]) -> None:
    document = make_client().get("/openapi.json")
    trigger = document["paths"]["/api/v2/dags/{dag_id}/dagRuns"]["post"]
    assert trigger["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/TriggerBody"
    }
    listing = document["paths"]["/api/v2/dags"]["get"]
    assert {"limit", "order_by", "tags", "paused"} <= {parameter["name"] for parameter in listing["parameters"]}
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation["summary"] for operation in operations)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/v2/nothing", 404), ("PUT", "/api/v2/dags", 405)])
def test_what_is_not_there_is_told_in_json(client: Client, method: str, path: str, status: int) -> None:
    answer = client.call(method, path)
    assert (answer.status_code, "detail" in answer.json()) == (status, True)


def test_a_database_that_is_away_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object, **_keywords: object) -> None:
        raise DatabaseUnavailableError("the database is away")

    monkeypatch.setattr(DagStore, "list_dags", away)
    answer = client.call("GET", "/api/v2/dags")
    assert (answer.status_code, answer.json()) == (503, {"detail": "the database is away"})


def test_a_mistake_of_ours_tells_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DagStore, "list_dags", lambda *_a, **_k: 1 / 0)
    answer = client.call("GET", "/api/v2/dags")
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})


def test_a_body_may_not_be_endless(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewind.web.operations.MAX_BODY_BYTES", 100)
    assert client.call("POST", "/api/v2/dags/chain/dagRuns", content=b" " * 200).status_code == 413


def test_other_origins_are_allowed_where_they_are_named(make_client: Callable[..., Client]) -> None:
    headers = {"Origin": "https://there.example"}
    assert "access-control-allow-origin" not in make_client().call("GET", "/health", headers=headers).headers
    named = make_client(allowed_origins=("https://there.example",)).call("GET", "/health", headers=headers)
    assert named.headers["access-control-allow-origin"] == "https://there.example"


def test_a_server_says_when_it_answers_and_ends_when_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        ready = threading.Event()
        app = Starlette(routes=[Route("/", lambda _request: PlainTextResponse("here"))])
        server = WebServer(app, listening, ready.set)
        thread = threading.Thread(target=server.run)
        thread.start()
        assert ready.wait(10)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert answer.read() == b"here"
        server.stop()
        thread.join(10)
        assert not thread.is_alive()


def test_the_room_stays_light() -> None:
    """FastAPI, Pydantic and the cryptography behind the usual token library cost more than the whole start may take."""
    code = (
        "import sys, json; import tradewind.web.app, tradewind.web.serve; "
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"fastapi", "pydantic", "cryptography", "jwt", "jsonschema", "alembic", "jinja2", "pendulum", "httpx"}
    assert heavy & set(json.loads(ran.stdout)) == set()
