"""A family under test: `tradewind standalone` in a home of its own, driven as its users drive it."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import httpx

from benchmarks.system import free_port, until

TRADEWIND = Path(sys.executable).parent / "tradewind"
DEADLINE_S = 40.0
READY = "is ready at"
PASSWORD = re.compile(r"sign in as 'admin' with the password (\S+)")
ENDED = {"success", "failed", "skipped", "upstream_failed"}

SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h

_numbers = itertools.count(1)


def _die_with_parent() -> None:
    """Run in the child: the family ends when the test process is killed, whatever the way."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def settings_of(home: Path, port: int, changed: dict[str, object]) -> dict[str, str]:
    """Return the environment of a family and of every command that is to talk of the same one."""
    options = {
        "core__load_examples": False,
        "core__dags_are_paused_at_creation": False,
        "api__host": "127.0.0.1",
        "api__port": port,
        **changed,
    }
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "USER") if name in os.environ}
    return {
        **kept,
        "TRADEWIND_HOME": str(home),
        **{f"TRADEWIND__{name.upper()}": str(value) for name, value in options.items()},
    }


class FamilyUnderTest:
    """One family, from its start to its end; started again it is the same home on the same port."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.home = home
        self.dags = home / "dags"
        self.dags.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.environment = settings_of(home, self.port, settings)
        self.output = home / "standalone.out"
        self.password = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False)

    # ---- life

    def start(self) -> None:
        """Start it and return when it says that it is ready and the client is signed in."""
        starts = self.written().count(READY) if self.output.exists() else 0
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [TRADEWIND, "standalone"],
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, which takes no lock
            )
        until(lambda: self.written().count(READY) > starts or self.has_ended(), DEADLINE_S, "ready")
        found = PASSWORD.search(self.written())
        assert found is not None, self.written()
        self.password = found[1]
        answer = self.http.post("/auth/token", json={"username": "admin", "password": self.password})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def has_ended(self) -> bool:
        """Return whether the supervisor is gone."""
        return self.process is None or self.process.poll() is not None

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signum)
        return self.process.wait(DEADLINE_S)

    def close(self) -> None:
        """Leave nothing of it behind, whatever the test did."""
        self.http.close()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in self.living():
            os.kill(pid, signal.SIGKILL)

    def written(self) -> str:
        """Return what it wrote to its standard output and error."""
        return self.output.read_text(errors="replace")

    def living(self) -> list[int]:
        """Return every process whose environment names this home: the family, its workers and what tasks started."""
        mark = f"TRADEWIND_HOME={self.home}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `tradewind` with the settings of the family."""
        return subprocess.run(
            [TRADEWIND, *arguments],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    # ---- DAG files

    def write(self, name: str, text: str) -> Path:
        """Put a file into the DAG folder, whole at once."""
        path = self.dags / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part{next(_numbers)}")
        part.write_text(textwrap.dedent(text))
        part.rename(path)
        return path

    def wait_for_dag(self, dag_id: str) -> dict[str, Any]:
        """Return the DAG once it is there."""

        def find() -> Any:
            answer = self.http.get(f"/api/v2/dags/{dag_id}")
            return answer.json() if answer.status_code == 200 and not answer.json()["is_stale"] else None

        return until(find, DEADLINE_S, f"DAG {dag_id}")

    def import_errors(self) -> dict[str, str]:
        """Return the import errors, by file."""
        errors = self.get("/api/v2/importErrors?limit=100")["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in errors}

    def wait_for_import_error(self, filename: str) -> str:
        """Return what is wrong with a file once it is known."""
        return until(lambda: self.import_errors().get(filename), DEADLINE_S, f"import error of {filename}")

    # ---- runs

    def trigger(self, dag_id: str, **body: Any) -> str:
        """Trigger a run of a DAG that may still be on its way into the database; return its run_id."""
        self.wait_for_dag(dag_id)
        answer = self.http.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()["dag_run_id"]

    def wait_for_run(self, dag_id: str, run_id: str, state: str | None = None) -> dict[str, Any]:
        """Return the run once it has ended, or is in `state`."""
        wanted = {state} if state else {"success", "failed"}

        def find() -> Any:
            run = self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")
            return run if run["state"] in wanted else None

        return until(find, DEADLINE_S, f"{dag_id} {run_id} {state or 'ended'}")

    def run(self, dag_id: str, **body: Any) -> str:
        """Trigger a run, wait for its end and return its run_id."""
        run_id = self.trigger(dag_id, **body)
        self.wait_for_run(dag_id, run_id)
        return run_id

    def instance(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Return one task instance."""
        return self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")

    def wait_for_instance(self, dag_id: str, run_id: str, task_id: str, *states: str) -> dict[str, Any]:
        """Return a task instance once it is in one of the states."""

        def find() -> Any:
            answer = self.http.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")
            return answer.json() if answer.status_code == 200 and answer.json()["state"] in states else None

        return until(find, DEADLINE_S, f"{dag_id} {run_id} {task_id} {'/'.join(states)}")

    def states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return the state of each task of a run."""
        found = self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100")["task_instances"]
        return {instance["task_id"]: instance["state"] for instance in found}

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, *, full: bool = False) -> str:
        """Return the log of a try as text."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        query = "?full_content=true" if full else ""
        answer = self.http.get(path + query, headers={"Accept": "text/plain"})
        assert answer.status_code == 200, answer.text
        return answer.text

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return the value of an XCom as the API shows it."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.get(f"{path}?deserialize=true")["value"]

    def get(self, path: str) -> Any:
        """Return the JSON of a GET that works."""
        answer = self.http.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()
