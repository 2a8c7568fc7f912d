"""Load DAG files in this interpreter, each in a forked child, and answer with their structure: one JSON line each way.

python -m conformance.extraction < jobs.jsonl
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.airflow.finder import install

from conformance import stand_ins
from conformance.structure import structure_of

if TYPE_CHECKING:
    from types import ModuleType

_UNKNOWN_NAME = re.compile(r"cannot import name '?([\w.]+)'? from (?:partially initialized module )?'?([\w.]+)")


def main() -> None:
    """Answer jobs until the input ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    install()
    import airflow.sdk  # type: ignore[import-not-found]  # noqa: F401 - loaded once, for every child

    for line in sys.stdin:
        job = json.loads(line)
        out.write(json.dumps({"key": job["key"], **load_in_child(job)}) + "\n")
        out.flush()


def load_in_child(job: dict[str, Any]) -> dict[str, Any]:
    """Load one file in a child with the job's environment and time limit; return its answer."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read_fd)
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            os.environ.update(job["environment"])
            data = json.dumps(load(job)).encode()
            while data:
                data = data[os.write(write_fd, data) :]
        finally:
            os._exit(0)
    os.close(write_fd)
    data = _read_until(read_fd, time.monotonic() + job["timeout_s"])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(read_fd)
    if data is None:
        return {"ok": False, "why": "it did not finish in time"}
    return json.loads(data) if data else {"ok": False, "why": "the process ended without an answer"}


def load(job: dict[str, Any]) -> dict[str, Any]:
    """Load one file; return its DAGs, or why there are none."""
    sys.path[:0] = job["search_paths"]
    stand_ins.install([*job["roots"], job["file"]])
    try:
        return {"ok": True, "dags": {dag.dag_id: structure_of(dag) for dag in _dags_of(job)}}
    except BaseException as error:  # noqa: BLE001 - other people's code may raise anything
        return {"ok": False, "why": _reason(error), "where": _place(error, job["roots"])}


def _dags_of(job: dict[str, Any]) -> list[Any]:
    import airflow  # type: ignore[import-not-found]

    from tradewind.sdk.definitions.contexts import DagContext
    from tradewind.sdk.definitions.dag import DAG

    airflow.__path__ += job["grafts"]
    name = f"conformance_{Path(job['file']).stem}"
    DagContext.autoregistered_dags.clear()
    DagContext.current_autoregister_module_name = name
    module = _execute(name, job["file"])
    found = [value for value in vars(module).values() if isinstance(value, DAG)]
    found += [dag for dag, _ in DagContext.autoregistered_dags]
    unique = {dag.dag_id: dag for dag in reversed(found)}
    for dag in unique.values():
        dag.validate()
        dag.check_cycle()
    return [unique[dag_id] for dag_id in sorted(unique)]


def _execute(name: str, file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _read_until(fd: int, deadline: float) -> bytes | None:
    chunks: list[bytes] = []
    while True:
        ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        chunk = os.read(fd, 65536)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)


def _reason(error: BaseException) -> str:
    """Return what is missing, in a few words that are the same for every file that misses it."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"no module {error.name}"
    if isinstance(error, ImportError):
        match = _UNKNOWN_NAME.search(text)
        return f"no name {match.group(2)}:{match.group(1)}" if match else f"ImportError: {text[:160]}"
    return f"{type(error).__name__}: {text[:200]}"


def _place(error: BaseException, roots: list[str]) -> str:
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if any(frame.filename.startswith(root) for root in roots):
            return f"{Path(frame.filename).name}:{frame.lineno}"
    return ""


if __name__ == "__main__":
    main()
