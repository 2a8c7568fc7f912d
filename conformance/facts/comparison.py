"""What real Airflow decided, held against what Tradewind decides.

A row that differs is a bug, or stands in `deviations.json` under the reason that `docs/decisions` gives for it.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from conformance.facts.replay import replay

EXPECTED = Path(__file__).parents[1] / "expected"
RELEASES = ("3.3.2", "2.8.1")


def recorded(release: str) -> list[dict[str, Any]]:
    """Return the rows that a release of Airflow gave, without those whose DAG it refuses."""
    text = gzip.decompress((EXPECTED / f"runs-{release}.jsonl.gz").read_bytes()).decode()
    rows = [json.loads(line) for line in text.splitlines()]
    return [row for row in rows if "runs" in row]


def difference(row: dict[str, Any]) -> str | None:
    """Say how Tradewind ends the runs of a row otherwise, None when it ends them alike."""
    try:
        found = replay(row["spec"])
    except Exception as error:  # noqa: BLE001 - whatever it is, the row is not decided alike
        return f"{type(error).__name__}: {error}"
    said: list[str] = []
    for number, ((state, tasks), (own_state, own_tasks)) in enumerate(zip(row["runs"], found, strict=True)):
        if state != own_state:
            said.append(f"run {number} is {own_state}, {state} in Airflow")
        said += [
            f"{task_id} of run {number} is {own_tasks.get(task_id)}, {tasks.get(task_id)} in Airflow"
            for task_id in sorted({*tasks, *own_tasks})
            if tasks.get(task_id) != own_tasks.get(task_id)
        ]
    return "; ".join(said) or None


def expected_deviations(release: str) -> dict[str, str]:
    """Return the specs that are known to end otherwise than in that release, each with the reason."""
    listed: dict[str, list[str]] = json.loads((EXPECTED / "deviations.json").read_text())["runs"][release]
    return {spec_id: reason for reason, spec_ids in listed.items() for spec_id in spec_ids}


def compare_runs(release: str, match: str = "") -> dict[str, Any]:
    """Compare all rows of a release; return the counts by family and what is not as recorded."""
    deviations = expected_deviations(release)
    counts: dict[str, dict[str, int]] = defaultdict(lambda: {"rows": 0, "same": 0, "decided": 0})
    failures: list[dict[str, str]] = []
    for row in recorded(release):
        spec_id = row["spec"]["id"]
        if match not in spec_id:
            continue
        count = counts[spec_id.split("/")[0]]
        why, reason = difference(row), deviations.get(spec_id)
        count["rows"] += 1
        count["same"] += why is None
        count["decided"] += why is not None and reason is not None
        if why is not None and reason is None:
            failures.append({"what": json.dumps(row["spec"]), "why": why})
        elif why is None and reason is not None:
            failures.append({"what": spec_id, "why": f"listed under {reason!r}, and yet it ends alike"})
    failures.sort(key=lambda failure: len(failure["what"]))
    return {"counts": dict(counts), "failures": failures}


def main() -> None:
    """Print what differs from the releases, the smallest first: `python -m conformance.facts.comparison [match]`."""
    for release in RELEASES:
        outcome = compare_runs(release, sys.argv[1] if len(sys.argv) > 1 else "")
        for failure in outcome["failures"]:
            print(failure["what"], failure["why"], sep="\n    ")
        for family, count in outcome["counts"].items():
            print(release, family, count)


if __name__ == "__main__":
    main()
