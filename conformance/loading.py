"""The load score: how many files load, and how many of them with the structure that Airflow gives them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from conformance.corpora import EXPECTED, DagFile, grafts
from conformance.structure import digests
from conformance.surroundings import child_environment, named_values, without_network

_TIMEOUT_S = 60
_NEWEST_FIRST = ("3.3.2", "2.8.1", "1.10.15")


def load_all(files: list[DagFile], work: Path) -> dict[str, Any]:
    """Load every file; return counts, and one entry for each file that fails or differs."""
    reference: dict[str, Any] = json.loads((EXPECTED / "reference.json").read_text())
    loaded = same = dags = 0
    failures: list[dict[str, str]] = []
    for file, answer in zip(files, _answers(files, work), strict=True):
        wanted = _reference_of(reference.get(file.key))
        if not answer["ok"]:
            where = answer.get("where")
            why = f"{answer['why']} ({where})" if where else answer["why"]
            failures.append({"part": "load", "what": file.key, "why": why})
            continue
        loaded += 1
        dags += len(answer["dags"])
        different = _differences(answer["dags"], wanted)
        if different:
            failures.append({"part": "load", "what": file.key, "why": f"differs: {', '.join(different)}"})
        elif wanted is not None:
            same += 1
    return {
        "counts": {"files": len(files), "loaded": loaded, "dags": dags, "same_structure": same},
        "failures": failures,
    }


def _answers(files: list[DagFile], work: Path) -> list[dict[str, Any]]:
    jobs = [json.dumps(_job(file)) for file in files]
    repository = Path(__file__).resolve().parents[1]
    command = [*without_network(), sys.executable, "-m", "conformance.extraction"]
    ran = subprocess.run(
        command,
        input="\n".join(jobs) + "\n",
        stdout=subprocess.PIPE,
        text=True,
        cwd=repository,
        env=child_environment(work, PYTHONPATH=str(repository)),
        check=True,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def _job(file: DagFile) -> dict[str, Any]:
    read = [file.search_paths[0], *(path for path in file.search_paths if path.name == "plugins")]
    if file.is_of_repository:
        read.append(file.root)  # DAG files import modules from all over their repository
    return {
        "key": file.key,
        "file": str(file.file),
        "roots": [str(file.root)],
        "search_paths": [str(path) for path in file.search_paths],
        "grafts": [str(path) for path in grafts(file)],
        "environment": named_values(file.file, read),
        "timeout_s": _TIMEOUT_S,
    }


def _reference_of(entry: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what the newest Airflow that finds a DAG in the file makes of it; None when none does."""
    by = entry["by"] if entry else {}
    return next((by[v] for v in _NEWEST_FIRST if by.get(v, {}).get("ok") and by[v]["n_dags"]), None)


def _differences(dags: dict[str, Any], wanted: dict[str, Any] | None) -> list[str]:
    if wanted is None:
        return []
    unstable = wanted.get("unstable", [])
    return [
        facet for facet, digest in digests(dags).items() if facet not in unstable and digest != wanted["facets"][facet]
    ]
