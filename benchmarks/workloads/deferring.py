"""What a thousand deferred tasks cost in the triggerer, and how soon after its event each goes on."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

from benchmarks import dag_files
from benchmarks.processes import named, pss_mib, tree
from benchmarks.system import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.system import System

    Make = Callable[..., System]


def deferred1000(make: Make, count: int = 1000) -> dict[str, float]:
    """A thousand tasks, each deferred to a trigger of its own; then every 20 ms one of them fires."""
    system = make(None)
    go, ledger = system.home / "go", system.home / "ledger"
    system.write("deferred", dag_files.deferred("deferred", count, str(go), str(ledger)))
    with system.running():
        system.wait_for_dags(1)
        system.trigger("deferred", "r0")
        path = "/dags/deferred/dagRuns/r0/taskInstances?limit=1&state=deferred"
        until(lambda: system.api("GET", path)[1]["total_entries"] == count, 300, f"{count} deferred", 0.25)
        triggerer = named(system.pids(), "tw-triggerer")
        # Until the child has begun with the last of them.
        until(lambda: _started(ledger) == count, 120, f"{count} triggers at work", 0.25)
        memory = pss_mib([pid for root in triggerer for pid in tree(root)])
        go.touch()
        system.wait_for_run("deferred", "r0", 900, 0.25)
        delays = [float(line.split()[1]) for line in ledger.read_text().splitlines() if line.startswith("resumed")]
    return {
        "deferred1000.triggerer_pss_mib": memory,
        "deferred1000.resume_ms": 1000 * median(delays),
        "deferred1000.resume_p99_ms": 1000 * quantiles(delays, n=100)[98],
    }


def _started(ledger: Path) -> int:
    return ledger.read_text().count("started") if ledger.exists() else 0
