"""The execution score: how many DAGs end in the same states as under Airflow 3.3.2."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from conformance.corpora import EXPECTED, DagFile, examples_of
from conformance.surroundings import child_environment, without_network

_TIMEOUT_S = 60
_QUOTED = re.compile(r"[\"']([\w.\-]+)[\"']")


def run_all(work: Path, match: str) -> dict[str, Any]:
    """Run every DAG whose states are known and whose file can be had; return counts and what went otherwise."""
    expected: dict[str, Any] = json.loads((EXPECTED / "expected_states.json").read_text())
    keys = [key for key in expected["dags"] if match in key]
    files = {
        (f.package, f.file.name): f for r in sorted({key.split(":")[0] for key in keys}) for f in examples_of(r, work)
    }
    same, failures, absent = 0, [], []
    for key in keys:
        package, name, dag_id = key.split(":", 2)
        if (package, name) not in files:
            absent.append(f"{key}: the package has no such file here")
            continue
        why = _run_one(files, files[package, name], dag_id, expected["dags"][key], expected["logical_date"], work)
        same += why is None
        failures += [] if why is None else [{"part": "exec", "what": key, "why": why}]
    return {"counts": {"dags": len(keys) - len(absent), "same_states": same}, "failures": failures, "absent": absent}


def _run_one(
    files: dict[tuple[str, str], DagFile], file: DagFile, dag_id: str, wanted: dict[str, Any], date: str, work: Path
) -> str | None:
    """Run one DAG in a folder of its own; return None when it ended as expected, else what was otherwise."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=work, ignore_cleanup_errors=True) as home:
        path = _private_folder(file, list(files.values()), Path(home) / "dags")
        program = str(Path(sys.executable).with_name("tradewind"))
        command = [program, "dags", "test", "--file", str(path), dag_id, date]
        environment = child_environment(Path(home), TRADEWIND__CORE__DAGS_FOLDER=str(path.parent))
        try:
            ran = subprocess.run(
                [*without_network(), *command, "--output", "json"],
                capture_output=True,
                text=True,
                cwd=home,
                env=environment,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"it did not end within {_TIMEOUT_S} s"
    got = _last_object(ran.stdout)
    if got is None or "tasks" not in got:
        return f"no answer: {(ran.stderr.strip() or ran.stdout.strip() or 'no output').splitlines()[-1][:200]}"
    return _difference(got, wanted)


def _difference(got: dict[str, Any], wanted: dict[str, Any]) -> str | None:
    tasks, wanted_tasks = got["tasks"], wanted["tasks"]
    if wanted.get("varies"):
        # Under Airflow itself the states differ from run to run: only the tasks can be compared.
        return None if set(tasks) == set(wanted_tasks) else f"other tasks: {sorted(set(tasks) ^ set(wanted_tasks))}"
    if (got["run"], tasks) == (wanted["run"], wanted_tasks):
        return None
    different = [
        f"{task}: {wanted_tasks.get(task)} expected, got {tasks.get(task)}"
        for task in sorted({*tasks, *wanted_tasks})
        if tasks.get(task) != wanted_tasks.get(task)
    ]
    return f"run {wanted['run']} expected, got {got['run']}; {'; '.join(different)}"


def _private_folder(file: DagFile, files: list[DagFile], folder: Path) -> Path:
    """Make a DAG folder of the file, the folders beside it, and the files of DAGs that it names."""
    folder.mkdir(parents=True)
    named = set(_QUOTED.findall(file.file.read_text(encoding="utf-8")))
    shutil.copy(file.file, folder)
    for other in files:
        if other is not file and other.package == file.package and _defines_one_of(other, named):
            shutil.copy(other.file, folder)
    for beside in file.file.parent.iterdir():
        if beside.is_dir() and beside.name not in {"__pycache__", "plugins"}:
            shutil.copytree(beside, folder / beside.name)
    return folder / file.file.name


def _defines_one_of(file: DagFile, dag_ids: set[str]) -> bool:
    text = file.file.read_text(encoding="utf-8")
    return any(re.search(rf"dag_id\s*=\s*[\"']{re.escape(dag_id)}[\"']", text) for dag_id in dag_ids)


def _last_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object at the end of what a command printed, on one line or on several."""
    for start in [match.start() for match in re.finditer(r"^\{", text, re.MULTILINE)]:
        with contextlib.suppress(ValueError):
            return json.loads(text[start:])
    return None
