"""What it costs to start, to stand idle, to read DAG files and to import."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import dag_files
from benchmarks.processes import cpu_s, pss_mib
from benchmarks.system import until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.system import System

    Make = Callable[..., System]

Figures = dict[str, float]


def start(make: Make, urls: Sequence[str | None]) -> Figures:
    """From the command to healthy, and to the end of a first triggered run, on an empty home; once for each URL."""
    healthy, first_run = [], []
    for url in urls:
        system = make(url)
        system.write("one", dag_files.chain_of_noops("one", 1))
        system.prepare()
        began = time.monotonic()
        try:
            healthy.append(system.start())
            system.wait_for_dags(1, 120)
            system.trigger("one", "first")
            system.wait_for_run("one", "first", every_s=0.01)
            first_run.append(time.monotonic() - began)
        finally:
            system.stop()
    return {"start.healthy_s": median(healthy), "start.first_run_s": median(first_run)}


def idle(make: Make, url: str | None, seconds: float) -> Figures:
    """Memory and CPU of the whole family while nothing happens."""
    system = make(url)
    system.write("one", dag_files.chain_of_noops("one", 1))
    with system.running():
        system.wait_for_dags(1, 120)
        system.trigger("one", "first")
        system.wait_for_run("one", "first")
        # What was used to get here may rest now.
        time.sleep(30)
        before, began = cpu_s(system.pids()), time.monotonic()
        time.sleep(seconds)
        used, passed = cpu_s(system.pids()) - before, time.monotonic() - began
        memory = pss_mib(system.pids())
        processes = len(system.pids())
    return {"idle.pss_mib": memory, "idle.cpu_percent": 100 * used / passed, "idle.processes": processes}


def parse1000(make: Make, url: str | None, count: int = 1000) -> Figures:
    """A thousand files of five tasks: start to all visible; the edit of one to visible."""
    system = make(url)
    for number in range(count):
        system.write(f"p{number:04d}", dag_files.chain_of_noops(f"p{number:04d}", 5))
    system.prepare()
    began = time.monotonic()
    try:
        system.start()
        system.wait_for_dags(count, 900)
        visible = time.monotonic() - began
        edits = [_edit(system, count * (number + 1) // 7) for number in range(5)]
    finally:
        system.stop()
    return {"parse1000.visible_s": visible, "parse1000.edit_visible_s": median(edits)}


def _edit(system: System, number: int) -> float:
    time.sleep(1)
    dag_id = f"p{number:04d}"
    began = time.monotonic()
    system.write(dag_id, dag_files.chain_of_noops(dag_id, 6, "edited"))

    def has_six() -> bool:
        status, body = system.api("GET", f"/dags/{dag_id}/tasks")
        return status == 200 and body["total_entries"] == 6

    until(has_six, 120, "edit visible", 0.01)
    return time.monotonic() - began


def imports(system: System, runs: int) -> Figures:
    """Wall time over a bare interpreter of the same installation, runs taken in turn."""
    commands = {
        "bare": system.bare_command,
        "import.dag_ms": system.import_command,
        "cli.version_ms": system.version_command,
    }
    if system.name == "tradewind":
        commands["import.root_ms"] = (sys.executable, "-c", "import tradewind")
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=system.environment)
            if number:
                times[name].append(time.perf_counter() - began)
    bare = median(times.pop("bare"))
    return {name: 1000 * (median(taken) - bare) for name, taken in times.items()}
