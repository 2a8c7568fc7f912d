"""A year of hourly runs, created and run by the scheduler: how fast, and what it costs in memory."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from benchmarks import dag_files
from benchmarks.processes import named, pss_mib
from benchmarks.system import until

if TYPE_CHECKING:
    from benchmarks.system import System
    from benchmarks.workloads.running import Figures, Make

YEAR = 8760
_FROM = datetime(2023, 1, 1, tzinfo=timezone.utc)
_TASKS = 3
_WARM_UP = 100


def backfill(make: Make, label: str, url: str | None, runs: int = YEAR, max_active_runs: int = 32) -> Figures:
    """A backfill of so many hourly runs of three tasks, from its creation to its end.

    The growth is that of the scheduler's process from the end of a warm-up of a hundred runs to its largest.
    """
    system = make(url)
    system.write("hourly", dag_files.hourly_chain("hourly", _TASKS))
    with system.running():
        system.wait_for_dags(1)
        warm = _FROM - timedelta(hours=_WARM_UP)
        _wait(system, _create(system, warm, _WARM_UP, max_active_runs))
        scheduler = named(system.pids(), "tw-scheduler")
        before = most = pss_mib(scheduler)
        began = time.monotonic()
        number = _create(system, _FROM, runs, max_active_runs)
        while not _is_over(system, number):
            most = max(most, pss_mib(scheduler))
            time.sleep(0.5)
        took_s = time.monotonic() - began
        most = max(most, pss_mib(scheduler))
        _, found = system.api("GET", "/dags/hourly/dagRuns?state=success&limit=1")
        if found["total_entries"] != runs + _WARM_UP:
            raise RuntimeError(f"{found['total_entries']} runs ended well, not {runs + _WARM_UP}")
    name = f"backfill{runs}.{label}"
    return {f"{name}.tasks_per_s": runs * _TASKS / took_s, f"{name}.scheduler_mib_growth": most - before}


def _create(system: System, first: datetime, runs: int, max_active_runs: int) -> int:
    body = {
        "dag_id": "hourly",
        "from_date": first.isoformat(),
        "to_date": (first + timedelta(hours=runs - 1)).isoformat(),
        "max_active_runs": max_active_runs,
    }
    status, answer = system.api("POST", "/backfills", body)
    if status not in {200, 201}:
        raise RuntimeError(f"backfill: {status} {answer}")
    return answer["id"]


def _is_over(system: System, number: int) -> bool:
    _, answer = system.api("GET", f"/backfills/{number}")
    return answer["completed_at"] is not None


def _wait(system: System, number: int) -> None:
    until(lambda: _is_over(system, number), 300, f"backfill {number}", 0.2)
