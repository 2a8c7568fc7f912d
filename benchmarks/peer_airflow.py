"""The same questions to Apache Airflow, on the same machine, in the same call.

Airflow lives in a virtual environment of its own below `benchmarks/work/` (or `BENCH_VENVS`), made at the first call, and is
given its best fair settings: see `peers/airflow_driver.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VERSION = "3.3.2"

# Of each published name: the driver's workload, where its result file has the figure, and how to scale it.
_FIGURES: dict[str, tuple[str, tuple[str, ...], float]] = {
    "chain40.postgres.run_s": ("w3", ("w3_40_short", "run_s", "median"), 1),
    "chain40.postgres.gap_ms": ("w1", ("w1", "gap_s", "median"), 1000),
    "fanout500.postgres.tasks_per_s": ("w2", ("w2", "tasks_per_s", "median"), 1),
    "dags100x5.sqlite.total_s": ("w4", ("w4", "first_trigger_to_last_end_s", "median"), 1),
    "start.healthy_s": ("w5", ("w5_restart", "health_200_s", "median"), 1),
    "start.first_run_s": ("w5", ("w5_restart", "first_run_finished_s", "median"), 1),
    "idle.pss_mib": ("w5", ("w5_idle", "peer", "pss_mib"), 1),
    "idle.cpu_percent": ("w5", ("w5_idle", "peer", "cpu_percent_of_one_core"), 1),
    "trigger.to_running_ms": ("w7", ("w7", "post_to_running_s", "median"), 1000),
    "parse1000.visible_s": ("w6", ("w6", "start_to_1000_visible_s"), 1),
    "parse1000.edit_visible_s": ("w6", ("w6", "edit_to_visible_s", "median"), 1),
    "import.dag_ms": ("w8", ("w8", "import", "wall_s", "median"), 1000),
    "cli.version_ms": ("w8", ("w8", "cli_version", "wall_s", "median"), 1000),
}


def compare(own: dict[str, Any], only: set[str]) -> dict[str, float]:
    """Measure Airflow where `own` has figures of this call's workloads; returns its figures and the ratios."""
    wanted = {
        name: place for name, place in _FIGURES.items() if name in own and (not only or name.split(".")[0] in only)
    }
    if not wanted:
        return {}
    found = _measure(sorted({workload for workload, _, _ in wanted.values()}))
    results: dict[str, float] = {}
    for name, (_, path, scale) in wanted.items():
        value: Any = found
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            continue
        theirs = value * scale
        mine = own[name]
        ratio = mine / theirs if name.endswith("tasks_per_s") else theirs / mine
        results[f"airflow.{name}"] = round(theirs, 3)
        results[f"ratio.{name}"] = round(ratio, 1)
        print(f"{name:40} {mine:12.3f}   Airflow {VERSION} {theirs:12.3f}   {ratio:8.1f} times better", flush=True)
    return results


def _measure(workloads: list[str]) -> dict[str, Any]:
    python = _environment()
    out = HERE / "work" / "results"
    out.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "BENCH_RESULTS": str(out)}
    driver = [str(python), str(HERE / "peers" / "airflow_driver.py"), "--executor", "local"]
    command = [*driver, "--name", "airflow", "--only", ",".join(workloads), "--runs", "3", "--big-runs", "1"]
    subprocess.run(command, check=True, env=environment)
    return json.loads((out / "airflow.json").read_text())


def _environment() -> Path:
    folder = Path(os.environ.get("BENCH_VENVS", HERE / "work" / "venvs")) / "af3"
    python = folder / "bin" / "python"
    if not python.exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--python", "3.11", str(folder)], check=True)
        requirement = f"apache-airflow[postgres]=={VERSION}"
        install = [*uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python), requirement]
        subprocess.run(install, check=True)
    return python
