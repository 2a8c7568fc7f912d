"""A throw-away PostgreSQL server for tests: its own folder, its own port, gone when the process ends.

Durability is switched off, so it is fast and must hold nothing of value. It runs as user `postgres` when the tests run as
root, because the server refuses to run as root.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

REPOSITORY = Path(__file__).resolve().parent.parent
START_ATTEMPTS = 5
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "log_min_messages": "warning",
    "logging_collector": "off",
}
SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h


class PostgresServer:
    """One cluster; `stop` and `start` keep its data and port, `close` removes it."""

    def __init__(self, bin_folder: Path, *, keeps_commits: bool = False) -> None:
        """Use the programs of `bin_folder`. `keeps_commits`: what was committed outlives an immediate stop."""
        self.port = 0
        self._settings = SETTINGS | ({"synchronous_commit": "on"} if keeps_commits else {})
        self._bin = bin_folder
        self._owner = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        self._folder = Path(tempfile.mkdtemp(prefix="tradewind-postgres-", dir="/tmp"))  # a socket path must be short
        self._process: subprocess.Popen[str] | None = None
        self._names = itertools.count(1)
        atexit.register(self.close)
        if self._owner:
            shutil.chown(self._folder, "postgres", "postgres")
        self._initialize()

    def url(self, database: str) -> str:
        """Return the address of a database as SQLAlchemy takes it."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open a connection that commits every statement, for administration."""
        return psycopg.connect(
            host=str(self._folder), port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def create_database(self, template: str = "template1") -> str:
        """Create a database with a new name as a copy of `template` and return the name."""
        name = f"test_{next(self._names)}"
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def start(self) -> None:
        """Start the server and return when it takes connections; keep the port it had before."""
        attempts = START_ATTEMPTS if self.port == 0 else 1
        output: list[str] = []
        for _ in range(attempts):
            port = self.port or _free_port()
            output = self._launch(port)
            if self._process is not None:
                self.port = port
                return
        message = f"PostgreSQL did not start from {self._bin}:\n{''.join(output)}"
        raise RuntimeError(message)

    def stop(self, *, immediately: bool = False) -> None:
        """Stop the server: ending its connections, or at once as in a crash (`immediately`)."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGQUIT if immediately else signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Stop the server and remove its folder; harmless when called again."""
        atexit.unregister(self.close)
        self.stop(immediately=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _initialize(self) -> None:
        command = [self._bin / "initdb", "-D", self._data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"]
        made = subprocess.run(
            [*command, "--locale=C"],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            **self._owner,
        )
        if made.returncode:
            message = f"initdb failed:\n{made.stdout}{made.stderr}"
            raise RuntimeError(message)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _launch(self, port: int) -> list[str]:
        """Try one port; on success the process is kept, else its output says why."""
        options = self._settings | {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self._folder),
        }
        process = subprocess.Popen(
            [
                self._bin / "postgres",
                "-D",
                self._data,
                *itertools.chain(*(("-c", f"{k}={v}") for k, v in options.items())),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._folder,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread runs yet when the session's server starts
            **self._owner,
        )
        output: list[str] = []
        assert process.stderr is not None
        for line in process.stderr:
            output.append(line)
            if "ready to accept connections" in line:
                self._process = process
                threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
                return output
        process.stderr.close()
        process.wait()
        return output


def find_binaries() -> Path:
    """Return the folder of the server programs, or raise with the sentence that says what to install."""
    script = REPOSITORY / "scripts" / "ensure_postgres.sh"
    found = subprocess.run([script, "--find-only"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(found.stderr.strip())
    return Path(found.stdout.strip())


def _drain(stream: IO[str]) -> None:
    """Read what the server says, so that it never blocks on a full pipe."""
    with contextlib.suppress(ValueError), stream:
        for _ in stream:
            pass


def _die_with_parent() -> None:
    """Run in the child: the server stops when the test process is killed, whatever the way."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGINT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
