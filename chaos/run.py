"""`make chaos`: hurt a running family at random moments and count what it lost.

    python -m chaos.run [--faults 60] [--seed 1] [--database sqlite|postgres|both] [--kinds kill_worker,...]

Each kind of fault gets the same share. Ends with how often each kind hit and one line of JSON: {"faults",
"task_instances", "lost", "doubled", "false_success", "unfinished_runs"}, and with exit code 1 when one of the last four is
not zero. The same seed gives the same faults in the same order; their moments depend on the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.system import System, until
from chaos import dag_file, faults
from chaos.ledger import Verdict, judge
from tests.postgres import PostgresServer, find_binaries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Kind = Callable[[faults.Target], bool]

RUNS_AT_ONCE = 4
SETTLE_S = 240
HIT_WITHIN_S = 10.0
COUNTS = ("lost", "doubled", "false_success", "unfinished_runs")


@dataclass
class Assault:
    """What came of hurting one system."""

    verdict: Verdict
    hits: Counter[str] = field(default_factory=Counter)
    """How often each kind of fault hit."""


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
    """Return every run and every task instance; an instance that was tried again has its `tries`."""
    runs = _all(system, "/dags/~/dagRuns?order_by=id", "dag_runs")
    instances: list[dict[str, Any]] = []
    for run in runs:
        path = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances"
        found = _all(system, f"{path}?order_by=id", "task_instances")
        for instance in found:
            if instance["try_number"] > 1:
                _, body = system.api("GET", f"{path}/{instance['task_id']}/tries")
                instance["tries"] = body["task_instances"]
        instances += found
    return runs, instances


def _all(system: System, path: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        _, body = system.api("GET", f"{path}&limit=100&offset={len(found)}")
        found += body[key]
        if not body[key] or len(found) >= body["total_entries"]:
            return found


def order_of(kinds: Sequence[Kind], count: int, numbers: random.Random) -> list[Kind]:
    """Return `count` faults, each kind as often as the others, in an order of the seed."""
    order: list[Kind] = []
    while len(order) < count:
        order += numbers.sample(kinds, len(kinds))
    return order[:count]


def assault(
    system: System, server: PostgresServer | None, kinds: Sequence[Kind], count: int, numbers: random.Random
) -> Assault:
    """Hurt one system `count` times while runs go on; return what hit, and the verdict."""
    ledger = system.home / "ledger"
    system.environment["CHAOS_LEDGER"] = str(ledger)
    system.write("chaos_dags", dag_file.TEXT)
    target = faults.Target(system, numbers, server)
    hits: Counter[str] = Counter()
    with faults.small_disk_for_logs(system.home), system.running():
        system.wait_for_dags(len(dag_file.DAG_IDS))
        load = Load(system)
        load.start()
        for number, kind in enumerate(order_of(kinds, count, numbers), 1):
            time.sleep(numbers.uniform(0.1, 1.2))
            has_hit = _hit(kind, target)
            hits[kind.__name__] += has_hit
            print(f"{number}/{count} {kind.__name__}{'' if has_hit else ' (nothing to hit)'}", flush=True)
        load.stop()
        with contextlib.suppress(TimeoutError):
            until(lambda: _is_quiet(system), SETTLE_S, "every run to end", 0.25)
        runs, instances = collect(system)
        verdict = judge(runs, instances, ledger, dag_file.TASKS)
        missing = set(load.triggered) - {(run["dag_id"], run["dag_run_id"]) for run in runs}
        verdict.lost += [f"{dag_id} {run_id}: the run itself" for dag_id, run_id in sorted(missing)]
    return Assault(verdict, hits)


def _hit(kind: Kind, target: faults.Target) -> bool:
    """Hurt once; what is to be hurt may be just about to be started again, and is waited for."""
    if kind not in faults.WAITING_FOR_A_VICTIM:
        return kind(target)
    with contextlib.suppress(TimeoutError):
        return until(lambda: kind(target), HIT_WITHIN_S, kind.__name__, 0.01)
    return False


def _is_quiet(system: System) -> bool:
    found = [system.api("GET", f"/dags/~/dagRuns?state={state}&limit=1") for state in ("queued", "running")]
    return all(status == 200 and body["total_entries"] == 0 for status, body in found)


@contextlib.contextmanager
def system_on(database: str) -> Iterator[tuple[System, PostgresServer | None]]:
    """Give a system on that kind of database."""
    if database == "sqlite":
        yield System(), None
        return
    server = PostgresServer(find_binaries(), keeps_commits=True)
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
    parser.add_argument("--kinds", default="", help="comma-separated names of faults; all without")
    arguments = parser.parse_args()
    # Told to stop, it still ends the system it has hurt and unmounts what it has mounted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    databases = ["sqlite", "postgres"] if arguments.database == "both" else [arguments.database]
    wanted = {name for name in arguments.kinds.split(",") if name}
    known = {kind.__name__ for database in databases for kind in faults.KINDS[database]}
    if unknown := wanted - known:
        parser.error(f"unknown kind {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    total = dict.fromkeys(("faults", "task_instances", *COUNTS), 0)
    hits: Counter[str] = Counter()
    for number, database in enumerate(databases):
        share = arguments.faults // len(databases) + (number < arguments.faults % len(databases))
        kinds = [kind for kind in faults.KINDS[database] if not wanted or kind.__name__ in wanted]
        if not kinds:
            continue
        with system_on(database) as (system, server):
            found = assault(system, server, kinds, share, random.Random(arguments.seed + number))
        hits.update({f"{database} {name}": count for name, count in found.hits.items()})
        total["faults"] += found.hits.total()
        total["task_instances"] += found.verdict.task_instances
        for name in COUNTS:
            wrong = getattr(found.verdict, name)
            total[name] += len(wrong)
            for line in wrong[:20]:
                print(f"{database}: {name}: {line}", file=sys.stderr)
    for name, count in sorted(hits.items()):
        print(f"{name:32} {count:4}")
    print(json.dumps(total), flush=True)
    return 1 if any(total[name] for name in COUNTS) else 0


if __name__ == "__main__":
    sys.exit(main())
