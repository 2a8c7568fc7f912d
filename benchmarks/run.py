"""`make bench`: run the workloads and write benchmarks/results/latest.json.

    python -m benchmarks.run [--only chain40,fanout500,...] [--peer airflow] [--runs 3]

Figures are medians of `--runs` runs. With `--peer airflow` the same workloads run on Apache Airflow in the same call and
the ratios are printed: the machine's speed drifts, ratios of one call do not.
"""

from __future__ import annotations

import argparse
import json
import platform
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import postgres
from benchmarks.airflow_system import VERSION, AirflowSystem
from benchmarks.processes import machine
from benchmarks.system import System
from benchmarks.workloads import backfilling, deferring, running, standing

if TYPE_CHECKING:
    from collections.abc import Callable

    Workloads = dict[str, Callable[[], dict[str, float]]]

RESULTS = Path(__file__).parent / "results" / "latest.json"
_HIGHER_IS_BETTER = "tasks_per_s"
# Published under the name of the database that Tradewind is measured on; Airflow's figure is from PostgreSQL.
_SAME_QUESTION = {
    "chain40.sqlite.": "chain40.postgres.",
    "fanout500.sqlite.": "fanout500.postgres.",
    "fanout500.fork.": "fanout500.postgres.",
    "dags100x5.sqlite.": "dags100x5.postgres.",
}


class Databases:
    """Fresh PostgreSQL databases on one server; None from each where there is no server."""

    def __init__(self, server_url: str | None) -> None:
        self._server_url = server_url
        self._numbers = count()

    def fresh(self) -> str | None:
        """Return the URL of a new, empty database."""
        return postgres.fresh_database(self._server_url, f"bench{next(self._numbers)}")


def own_workloads(databases: Databases, runs: int) -> Workloads:
    """Return each workload by the name that `--only` takes."""

    def chain40() -> dict[str, float]:
        figures = running.chain40(System, "sqlite", None, runs)
        url = databases.fresh()
        return figures | (running.chain40(System, "postgres", url, runs) if url else {})

    def fanout500() -> dict[str, float]:
        figures = running.fanout500(System, "sqlite", None, runs)
        url = databases.fresh()
        if url:
            figures |= running.fanout500(System, "postgres", url, runs)
        return figures | running.fanout500(System, "fork", None, runs, core__isolation="fork")

    def mapped5000() -> dict[str, float]:
        figures = running.mapped5000(System, "sqlite", None, runs)
        url = databases.fresh()
        return figures | (running.mapped5000(System, "postgres", url, runs) if url else {})

    def backfill8760() -> dict[str, float]:
        figures = backfilling.backfill(System, "sqlite", None)
        url = databases.fresh()
        return figures | (backfilling.backfill(System, "postgres", url) if url else {})

    return {
        "import": lambda: standing.imports(System(), max(9, runs)),
        "start": lambda: standing.start(System, [None] * runs),
        "idle": lambda: standing.idle(System, None, 60),
        "chain40": chain40,
        "fanout500": fanout500,
        "mapped5000": mapped5000,
        "dags100x5": lambda: running.dags100x5(System, "sqlite", None, runs),
        "trigger": lambda: running.trigger(System, None, 20),
        "parse1000": lambda: standing.parse1000(System, None),
        "growth": lambda: running.growth(System),
        "deferred1000": lambda: deferring.deferred1000(System),
        "backfill500": lambda: backfilling.backfill(System, "sqlite", None, 500),
        "backfill8760": backfill8760,
    }


def peer_workloads(databases: Databases) -> Workloads:
    """Return the same workloads on Airflow, the long ones run once."""
    make = AirflowSystem
    return {
        "import": lambda: standing.imports(make(databases.fresh()), 5),
        "start": lambda: standing.start(make, [databases.fresh()]),
        "idle": lambda: standing.idle(make, databases.fresh(), 60),
        "chain40": lambda: running.chain40(make, "postgres", databases.fresh(), 3),
        "fanout500": lambda: running.fanout500(make, "postgres", databases.fresh(), 1, warm=False),
        "dags100x5": lambda: running.dags100x5(make, "postgres", databases.fresh(), 1, warm=False),
        "trigger": lambda: running.trigger(make, databases.fresh(), 10),
        "parse1000": lambda: standing.parse1000(make, databases.fresh()),
    }


def measure(workloads: Workloads, only: set[str], prefix: str = "") -> tuple[dict[str, float], bool]:
    """Run the workloads asked for; returns their figures and whether all of them worked."""
    figures: dict[str, float] = {}
    has_failed = False
    for name, workload in workloads.items():
        if only and name not in only:
            continue
        try:
            found = workload()
        except (RuntimeError, TimeoutError) as error:
            print(f"{prefix}{name}: FAILED: {error}", flush=True)
            has_failed = True
            continue
        for key, value in found.items():
            figures[prefix + key] = round(value, 3)
            print(f"{prefix + key:48} {value:12.3f}", flush=True)
    return figures, not has_failed


def ratios(results: dict[str, Any]) -> dict[str, float]:
    """Return how many times better than Airflow each figure is that both have."""
    found: dict[str, float] = {}
    for name, own in results.items():
        place = next((name.replace(ours, theirs) for ours, theirs in _SAME_QUESTION.items() if ours in name), name)
        theirs = results.get(f"airflow.{place}")
        if theirs is None or not isinstance(own, float) or not own or name.startswith("airflow."):
            continue
        ratio = own / theirs if name.endswith(_HIGHER_IS_BETTER) else theirs / own
        found[f"ratio.{name}"] = round(ratio, 1)
        print(f"{name:40} {own:12.3f}   Airflow {VERSION} {theirs:12.3f}   {ratio:8.1f} times better", flush=True)
    return found


def main() -> int:
    """Run what was asked for; returns 1 when a workload failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="comma-separated names of workloads")
    parser.add_argument("--peer", default="", choices=["", "airflow"])
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    only = {name for name in arguments.only.split(",") if name}
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if only and RESULTS.exists() else {}
    with postgres.server() as server_url:
        databases = Databases(server_url)
        own = own_workloads(databases, arguments.runs)
        if unknown := only - set(own):
            parser.error(f"unknown workload {', '.join(sorted(unknown))}; there are {', '.join(own)}")
        figures, is_well = measure(own, only)
        results |= figures
        if arguments.peer == "airflow":
            figures, is_peer_well = measure(peer_workloads(databases), only, "airflow.")
            results |= figures
            results |= ratios(results)
            is_well = is_well and is_peer_well
    results["environment"] = {
        **machine(),
        "python": platform.python_version(),
        "runs": arguments.runs,
        "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    return 0 if is_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
