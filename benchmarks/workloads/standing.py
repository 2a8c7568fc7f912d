"""What it costs to start, to stand idle, to read DAG files and to import."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median

from benchmarks import dag_files
from benchmarks.processes import cpu_s, pss_mib
from benchmarks.system import TRADEWIND, System, until

Figures = dict[str, float]


def start(runs: int) -> Figures:
    """From the command to healthy, and to the end of a first triggered run, on an empty home."""
    healthy, first_run = [], []
    for _ in range(runs):
        system = System()
        system.write("one", dag_files.chain_of_noops("one", 1))
        began = time.monotonic()
        try:
            healthy.append(system.start())
            system.wait_for_dags(1)
            system.trigger("one", "first")
            system.wait_for_run("one", "first", every_s=0.01)
            first_run.append(time.monotonic() - began)
        finally:
            system.stop()
    return {"start.healthy_s": median(healthy), "start.first_run_s": median(first_run)}


def idle(seconds: float) -> Figures:
    """Memory and CPU of the whole family while nothing happens."""
    system = System()
    system.write("one", dag_files.chain_of_noops("one", 1))
    with system.running():
        system.wait_for_dags(1)
        system.trigger("one", "first")
        system.wait_for_run("one", "first")
        time.sleep(10)
        before, began = cpu_s(system.pids()), time.monotonic()
        time.sleep(seconds)
        used, passed = cpu_s(system.pids()) - before, time.monotonic() - began
        memory = pss_mib(system.pids())
        processes = len(system.pids())
    return {"idle.pss_mib": memory, "idle.cpu_percent": 100 * used / passed, "idle.processes": processes}


def parse1000(count: int = 1000) -> Figures:
    """A thousand files of five tasks: start to all visible; the edit of one to visible."""
    system = System()
    for number in range(count):
        system.write(f"p{number:04d}", dag_files.chain_of_noops(f"p{number:04d}", 5))
    began = time.monotonic()
    try:
        system.start()
        system.wait_for_dags(count, 180)
        visible = time.monotonic() - began
        edits = [_edit(system, 111 * (number + 1)) for number in range(5)]
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

    until(has_six, 60, "edit visible", 0.01)
    return time.monotonic() - began


def imports(runs: int) -> Figures:
    """Wall time over a bare interpreter, runs taken in turn."""
    commands = {
        "bare": [sys.executable, "-c", "pass"],
        "import.root_ms": [sys.executable, "-c", "import tradewind"],
        "import.dag_ms": [sys.executable, "-c", "from tradewind import DAG"],
        "cli.version_ms": [str(TRADEWIND), "version"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ})
            if number:
                times[name].append(time.perf_counter() - began)
    bare = median(times.pop("bare"))
    return {name: 1000 * (median(taken) - bare) for name, taken in times.items()}
