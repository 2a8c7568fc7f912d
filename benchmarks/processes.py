"""What processes cost, read from /proc: memory as PSS, CPU as user plus system."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> tuple[int, int]:
    raw = Path(f"/proc/{pid}/stat").read_text()
    rest = raw[raw.rindex(")") + 2 :].split()
    return int(rest[1]), sum(int(field) for field in rest[11:15])


def tree(root: int) -> list[int]:
    """Return `root` and every process below it."""
    children: dict[int, list[int]] = {}
    for entry in (path.name for path in Path("/proc").iterdir()):
        if entry.isdigit():
            try:
                children.setdefault(_stat(int(entry))[0], []).append(int(entry))
            except (OSError, ValueError):
                continue
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def pss_mib(pids: list[int]) -> float:
    """Return the memory of the processes in MiB, shared pages divided among those who share them."""
    total_kib = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total_kib += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return total_kib / 1024


def cpu_s(pids: list[int]) -> float:
    """Return the CPU seconds the processes have used, with those of children they have reaped."""
    total = 0
    for pid in pids:
        try:
            total += _stat(pid)[1]
        except (OSError, ValueError):
            continue
    return total / _TICKS


def named(pids: list[int], name: str) -> list[int]:
    """Return those of the processes that call themselves `name`."""
    found = []
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                found.append(pid)
        except OSError:
            continue
    return found


def machine() -> dict[str, object]:
    """Return what the figures were measured on."""
    cpu_lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":", 1)[1].strip() for line in cpu_lines if line.startswith("model name")), "unknown")
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cpus": os.cpu_count(),
        "cpu": cpu,
        "memory_mib": memory_kib // 1024,
        "kernel": os.uname().release,
    }
