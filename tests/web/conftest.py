"""A web application on a database with two DAGs, and a client that is signed in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from tradewind.core.clock import SystemClock
from tradewind.core.ids import TaskInstancePk
from tradewind.core.states import TaskInstanceState
from tradewind.logs.layout import LogLayout
from tradewind.metadata.dags.records import FileDag, FileError, FileResult, FileWarning
from tradewind.metadata.dags.store import DagStore
from tradewind.metadata.database import Database
from tradewind.metadata.encryption import Cipher
from tradewind.metadata.schema import migrate
from tradewind.serialization.document import (
    DagDocument,
    ParamDocument,
    TaskDocument,
    encode_document,
    version_hash,
)
from tradewind.web.app import create_app
from tradewind.web.ports import WebOptions, WebPorts

from tests.metadata.conftest import World
from tests.postgres import PostgresServer

PASSWORDS = {"admin": "sesame", "reader": "only-reads", "gone": "was-here"}
START = datetime(2024, 1, 1, tzinfo=timezone.utc)


class Client:
    """Calls the application in this process and returns its answers."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self.headers: dict[str, str] = {}

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer; `headers` and `json` as httpx has them."""
        headers = self.headers | options.pop("headers", {})

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, headers=headers, **options)

        return anyio.run(send)

    def get(self, path: str, **options: Any) -> Any:
        """Return the JSON of a GET that works."""
        answer = self.call("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        """Return the JSON of a POST."""
        answer = self.call("POST", path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        """Return the JSON of a PATCH."""
        answer = self.call("PATCH", path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def delete(self, path: str, status: int = 204) -> None:
        """DELETE."""
        answer = self.call("DELETE", path)
        assert answer.status_code == status, answer.text

    def sign_in(self, name: str) -> None:
        """Ask for a token and send it from now on."""
        token = self.post("/auth/token", {"username": name, "password": PASSWORDS[name]}, 201)["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"


CHAIN = DagDocument(
    dag_id="chain",
    display_name="A chain",
    description="Three in a row",
    relative_fileloc="chain.py",
    start_date=START,
    schedule_summary="None",
    tags=("one", "two"),
    owners=("airflow",),
    doc_md="# Chain",
    tasks=(
        TaskDocument(task_id="a", task_type="PythonOperator", downstream=("b",), retries=1),
        TaskDocument(task_id="b", task_type="BashOperator", downstream=("c",), execution_timeout_s=90061.5),
        TaskDocument(task_id="c", task_type="EmptyOperator", is_empty=True),
    ),
)
PARAMS = DagDocument(
    dag_id="params",
    relative_fileloc="params.py",
    timetable={"type": "cron_data_interval", "expression": "0 0 * * *", "timezone": "UTC"},
    schedule_summary="0 0 * * *",
    tags=("one",),
    params={
        "count": ParamDocument(value=3, schema={"type": "integer", "minimum": 1}),
        "name": ParamDocument(is_required=True, schema={"type": "string"}),
        "free": ParamDocument(value="anything"),
    },
    tasks=(TaskDocument(task_id="only", task_type="EmptyOperator", is_empty=True),),
)


def file_dag(document: DagDocument) -> FileDag:
    encoded = encode_document(document)
    return FileDag(document.dag_id, encoded, version_hash(encoded))


class Scheduler:
    """What a scheduler would write: runs that start, and task instances that move."""

    def __init__(self, database: Database) -> None:
        self.world = World(database, clock=SystemClock())  # type: ignore[arg-type]

    def start(self, dag_id: str, run_id: str, *states: TaskInstanceState) -> list[TaskInstancePk]:
        """Start a queued run of the chain and bring its tasks into these states, in order; return their numbers."""
        store = self.world.store
        run = next(run for run in store.load_queued_runs() if (run.dag_id, run.run_id) == (dag_id, run_id))
        numbers = self.world.start(run, ("a", "b", "c"))
        for number, state in zip(numbers, states, strict=False):
            if state is not TaskInstanceState.NONE:
                self.world.bring(number, state)
        return numbers


@pytest.fixture
def scheduler(database: Database) -> Scheduler:
    """Return a hand that writes what the scheduler writes."""
    return Scheduler(database)


@pytest.fixture
def logs(tmp_path: Path) -> LogLayout:
    """Return where logs lie."""
    return LogLayout(tmp_path / "logs")


def fill(database: Database) -> None:
    """Bring the schema, two DAGs and a file that is broken."""
    migrate(database)
    results = [
        FileResult(
            path=f"/dags/{document.relative_fileloc}",
            relative_path=document.relative_fileloc,
            folder="/dags",
            fingerprint="f",
            dags=[file_dag(document)],
            source=f"# {document.dag_id}\n",
        )
        for document in (CHAIN, PARAMS)
    ]
    results[0].warnings = [FileWarning("deprecated", "chain.py:1: old", "chain")]
    broken = FileResult(path="/dags/x.py", relative_path="x.py", folder="/dags", fingerprint="x")
    broken.errors = [FileError("x.py:1: SyntaxError: invalid syntax")]
    DagStore(database, SystemClock()).store_files([*results, broken], is_paused_by_default=True)


@pytest.fixture(scope="session")
def filled_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a filled file to copy."""
    path = tmp_path_factory.mktemp("filled") / "filled.db"
    database = Database.open(f"sqlite:///{path}")
    fill(database)
    database.dispose()
    return path


@pytest.fixture(scope="session")
def filled_postgres(postgres_server: PostgresServer) -> str:
    """Return the name of a filled database to copy."""
    name = postgres_server.create_database()
    database = Database.open(postgres_server.url(name))
    fill(database)
    database.dispose()
    return name


@pytest.fixture
def filled_sqlite_url(filled_sqlite: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(filled_sqlite, tmp_path / 'tradewind.db')}"


@pytest.fixture
def filled_postgres_url(filled_postgres: str, postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.create_database(filled_postgres)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Return a database with two DAGs and a file that is broken; a test that asks for it runs once for each kind."""
    url = request.getfixturevalue(f"filled_{request.param}_url")
    database = Database.open(url, bell_folder=tmp_path / "run")
    yield database
    database.dispose()


@pytest.fixture
def make_client(tmp_path: Path, database: Database, logs: LogLayout) -> Callable[..., Client]:
    """Return a function that makes a client of an application with these options."""
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps(PASSWORDS), encoding="utf-8")

    def make(try_connection: Any = None, **options: Any) -> Client:
        values: dict[str, Any] = {"users": ("admin:admin", "reader:viewer", "worker:user")} | options
        ports = WebPorts(
            database=database,
            cipher=Cipher(""),
            clock=SystemClock(),
            logs=logs,
            jwt_secret="secret",
            passwords_file=passwords,
            options=WebOptions(**values),
            try_connection=try_connection,
        )
        return Client(create_app(ports))

    return make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    """Return a client signed in as admin."""
    client = make_client()
    client.sign_in("admin")
    return client
