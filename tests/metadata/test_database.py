"""Opening, transactions, and what a database that is away, locked or full looks like to a caller."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from tradewind.core.transitions import Event
from tradewind.metadata import schema, tables
from tradewind.metadata.batch import Batch
from tradewind.metadata.database import Database, parse_url
from tradewind.metadata.errors import ConflictError, DatabaseUnavailableError, MetadataError
from tradewind.metadata.pools import PoolStore
from tradewind.metadata.runs import RunRequest, create_manual_run
from tradewind.metadata.tables.datetimes import to_text

from tests.metadata.conftest import S, World
from tests.postgres import PostgresServer, find_binaries


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:***@h/d"),
        ("postgresql://u:p@h:1/d", "postgresql+psycopg://u:***@h:1/d"),
        ("postgresql+psycopg2://h/d?sslmode=require", "postgresql+psycopg://h/d?sslmode=require"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("sqlite+pysqlite:///b.db", "sqlite:///b.db"),
    ],
)
def test_urls_are_taken_as_airflow_writes_them(url: str, expected: str) -> None:
    assert str(parse_url(url)) == expected


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://h/d", "no support for mysql"),
        ("nonsense", "cannot be read"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_without_its_password(url: str, said: str) -> None:
    with pytest.raises(MetadataError, match=said):
        Database.open(url)


def test_a_transaction_is_kept_or_undone(database: Database) -> None:
    insert = tables.pool.insert().values(slots=1, include_deferred=False)
    with database.begin() as connection:
        connection.execute(insert.values(name="kept"))
    with pytest.raises(ZeroDivisionError), database.begin() as connection:  # noqa: PT012 - what fails comes last
        connection.execute(insert.values(name="undone"))
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), database.write_cursor() as cursor:  # noqa: PT012 - what fails comes last
        cursor.execute("INSERT INTO pool (name, slots, include_deferred) VALUES ('undone', 1, false)")
        raise ZeroDivisionError
    assert [pool.name for pool in PoolStore(database).list()] == ["default_pool", "kept"]


def test_a_mistake_in_a_statement_is_not_taken_for_a_database_that_is_away(database: Database) -> None:
    with pytest.raises(DBAPIError), database.read() as connection:
        connection.execute(sa.text("SELECT * FROM nowhere"))
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(tables.pool.insert().values(name="default_pool", slots=1, include_deferred=False))


def test_readers_see_one_moment_and_do_not_wait_for_a_writer(database: Database) -> None:
    insert = tables.pool.insert().values(name="new", slots=1, include_deferred=False)
    with database.begin() as writer:
        writer.execute(insert)
        assert len(PoolStore(database).list()) == 1
    assert len(PoolStore(database).list()) == 2


def test_a_transaction_that_lost_a_deadlock_is_done_again(database: Database) -> None:
    tries: list[int] = []

    def work(connection: sa.Connection) -> str:
        tries.append(1)
        connection.execute(tables.pool.insert().values(name="once", slots=1, include_deferred=False))
        if len(tries) < 3:
            raise ConflictError("deadlock")
        return "done"

    assert database.transact(work) == "done"
    assert len(tries) == 3
    assert [pool.name for pool in PoolStore(database).list()] == ["default_pool", "once"]


def test_writers_at_the_same_time_all_get_through(world: World, migrated_url: str) -> None:
    """Two processes' worth of threads that clear and move the same rows end without a lost or doubled step."""
    world.add_dag()
    other = Database.open(migrated_url)
    errors: list[BaseException] = []

    def trigger(name: str, database: Database) -> None:
        try:
            for number in range(10):
                create_manual_run(database, world.clock, RunRequest("etl", f"{name}{number}"))
        except MetadataError as error:
            errors.append(error)

    threads = [threading.Thread(target=trigger, args=(str(n), (world.database, other)[n % 2])) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.dispose()
    assert errors == []
    assert len(world.store.load_queued_runs()) == 40


HOLD_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


@contextlib.contextmanager
def locked_by_another_process(path: Path) -> Iterator[Callable[[], None]]:
    """Hold the write lock; yields what releases it before the end of the block."""
    command = [sys.executable, "-c", HOLD_LOCK, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        assert process.stdin is not None
        try:
            yield process.stdin.close
        finally:
            process.stdin.close()
            process.wait()


def file_of(database: Database) -> Path:
    return Path(str(database.engine.url.database))


def test_a_lock_of_another_process_only_delays(migrated_sqlite_url: str) -> None:
    database = Database.open(migrated_sqlite_url)
    world = World(database)
    _, (a, *_) = world.started_run()
    done = threading.Event()

    def write() -> None:
        world.bring(a, S.QUEUED)
        done.set()

    with locked_by_another_process(file_of(database)) as release:
        writer = threading.Thread(target=write)
        writer.start()
        assert not done.wait(0.3)
        assert world.instance(a).state is S.NONE  # readers go on
        release()
        writer.join()
    assert done.is_set()
    assert world.instance(a).state is S.QUEUED
    database.dispose()


def test_a_lock_that_stays_is_a_database_that_is_away(
    migrated_sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tradewind.metadata.database.BUSY_TIMEOUT_S", 0.05)
    database = Database.open(migrated_sqlite_url)
    world = World(database)
    with locked_by_another_process(file_of(database)):
        with pytest.raises(DatabaseUnavailableError, match="locked"):
            PoolStore(database).set("p", 1)
        with pytest.raises(DatabaseUnavailableError, match="locked"):
            world.commit(Batch(callbacks_done=[1]))
    PoolStore(database).set("p", 1)
    database.dispose()


def test_a_full_disk_is_a_database_that_is_away(migrated_sqlite_url: str) -> None:
    database = Database.open(migrated_sqlite_url, pool_size=1)
    with database.read() as connection:
        pages = connection.execute(sa.text("PRAGMA page_count")).scalar_one()
        connection.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(DatabaseUnavailableError, match="full"), database.begin() as connection:
        connection.execute(tables.variable.insert().values(key="k", value="x" * 100_000, is_encrypted=False))
    assert len(PoolStore(database).list()) == 1
    database.dispose()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'none' / 'x.db'}")
    with pytest.raises(DatabaseUnavailableError, match=r"none/x.db: unable to open"):
        schema.check(database)


def test_a_server_that_restarts_is_away_and_then_there() -> None:
    server = PostgresServer(find_binaries())
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(server.close)
        server.start()
        database = Database.open(server.url(server.create_database()))
        cleanup.callback(database.dispose)
        schema.migrate(database)
        world = World(database)
        _, (a, *_) = world.started_run()
        step = world.move(a, S.SCHEDULED, Event.SCHEDULE)
        with database.read(), database.read():
            pass  # two connections lie idle when the server goes
        server.stop()
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            world.commit(Batch(transitions=[step]))
        with pytest.raises(DatabaseUnavailableError):
            PoolStore(database).list()
        with pytest.raises(DatabaseUnavailableError):
            PoolStore(database).set("p", 1)
        assert time.monotonic() - began < 20
        server.start()
        assert world.commit(Batch(transitions=[step])).stale_task_instances == []
        assert [pool.name for pool in PoolStore(database).list()] == ["default_pool"]
        PoolStore(database).set("p", 1)


def test_dates_without_a_zone_are_refused_and_text_sorts_as_time() -> None:
    from datetime import datetime, timedelta, timezone

    with pytest.raises(ValueError, match="no time zone"):
        to_text(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    early = datetime(2026, 1, 1, 0, 0, 0, 5, timezone.utc)
    dates = [early, early + timedelta(seconds=1), early.replace(year=2027).astimezone(timezone(timedelta(hours=-9)))]
    assert sorted(map(to_text, dates)) == [to_text(date) for date in dates]
    assert {len(to_text(date)) for date in dates} == {32}


def test_sqlite_waits_and_keeps_foreign_keys(migrated_sqlite_url: str) -> None:
    database = Database.open(migrated_sqlite_url)
    with database.read_cursor() as cursor:
        found = {}
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
            cursor.execute(f"PRAGMA {name}")
            found[name] = (cursor.fetchone() or (None,))[0]
    assert found == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 30000}
    assert sqlite3.sqlite_version_info >= (3, 35)  # RETURNING
    database.dispose()
