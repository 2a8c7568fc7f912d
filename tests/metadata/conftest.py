"""A migrated database of either kind, and a small world in it: a clock that stands, DAGs, runs and their instances."""

from __future__ import annotations

import select
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tradewind.core.ids import DagRunPk, TaskInstancePk, task_instance_pk
from tradewind.core.states import DagRunState, RunType, TaskInstanceState
from tradewind.core.transitions import Event
from tradewind.metadata import schema
from tradewind.metadata.batch import (
    Batch,
    CommitResult,
    NewRun,
    NewTaskInstance,
    RunEnd,
    RunRow,
    RunStart,
    TaskTransition,
)
from tradewind.metadata.dags import DagStore, FileDag, FileResult
from tradewind.metadata.database import Database
from tradewind.metadata.doorbell import Listener, Ring
from tradewind.metadata.runs import TaskInstanceDetail, TaskInstanceFilter, list_task_instances
from tradewind.metadata.scheduling import SchedulerStore
from tradewind.metadata.tables import metadata
from tradewind.serialization.document import DagDocument, TaskDocument, encode_document, version_hash

from tests.postgres import PostgresServer

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
S = TaskInstanceState


@dataclass
class StandingClock:
    """A clock that goes on when a test says so."""

    at: datetime = NOON

    def now(self) -> datetime:
        """Return the wall time."""
        return self.at

    def monotonic(self) -> float:
        """Return seconds since noon."""
        return (self.at - NOON).total_seconds()

    def advance(self, seconds: float) -> datetime:
        """Let time pass; return the new time."""
        self.at += timedelta(seconds=seconds)
        return self.at


@dataclass
class World:
    """A database in use: one scheduler with its lease, and short ways to what tests need."""

    database: Database
    clock: StandingClock = field(default_factory=StandingClock)

    def __post_init__(self) -> None:
        self.store = SchedulerStore(self.database, self.clock)
        self.dags = DagStore(self.database, self.clock)
        self.epoch = self.store.acquire_lease("first", 30, self.clock.now()) or 0

    def commit(self, batch: Batch) -> CommitResult:
        """Write the batch under the lease."""
        return self.store.commit(batch, epoch=self.epoch)

    def file(self, *documents: DagDocument, path: str = "/dags/a.py", **options: Any) -> FileResult:
        """Return what a parsed file with these DAGs gives."""
        encoded = [encode_document(document) for document in documents]
        found = [FileDag(d.dag_id, e, version_hash(e)) for d, e in zip(documents, encoded, strict=True)]
        values: dict[str, Any] = {
            "fingerprint": "f1",
            "source": "code",
            "folder": "/dags",
            "relative_path": path.removeprefix("/dags/"),
        }
        return FileResult(path=path, dags=found, **(values | options))

    def add_dag(self, dag_id: str = "etl", tasks: tuple[TaskDocument, ...] = (), **options: Any) -> None:
        """Store a DAG in a file of its own."""
        document = DagDocument(dag_id=dag_id, tasks=tasks, **options)
        self.dags.store_file(self.file(document, path=f"/dags/{dag_id}.py"), is_paused_by_default=False)

    def new_run(self, dag_id: str = "etl", day: int = 1, run_type: RunType = RunType.SCHEDULED) -> RunRow:
        """Create a queued run for a day of March."""
        date = NOON.replace(day=day, hour=0)
        end = date + timedelta(days=1)
        run_id = f"{run_type}__{date.isoformat()}"
        result = self.commit(Batch(new_runs=[NewRun(dag_id, run_id, run_type, end, date, date, end)]))
        return result.created_runs[0]

    def start(
        self, run: RunRow, task_ids: tuple[str, ...] = ("a", "b", "c"), max_tries: int = 0
    ) -> list[TaskInstancePk]:
        """Let the run start with these instances, in slots 0, 1, ...; return their numbers."""
        version_pk = self.store.load_dags([run.dag_id])[0].version_pk
        new = [new_instance(run.run_pk, slot, task_id, max_tries) for slot, task_id in enumerate(task_ids)]
        result = self.commit(
            Batch(run_starts=[RunStart(run.run_pk, run.dag_id, run.run_id, self.clock.now(), version_pk, new)]),
        )
        assert not result.stale_runs
        return [instance.ti_pk for instance in new]

    def started_run(
        self, task_ids: tuple[str, ...] = ("a", "b", "c"), dag_id: str = "etl", day: int = 1
    ) -> tuple[RunRow, list[TaskInstancePk]]:
        """Add the DAG and a run of it that has started; return the run and the numbers of its instances."""
        self.add_dag(dag_id, tuple(TaskDocument(task_id=task_id, task_type="X", retries=2) for task_id in task_ids))
        run = self.new_run(dag_id, day)
        return run, self.start(run, task_ids)

    def end_run(self, run: RunRow, state: DagRunState = DagRunState.SUCCESS) -> None:
        """End a run, whatever its instances are."""
        assert not self.commit(Batch(run_ends=[RunEnd(run.run_pk, state, self.clock.now())])).stale_runs

    def instance(self, ti_pk: TaskInstancePk) -> TaskInstanceDetail:
        """Return the instance as it is stored."""
        return list_task_instances(self.database, TaskInstanceFilter(ti_pks=(ti_pk,)))[0][0]

    def move(self, ti_pk: TaskInstancePk, target: S, *events: Event, **options: Any) -> TaskTransition:
        """Return the transition of the instance, as it is stored now, to `target`."""
        row = self.instance(ti_pk)
        values: dict[str, Any] = {"try_number": row.try_number} | options
        return TaskTransition(
            ti_pk,
            row.state,
            row.version,
            target,
            row.version + len(events),
            events,
            self.clock.now(),
            **values,
        )

    def bring(self, ti_pk: TaskInstancePk, target: S) -> None:
        """Bring an instance that waits to queued, running, or an end, the usual way."""
        row = self.instance(ti_pk)
        queued = self.move(
            ti_pk,
            S.QUEUED,
            Event.SCHEDULE,
            Event.ENQUEUE,
            try_number=row.try_number + 1,
            is_new_try=True,
            queued_at=self.clock.now(),
        )
        assert not self.commit(Batch(transitions=[queued])).stale_task_instances
        if target is not S.QUEUED:
            running = self.move(ti_pk, S.RUNNING, Event.START, started_at=self.clock.now(), pid=7, hostname="host")
            assert not self.commit(Batch(transitions=[running])).stale_task_instances
        if target not in {S.QUEUED, S.RUNNING}:
            ends = {S.SUCCESS: Event.SUCCEED, S.FAILED: Event.FAIL, S.SKIPPED: Event.SKIP, S.UP_FOR_RETRY: Event.RETRY}
            ended = self.move(ti_pk, target, ends[target], ended_at=self.clock.now())
            assert not self.commit(Batch(transitions=[ended])).stale_task_instances


def hear(listener: Listener, count: int) -> list[Ring]:
    """Return the next `count` rings, waiting for them."""
    heard: list[Ring] = []
    while len(heard) < count:
        assert select.select([listener.fileno()], [], [], 10)[0], f"heard only {heard}"
        heard += listener.drain()
    return heard


def new_instance(run_pk: DagRunPk, slot: int, task_id: str, max_tries: int = 0) -> NewTaskInstance:
    return NewTaskInstance(task_instance_pk(run_pk, slot), task_id, -1, max_tries, "X", "default_pool", 1, "default", 1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated file to copy."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database.open(f"sqlite:///{path}")
    schema.migrate(database)
    database.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_database(postgres_server: PostgresServer) -> Iterator[Database]:
    """Return a migrated database that tests use one after the other."""
    database = Database.open(postgres_server.url(postgres_server.create_database()), pool_size=1)
    schema.migrate(database)
    yield database
    database.dispose()


@pytest.fixture
def migrated_sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'tradewind.db')}"


@pytest.fixture
def migrated_postgres_url(postgres_database: Database) -> Iterator[str]:
    yield postgres_database.engine.url.render_as_string(hide_password=False)
    # Another test may have restarted the server meanwhile: begin with a connection of now.
    postgres_database.dispose()
    with postgres_database.begin() as connection:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")
        schema.add_first_rows(connection)


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a database that is up to date; a test that asks for it runs once for each kind."""
    return request.getfixturevalue(f"migrated_{request.param}_url")


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    opened = Database.open(migrated_url)
    yield opened
    opened.dispose()


@pytest.fixture
def world(database: Database) -> World:
    return World(database)
