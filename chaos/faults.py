"""The faults, by name. Each hurts a running system once and returns when the hurt is over, not when it has healed."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.processes import named, tree

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from benchmarks.system import System
    from tests.postgres import PostgresServer

    Fault = Callable[["Target"], bool]

_SQLITE_LOCK_S = 5.0
_FULL_DISK_S = 1.5
_FORKER = "tradewind.worker.forker"


class Target:
    """What is hurt: a system, its random numbers, and the database server when it has one."""

    def __init__(self, system: System, random_numbers: random.Random, server: PostgresServer | None) -> None:
        self.system = system
        self.random = random_numbers
        self.server = server


def kill_worker(target: Target) -> bool:
    """SIGKILL a worker process."""
    return _kill_one(target, _workers(target.system.pids()))


def kill_scheduler(target: Target) -> bool:
    """SIGKILL the scheduler."""
    return _kill_one(target, named(target.system.pids(), "tw-scheduler"))


def kill_dag_processor(target: Target) -> bool:
    """SIGKILL the DAG processor."""
    return _kill_one(target, named(target.system.pids(), "tw-dag-processo"))


def kill_api_server(target: Target) -> bool:
    """SIGKILL the web server."""
    return _kill_one(target, named(target.system.pids(), "tw-api-server"))


def kill_triggerer(target: Target) -> bool:
    """SIGKILL the triggerer, or the process below it that runs triggers."""
    roots = named(target.system.pids(), "tw-triggerer")
    return _kill_one(target, [pid for root in roots for pid in tree(root)])


def kill_family(target: Target) -> bool:
    """SIGKILL every process of the family at once, then start it again."""
    system = target.system
    for pid in system.pids():
        _kill(pid)
    system.end()
    system.start()
    return True


def lock_sqlite(target: Target) -> bool:
    """Hold SQLite's write lock from another process."""
    with contextlib.closing(sqlite3.connect(target.system.home / "tradewind.db", timeout=30)) as connection:
        connection.isolation_level = None
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(_SQLITE_LOCK_S)
        connection.execute("ROLLBACK")
    return True


def restart_postgres(target: Target) -> bool:
    """Stop the database server, at times without warning, and start it again."""
    if target.server is None:
        return False
    target.server.stop(immediately=target.random.random() < 0.5)
    time.sleep(target.random.random() * 2)
    target.server.start()
    return True


def fill_logs(target: Target) -> bool:
    """Fill the disk that the task logs lie on, for a moment. Needs a log folder with a file system of its own."""
    logs = target.system.home / "logs"
    if not os.path.ismount(logs):
        return False
    ballast = logs / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(b"\0" * 65536)
    time.sleep(_FULL_DISK_S)
    ballast.unlink()
    return True


_ON_BOTH: tuple[Fault, ...] = (
    kill_worker,
    kill_scheduler,
    kill_dag_processor,
    kill_triggerer,
    kill_api_server,
    kill_family,
    fill_logs,
)
KINDS: dict[str, tuple[Fault, ...]] = {
    "sqlite": (*_ON_BOTH, lock_sqlite),
    "postgres": (*_ON_BOTH, restart_postgres),
}
WAITING_FOR_A_VICTIM: tuple[Fault, ...] = (
    kill_worker,
    kill_scheduler,
    kill_dag_processor,
    kill_triggerer,
    kill_api_server,
)


@contextlib.contextmanager
def small_disk_for_logs(home: Path) -> Iterator[None]:
    """Give the log folder a small file system of its own where this user may; else faults that need it are left out."""
    logs = home / "logs"
    logs.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=200k", "tmpfs", str(logs)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(logs)], check=False)


def _kill_one(target: Target, pids: list[int]) -> bool:
    return bool(pids) and _kill(target.random.choice(sorted(pids)))


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _workers(pids: list[int]) -> list[int]:
    forkers = [pid for pid in pids if _FORKER in _command(pid)]
    below = {child for pid in forkers for child in tree(pid) if child != pid}
    return [pid for pid in forkers if pid in below]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
