"""How fast tasks follow each other: chains, fans, many DAGs, triggers, growth.

`make` builds the system that is measured, from a database URL (None: its own default) and settings.
"""

from __future__ import annotations

import concurrent.futures
import time
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import dag_files
from benchmarks.processes import cpu_s, named, pss_mib
from benchmarks.system import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.system import System

    Make = Callable[..., System]

Figures = dict[str, float]


def _at(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _run_s(run: dict[str, str]) -> float:
    return _at(run["end_date"]) - _at(run["start_date"])


def _repeat(system: System, dag_id: str, runs: int, *, warm: bool = True) -> list[dict[str, str]]:
    if warm:
        system.trigger(dag_id, "warm")
        system.wait_for_run(dag_id, "warm")
    found = []
    for number in range(runs):
        system.trigger(dag_id, f"r{number}")
        found.append(system.wait_for_run(dag_id, f"r{number}", 900))
    return found


def chain40(make: Make, label: str, url: str | None, runs: int) -> Figures:
    """Forty light tasks one after the other."""
    system = make(url)
    system.write("chain40", dag_files.chain_of_light_tasks("chain40", 40))
    with system.running():
        system.wait_for_dags(1)
        durations = [_run_s(run) for run in _repeat(system, "chain40", runs)]
        gaps: list[float] = []
        for number in range(runs):
            instances = sorted(system.task_instances("chain40", f"r{number}"), key=lambda ti: ti["task_id"])
            ends = [_at(ti["end_date"]) for ti in instances]
            starts = [_at(ti["start_date"]) for ti in instances]
            gaps += [start - end for end, start in zip(ends, starts[1:], strict=False)]
    return {f"chain40.{label}.run_s": median(durations), f"chain40.{label}.gap_ms": 1000 * median(gaps)}


def fanout500(make: Make, label: str, url: str | None, runs: int, *, warm: bool = True, **settings: object) -> Figures:
    """One task, then 500 at once, then one."""
    system = make(url, **settings)
    system.write("fanout500", dag_files.fan("fanout500", 500))
    with system.running():
        system.wait_for_dags(1)
        durations = [_run_s(run) for run in _repeat(system, "fanout500", runs, warm=warm)]
    return {f"fanout500.{label}.tasks_per_s": 502 / median(durations)}


def mapped5000(make: Make, label: str, url: str | None, runs: int) -> Figures:
    """One task that returns a list, 5,000 instances of a task mapped over it, then one."""
    system = make(url, core__max_map_length=5000)
    system.write("mapped5000", dag_files.mapped("mapped5000", 5000))
    with system.running():
        system.wait_for_dags(1)
        durations = [_run_s(run) for run in _repeat(system, "mapped5000", runs)]
    return {f"mapped5000.{label}.tasks_per_s": 5002 / median(durations)}


def dags100x5(make: Make, label: str, url: str | None, runs: int, *, warm: bool = True) -> Figures:
    """A hundred DAGs of five tasks, triggered at once by eight clients: first trigger to last end."""
    system = make(url)
    for number in range(100):
        system.write(f"d{number:03d}", dag_files.chain_of_noops(f"d{number:03d}", 5))
    with system.running():
        system.wait_for_dags(100, 180)
        totals = [_all_at_once(system, f"k{number}") for number in range(runs + warm)]
    return {f"dags100x5.{label}.total_s": median(totals[warm:])}


def _all_at_once(system: System, run_id: str) -> float:
    began = time.time()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: system.trigger(f"d{number:03d}", run_id), range(100)))
    ended = [_at(system.wait_for_run(f"d{number:03d}", run_id, 900)["end_date"]) for number in range(100)]
    return max(ended) - began


def trigger(make: Make, url: str | None, count: int) -> Figures:
    """From the POST to the start of the run's first task, on an idle system."""
    system = make(url)
    system.write("one", dag_files.chain_of_noops("one", 1))
    delays = []
    with system.running():
        system.wait_for_dags(1)
        for number in range(count + 2):
            time.sleep(0.3 + 0.037 * number)
            began = time.time()
            system.trigger("one", f"r{number}")
            system.wait_for_run("one", f"r{number}", every_s=0.2)
            delays.append(_at(system.task_instances("one", f"r{number}")[0]["start_date"]) - began)
    return {"trigger.to_running_ms": 1000 * median(delays[2:])}


def growth(make: Make, width: int = 9998, runs: int = 100, tasks: int = 1000) -> Figures:
    """Scheduler CPU per task of a run of 10,000 against one of 500; memory of 100 active runs of 1,000."""
    system = make(None)
    system.write("small", dag_files.fan("small", 498))
    system.write("large", dag_files.fan("large", width))
    system.write("held", dag_files.parallel_in_pool("held", tasks, "shut"))
    with system.running():
        system.wait_for_dags(3)
        scheduler = named(system.pids(), "tw-scheduler")
        small = min(_cpu_per_task(system, scheduler, "small", f"r{number}", 500) for number in range(3))
        large = _cpu_per_task(system, scheduler, "large", "r0", width + 2)
        held = _bytes_per_instance(system, scheduler, runs, tasks)
    return {
        "growth.cpu_per_task_ratio": large / small,
        "growth.cpu_per_task_us": 1e6 * small,
        "growth.bytes_per_task_instance": held,
    }


def _cpu_per_task(system: System, pids: list[int], dag_id: str, run_id: str, tasks: int) -> float:
    before = cpu_s(pids)
    system.trigger(dag_id, run_id)
    system.wait_for_run(dag_id, run_id, every_s=0.25)
    return (cpu_s(pids) - before) / tasks


def _bytes_per_instance(system: System, pids: list[int], runs: int, tasks: int) -> float:
    def active() -> bool:
        _, body = system.api("GET", "/dags/held/dagRuns?state=running&limit=1")
        return body["total_entries"] >= runs

    before = pss_mib(pids)
    for number in range(runs):
        system.trigger("held", f"h{number}")
    until(active, 120, f"{runs} active runs", 0.2)
    return (pss_mib(pids) - before) * 1024 * 1024 / (runs * tasks)
