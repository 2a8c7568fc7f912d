"""`make bench`: run the workloads and write benchmarks/results/latest.json.

    python -m benchmarks.run [--only chain40,fanout500,...] [--peer airflow] [--runs 3]

Figures are medians of `--runs` runs. With `--peer airflow` the same workloads run on Apache Airflow in the same call and
the ratios are printed: the machine's speed drifts, ratios of one run do not.
"""

from __future__ import annotations

import argparse
import json
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import peer_airflow, postgres
from benchmarks.processes import machine
from benchmarks.workloads import running, standing

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results" / "latest.json"


def workloads(server_url: str | None, runs: int) -> dict[str, Callable[[], dict[str, float]]]:
    """Return each workload by the name that `--only` takes."""

    def database(name: str) -> str | None:
        return postgres.fresh_database(server_url, name)

    return {
        "import": lambda: standing.imports(max(9, runs)),
        "start": lambda: standing.start(runs),
        "idle": lambda: standing.idle(60),
        "chain40": lambda: running.by_database(running.chain40, database("chain40"), runs),
        "fanout500": lambda: (
            running.by_database(running.fanout500, database("fanout500"), runs)
            | running.fanout500("fork", None, runs, core__isolation="fork")
        ),
        "dags100x5": lambda: running.dags100x5(runs),
        "trigger": lambda: running.trigger(20),
        "parse1000": standing.parse1000,
        "growth": running.growth,
    }


def main() -> int:
    """Run what was asked for; returns 1 when a workload failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="comma-separated names of workloads")
    parser.add_argument("--peer", default="", choices=["", "airflow"])
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    only = {name for name in arguments.only.split(",") if name}
    results: dict[str, object] = json.loads(RESULTS.read_text()) if only and RESULTS.exists() else {}
    failed = False
    with postgres.server() as server_url:
        offered = workloads(server_url, arguments.runs)
        if unknown := only - set(offered):
            parser.error(f"unknown workload {', '.join(sorted(unknown))}; there are {', '.join(offered)}")
        for name, workload in offered.items():
            if only and name not in only:
                continue
            try:
                figures = workload()
            except (RuntimeError, TimeoutError) as error:
                print(f"{name}: FAILED: {error}", flush=True)
                failed = True
                continue
            for key, value in figures.items():
                results[key] = round(value, 3)
                print(f"{key:40} {value:12.3f}", flush=True)
    results["environment"] = {
        **machine(),
        "python": platform.python_version(),
        "runs": arguments.runs,
        "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    if arguments.peer == "airflow":
        results |= peer_airflow.compare(results, only)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
