"""`make chaos`: hurt a running family at random moments and count what it lost.

    python -m chaos.run [--faults 60] [--seed 1] [--database sqlite|postgres|both]

Ends with one line of JSON: {"faults", "task_instances", "lost", "doubled", "false_success", "unfinished_runs"}, and with
exit code 1 when one of the last four is not zero. The same seed gives the same faults in the same order; their moments
depend on the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from benchmarks.system import System, until
from chaos import dag_file, faults
from chaos.ledger import Verdict, judge
from tests.postgres import PostgresServer, find_binaries

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS_AT_ONCE = 4
SETTLE_S = 240


class Load:
    """Keeps runs going: a thread that triggers a new one whenever fewer than `RUNS_AT_ONCE` are under way."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.triggered: list[tuple[str, str]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Trigger nothing more."""
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        numbers = itertools.count()
        while not self._stopping.wait(0.05):
            with contextlib.suppress(RuntimeError, KeyError, TypeError):
                if self._under_way() < RUNS_AT_ONCE:
                    number = next(numbers)
                    dag_id, run_id = dag_file.DAG_IDS[number % len(dag_file.DAG_IDS)], f"r{number:05d}"
                    self.system.trigger(dag_id, run_id)
                    self.triggered.append((dag_id, run_id))

    def _under_way(self) -> int:
        found = 0
        for state in ("queued", "running"):
            _, body = self.system.api("GET", f"/dags/~/dagRuns?state={state}&limit=1")
            found += body["total_entries"]
        return found


def collect(system: System) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return every run and every task instance."""
    runs = _all(system, "/dags/~/dagRuns?order_by=id", "dag_runs")
    instances: list[dict[str, Any]] = []
    for run in runs:
        path = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances?order_by=id"
        instances += _all(system, path, "task_instances")
    return runs, instances


def _all(system: System, path: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        _, body = system.api("GET", f"{path}&limit=100&offset={len(found)}")
        found += body[key]
        if not body[key] or len(found) >= body["total_entries"]:
            return found


def assault(system: System, server: PostgresServer | None, count: int, seed: int) -> tuple[int, Verdict]:
    """Hurt one system `count` times while runs go on; return how many faults hit, and the verdict."""
    numbers = random.Random(seed)
    ledger = system.home / "ledger"
    system.environment["CHAOS_LEDGER"] = str(ledger)
    system.write("chaos_dags", dag_file.TEXT)
    target = faults.Target(system, numbers, server)
    kinds = faults.ON_POSTGRES if server is not None else faults.ON_SQLITE
    hits = 0
    with faults.small_disk_for_logs(system.home), system.running():
        system.wait_for_dags(len(dag_file.DAG_IDS))
        load = Load(system)
        load.start()
        for number in range(count):
            time.sleep(numbers.uniform(0.1, 1.2))
            kind = kinds[number % len(kinds)] if number < len(kinds) else numbers.choice(kinds)
            has_hit = kind(target)
            hits += has_hit
            print(f"{number + 1}/{count} {kind.__name__}{'' if has_hit else ' (nothing to hit)'}", flush=True)
        load.stop()
        with contextlib.suppress(TimeoutError):
            until(lambda: _is_quiet(system), SETTLE_S, "every run to end", 0.25)
        verdict = judge(*collect(system), ledger, dag_file.TASKS)
        missing = {tuple(run) for run in load.triggered} - _known_runs(system)
        verdict.lost += [f"{dag_id} {run_id}: the run itself" for dag_id, run_id in sorted(missing)]
    return hits, verdict


def _is_quiet(system: System) -> bool:
    found = [system.api("GET", f"/dags/~/dagRuns?state={state}&limit=1") for state in ("queued", "running")]
    return all(status == 200 and body["total_entries"] == 0 for status, body in found)


def _known_runs(system: System) -> set[tuple[str, ...]]:
    return {(run["dag_id"], run["dag_run_id"]) for run in _all(system, "/dags/~/dagRuns?order_by=id", "dag_runs")}


@contextlib.contextmanager
def system_on(database: str) -> Iterator[tuple[System, PostgresServer | None]]:
    """Give a system on that kind of database."""
    if database == "sqlite":
        yield System(), None
        return
    server = PostgresServer(find_binaries())
    server.start()
    try:
        yield System(server.url(server.create_database())), server
    finally:
        server.close()


def main() -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    arguments = parser.parse_args()
    databases = ["sqlite", "postgres"] if arguments.database == "both" else [arguments.database]
    total = {"faults": 0, "task_instances": 0, "lost": 0, "doubled": 0, "false_success": 0, "unfinished_runs": 0}
    for number, database in enumerate(databases):
        share = arguments.faults // len(databases) + (number < arguments.faults % len(databases))
        with system_on(database) as (system, server):
            hits, verdict = assault(system, server, share, arguments.seed + number)
        total["faults"] += hits
        total["task_instances"] += verdict.task_instances
        for name in ("lost", "doubled", "false_success", "unfinished_runs"):
            found = getattr(verdict, name)
            total[name] += len(found)
            for line in found[:20]:
                print(f"{database}: {name}: {line}", file=sys.stderr)
    print(json.dumps(total), flush=True)
    return 0 if not any(total[name] for name in ("lost", "doubled", "false_success", "unfinished_runs")) else 1


if __name__ == "__main__":
    sys.exit(main())
