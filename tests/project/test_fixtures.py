"""The fixtures that other tests stand on."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psycopg
import pytest

from tests.postgres import PostgresServer


def libpq(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_each_test_has_an_empty_database(postgres_url: str) -> None:
    with psycopg.connect(libpq(postgres_url)) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_a_database_is_a_copy_of_its_template(postgres_server: PostgresServer) -> None:
    template = postgres_server.create_database()
    with postgres_server.connect(template) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    copy = postgres_server.create_database(template)
    with postgres_server.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    postgres_server.drop_database(copy)
    postgres_server.drop_database(template)


def test_the_server_comes_back_on_its_port_with_its_data(postgres_server: PostgresServer) -> None:
    name = postgres_server.create_database()
    port = postgres_server.port
    postgres_server.stop()
    with pytest.raises(psycopg.OperationalError):
        postgres_server.connect(name)
    postgres_server.start()
    assert postgres_server.port == port
    postgres_server.connect(name).close()
    postgres_server.drop_database(name)


def test_both_kinds_of_database_are_offered(database_url: str) -> None:
    assert database_url.startswith(("sqlite:///", "postgresql+psycopg://"))


def test_home_is_named_by_the_environment(home: Path) -> None:
    assert os.environ["TRADEWIND_HOME"] == str(home)
    assert list(home.iterdir()) == []


def test_no_connection_leaves_the_machine() -> None:
    with socket.socket() as outside, pytest.raises(RuntimeError, match="may not connect"):
        outside.connect(("192.0.2.1", 80))
