"""A Tradewind under measurement: a family of processes of its own, in a folder of its own, on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.processes import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRADEWIND = Path(sys.executable).parent / "tradewind"
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(method: str, url: str, body: Any = None, token: str | None = None, timeout: float = 30) -> tuple[int, Any]:
    """Return status and parsed JSON (or text); status 0 when nothing answered."""
    headers = {"Accept": "application/json"}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with _opener.open(request, timeout=timeout) as answer:
            raw, status = answer.read(), answer.status
    except urllib.error.HTTPError as error:
        raw, status = error.read(), error.code
    except OSError as error:
        return 0, str(error)
    try:
        return status, json.loads(raw)
    except ValueError:
        return status, raw.decode("utf-8", "replace")


def until(condition: Callable[[], Any], timeout_s: float, what: str, every_s: float = 0.02) -> Any:
    """Ask `condition` until it answers something true; raises `TimeoutError` naming `what`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(every_s)
    raise TimeoutError(f"{what}: not within {timeout_s:.0f} s")


def free_port() -> int:
    """Return a port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class System:
    """`tradewind standalone` in a temporary home. A peer that speaks the same REST API is a subclass."""

    name = "tradewind"
    version_command: tuple[str, ...] = (str(TRADEWIND), "version")
    import_command: tuple[str, ...] = (sys.executable, "-c", "from tradewind import DAG")
    bare_command: tuple[str, ...] = (sys.executable, "-c", "pass")
    start_timeout_s = 60.0

    def __init__(self, database_url: str | None = None, **settings: object) -> None:
        self.home = Path(tempfile.mkdtemp(prefix=f"{self.name}-bench-"))
        self.dags = self.home / "dags"
        self.dags.mkdir()
        self.port = free_port()
        self.token: str | None = None
        self.processes: list[subprocess.Popen[bytes]] = []
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "TZ", "TMPDIR", "HOME", "USER"}}
        self.environment = {**kept, **self.settings(database_url, settings)}

    def settings(self, database_url: str | None, changed: dict[str, object]) -> dict[str, str]:
        """Return the environment that configures it."""
        options = {
            "core__load_examples": "False",
            "core__dags_are_paused_at_creation": "False",
            "core__simple_auth_manager_all_admins": "True",
            "core__max_active_tasks_per_dag": "1000",
            "core__max_active_runs_per_dag": "1000",
            "api__port": str(self.port),
            "api__host": "127.0.0.1",
            **{key: str(value) for key, value in changed.items()},
        }
        if database_url:
            options["database__sql_alchemy_conn"] = database_url
        return {
            "TRADEWIND_HOME": str(self.home),
            **{f"TRADEWIND__{key.upper()}": value for key, value in options.items()},
        }

    # ---- life

    def prepare(self) -> None:
        """Do what has to be done once before the first start and is not part of it."""

    def commands(self) -> list[list[str]]:
        """Return the commands that make up the whole."""
        return [[str(TRADEWIND), "standalone"]]

    def write(self, name: str, text: str) -> Path:
        """Put a DAG file into the folder, whole at once."""
        path = self.dags / f"{name}.py"
        path.with_suffix(".part").write_text(text)
        path.with_suffix(".part").rename(path)
        return path

    def start(self) -> float:
        """Start it; returns the seconds until every part is healthy."""
        self.prepare()
        began = time.monotonic()
        for number, command in enumerate(self.commands()):
            with (self.home / f"process-{number}.out").open("ab") as out:
                self.processes.append(
                    subprocess.Popen(
                        command,
                        env=self.environment,
                        cwd=self.home,
                        stdin=subprocess.DEVNULL,
                        stdout=out,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    ),
                )
        until(self.is_healthy, self.start_timeout_s, "healthy", 0.01)
        return time.monotonic() - began

    def is_healthy(self) -> bool:
        """Whether the health page says that the database and the scheduler work."""
        status, body = http("GET", f"http://127.0.0.1:{self.port}/api/v2/monitor/health", timeout=2)
        return status == 200 and all(body[part]["status"] == "healthy" for part in ("metadatabase", "scheduler"))

    def end(self) -> None:
        """End it and everything below it; its folder stays."""
        pids = self.pids()
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.processes:
            process.wait()
        self.processes.clear()
        self.token = None

    def stop(self) -> None:
        """End it and remove its folder (kept with BENCH_KEEP set)."""
        self.end()
        if not os.environ.get("BENCH_KEEP"):
            shutil.rmtree(self.home, ignore_errors=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[System]:
        """Start it for a block."""
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def pids(self) -> list[int]:
        """Return every process of the family."""
        return [pid for process in self.processes for pid in tree(process.pid)]

    # ---- API

    def api(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the REST API."""
        base = f"http://127.0.0.1:{self.port}"
        if self.token is None:
            status, answer = http("GET", f"{base}/auth/token")
            if status not in {200, 201}:
                raise RuntimeError(f"no token: {status} {answer}")
            self.token = answer["access_token"]
        return http(method, f"{base}/api/v2{path}", body, self.token)

    def wait_for_dags(self, count: int, timeout_s: float = 60) -> None:
        """Wait until the API lists `count` DAGs."""

        def is_there() -> bool:
            status, body = self.api("GET", "/dags?limit=1")
            return status == 200 and body["total_entries"] >= count

        until(is_there, timeout_s, f"{count} DAGs visible")

    def trigger(self, dag_id: str, run_id: str) -> None:
        """Trigger a run."""
        body = {"dag_run_id": run_id, "logical_date": None}
        status, answer = self.api("POST", f"/dags/{dag_id}/dagRuns", body)
        if status not in {200, 201}:
            raise RuntimeError(f"trigger of {dag_id}: {status} {answer}")

    def wait_for_run(self, dag_id: str, run_id: str, timeout_s: float = 300, every_s: float = 0.05) -> dict[str, Any]:
        """Wait until a run has ended well; returns it as the API gives it."""

        def has_ended() -> Any:
            status, run = self.api("GET", f"/dags/{dag_id}/dagRuns/{run_id}")
            return run if status == 200 and run["state"] in {"success", "failed"} else None

        run = until(has_ended, timeout_s, f"{dag_id} {run_id}", every_s)
        if run["state"] != "success":
            raise RuntimeError(f"{dag_id} {run_id} {run['state']}")
        return run

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return all task instances of a run."""
        found: list[dict[str, Any]] = []
        while True:
            path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100&offset={len(found)}"
            _, body = self.api("GET", path)
            found += body["task_instances"]
            if len(found) >= body["total_entries"]:
                return found
