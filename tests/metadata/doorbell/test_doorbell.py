"""One suite for both doorbells: rings arrive once each, in order, after the commit, or a resync says that some did not."""

from __future__ import annotations

import contextlib
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradewind.metadata.database import Database, add_ring
from tradewind.metadata.doorbell import RESYNC, Listener, Ring, listen
from tradewind.metadata.errors import DatabaseUnavailableError

from tests.metadata.conftest import hear
from tests.postgres import PostgresServer, find_binaries

END = Ring("end")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Return a database without tables: the doorbell needs none."""
    opened = Database.open(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def new_listener(database: Database) -> Iterator[Callable[[], Listener]]:
    made: list[Listener] = []

    def make() -> Listener:
        made.append(listen(database))
        return made[-1]

    yield make
    for listener in made:
        listener.close()


def heard_before_the_end(database: Database, listener: Listener) -> list[Ring]:
    """Ring once more and return what comes before that."""
    database.send([END])
    heard: list[Ring] = []
    while END not in heard:
        heard += hear(listener, 1)
    return heard[: heard.index(END)]


def test_every_listener_hears_every_ring_in_order(database: Database, new_listener: Callable[[], Listener]) -> None:
    first, second = new_listener(), new_listener()
    rings = [Ring("run", "7"), Ring("dag", "Täglich:1"), Ring("run", "7"), Ring("pool", "")]
    with database.begin() as connection:
        for ring in rings[:3]:
            add_ring(connection, ring)
    database.send(rings[3:])
    # PostgreSQL sends one of equal rings of one transaction.
    expected = rings if database.is_sqlite else [*rings[:2], rings[3]]
    assert heard_before_the_end(database, first) == expected
    assert heard_before_the_end(database, second) == expected


def test_nothing_is_heard_when_nothing_rang(new_listener: Callable[[], Listener]) -> None:
    listener = new_listener()
    assert listener.drain() == []
    assert select.select([listener.fileno()], [], [], 0)[0] == []


def test_a_ring_goes_out_with_the_commit_and_not_before(
    database: Database,
    new_listener: Callable[[], Listener],
) -> None:
    listener = new_listener()
    with database.begin() as connection:
        add_ring(connection, Ring("run", "1"))
        assert listener.drain() == []
    assert heard_before_the_end(database, listener) == [Ring("run", "1")]


def test_a_ring_of_a_transaction_that_failed_is_never_heard(
    database: Database,
    new_listener: Callable[[], Listener],
) -> None:
    listener = new_listener()
    with pytest.raises(ZeroDivisionError), database.begin() as connection:  # noqa: PT012 - what fails comes last
        add_ring(connection, Ring("run", "1"))
        raise ZeroDivisionError
    assert heard_before_the_end(database, listener) == []


def test_a_ring_without_a_listener_is_no_error(database: Database) -> None:
    database.send([Ring("run", "1")])


def test_a_listener_that_was_closed_does_not_disturb_the_others(
    database: Database,
    new_listener: Callable[[], Listener],
) -> None:
    gone, stays = new_listener(), new_listener()
    gone.close()
    database.send([Ring("run", "1")])
    assert heard_before_the_end(database, stays) == [Ring("run", "1")]


def test_more_rings_than_anyone_can_hold_are_heard_or_make_a_resync(
    database: Database,
    new_listener: Callable[[], Listener],
) -> None:
    listener = new_listener()
    rings = [Ring("run", str(number)) for number in range(3000)]
    for start in range(0, len(rings), 500):
        database.send(rings[start : start + 500])
    heard: list[Ring] = []
    while rings[-1] not in heard and RESYNC not in heard:
        heard += hear(listener, 1)
    told = [ring for ring in heard if ring != RESYNC]
    assert told == rings[: len(told)]
    while select.select([listener.fileno()], [], [], 0)[0]:
        listener.drain()
    assert heard_before_the_end(database, listener) == []  # and it goes on as before


LISTEN_AND_DIE = """
import os, sys
from tradewind.metadata.database import Database
from tradewind.metadata.doorbell import listen
listen(Database.open(sys.argv[1]))
os.kill(os.getpid(), 9)
"""


def test_a_listener_whose_process_was_killed_is_forgotten(
    database: Database,
    database_url: str,
    new_listener: Callable[[], Listener],
) -> None:
    assert subprocess.run([sys.executable, "-c", LISTEN_AND_DIE, database_url], check=False).returncode == -9
    stays = new_listener()
    database.send([Ring("run", "1")])
    assert heard_before_the_end(database, stays) == [Ring("run", "1")]
    if database.bell_folder is not None:
        assert len(list(database.bell_folder.iterdir())) == 1


def test_a_note_of_missed_rings_is_answered_once(sqlite_url: str) -> None:
    database = Database.open(sqlite_url)
    listener = listen(database)
    try:
        for _ in range(3000):
            database.send([Ring("run", "1")])
        heard: list[Ring] = []
        while select.select([listener.fileno()], [], [], 0)[0]:
            heard += listener.drain()
        assert len(heard) < 3000
        assert RESYNC in heard
        database.send([Ring("run", "2")])
        assert listener.drain() == [Ring("run", "2")]
    finally:
        listener.close()
    assert database.bell_folder is not None
    assert list(database.bell_folder.iterdir()) == []


def test_a_folder_too_deep_for_a_socket_address_works_too(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    database = Database.open(f"sqlite:///{deep / 'x.db'}")
    listener = listen(database)
    try:
        database.send([Ring("run", "1")])
        assert listener.drain() == [Ring("run", "1")]
    finally:
        listener.close()


def drain_until_the_line_is_down(listener: Listener) -> None:
    """Drain what comes, the server's last words too, until the end of the line is met."""
    for _ in range(10):
        assert select.select([listener.fileno()], [], [], 10)[0]
        assert listener.drain() == []


def test_a_restarted_server_is_told_by_a_resync() -> None:
    server = PostgresServer(find_binaries())
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(server.close)
        server.start()
        database = Database.open(server.url(server.create_database()))
        cleanup.callback(database.dispose)
        listener = listen(database)
        cleanup.callback(listener.close)
        number = listener.fileno()
        server.stop(immediately=True)
        with pytest.raises(DatabaseUnavailableError, match="cannot listen"):
            drain_until_the_line_is_down(listener)
        assert select.select([number], [], [], 0)[0] == []
        with pytest.raises(DatabaseUnavailableError, match="cannot listen"):
            listener.drain()
        server.start()
        assert listener.drain() == [RESYNC]
        assert listener.fileno() == number
        database.send([Ring("run", "1")])
        assert hear(listener, 1) == [Ring("run", "1")]
