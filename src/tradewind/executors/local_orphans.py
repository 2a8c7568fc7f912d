"""Find and end what a killed process left behind: programs that its tasks started, in whatever session they are.

Each process of an executor carries a mark in its environment, which programs inherit. Linux shows it under /proc;
elsewhere nothing is found, and process groups have to do.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.executors.local_protocol import EXECUTOR_MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PROC = Path("/proc")
_MAX_ROUNDS = 20


def executor_mark(pid: int | None = None) -> str:
    """Return the mark of the executor in process `pid` (this one): no other process has it, now or later."""
    pid = os.getpid() if pid is None else pid
    return f"{_pid_namespace()}.{pid}.{_started_ticks(pid)}"


def kill_marked(variable: str, mark: str) -> int:
    """Kill every process but this one whose environment has `variable=mark`; return how many were hit."""
    wanted = f"{variable}={mark}".encode()
    return _kill_while_found(lambda environment: wanted in environment)


def kill_orphans() -> int:
    """Kill the processes of executors of this machine that are gone; return how many were hit.

    Only those of the same PID namespace are judged: the numbers of another one mean nothing here.
    """
    prefix = f"{EXECUTOR_MARK}={_pid_namespace()}.".encode()

    def is_orphan(environment: list[bytes]) -> bool:
        for entry in environment:
            if entry.startswith(prefix):
                pid, ticks = entry[len(prefix) :].decode().split(".")[:2]
                return _started_ticks(int(pid)) != ticks
        return False

    return _kill_while_found(is_orphan)


def _kill_while_found(is_wanted: Callable[[list[bytes]], bool]) -> int:
    """Kill until none is left: one may fork while the list is read. Zombies show no environment."""
    killed: set[int] = set()
    for _ in range(_MAX_ROUNDS):
        found = [pid for pid, environment in _environments() if is_wanted(environment)]
        for pid in found:
            _kill(pid)
        killed.update(found)
        if not found:
            break
    return len(killed)


def _environments() -> Iterator[tuple[int, list[bytes]]]:
    own = os.getpid()
    for pid in _pids():
        if pid != own:
            try:
                content = (_PROC / str(pid) / "environ").read_bytes()
            except OSError:
                continue  # gone, or another user's
            if content:
                yield pid, content.split(b"\0")


def _pids() -> list[int]:
    try:
        return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]
    except OSError:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _pid_namespace() -> str:
    try:
        return str((_PROC / "self" / "ns" / "pid").stat().st_ino)
    except OSError:
        return "0"


def _started_ticks(pid: int) -> str:
    """Return when the process began, in the kernel's ticks: with the number it names one process for ever."""
    try:
        # The second field, the program's name, may hold spaces and brackets: fields are counted after its end.
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return fields[19].decode()
    except (OSError, IndexError):
        return "0"
