"""What the tries themselves wrote, held against what the database says."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Try = tuple[str, str, str, int]
"""dag_id, run_id, task_id, try number."""


@dataclass
class Verdict:
    """The counts that have to be zero, with what they count."""

    task_instances: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    false_success: list[str] = field(default_factory=list)
    unfinished_runs: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.lost or self.doubled or self.false_success or self.unfinished_runs)


def read(path: Path) -> tuple[dict[Try, int], dict[Try, int]]:
    """Return how often each try wrote that it started, and that it had done its work."""
    starts: dict[Try, int] = defaultdict(int)
    ends: dict[Try, int] = defaultdict(int)
    for line in path.read_text().splitlines() if path.exists() else []:
        word, dag_id, run_id, task_id, number, _, _ = line.split(" ")
        (starts if word == "start" else ends)[dag_id, run_id, task_id, int(number)] += 1
    return starts, ends


def judge(runs: list[dict[str, Any]], instances: list[dict[str, Any]], path: Path, tasks: dict[str, int]) -> Verdict:
    """Hold the runs and task instances of the API against the ledger.

    Lost: an instance that is missing, or has not ended in a run that has. Doubled: a try that started twice, or an
    instance with two successful tries. False success: success of a try that never wrote that it had done its work.
    An instance may have its `tries`, as the API lists them; without, only its last try is judged.
    """
    starts, ends = read(path)
    verdict = Verdict(task_instances=len(instances))
    by_run: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for instance in instances:
        by_run[instance["dag_id"], instance["dag_run_id"]].append(instance)
    for run in runs:
        name = f"{run['dag_id']} {run['dag_run_id']}"
        found = by_run[run["dag_id"], run["dag_run_id"]]
        if run["state"] not in {"success", "failed"}:
            verdict.unfinished_runs.append(f"{name} {run['state']}")
            continue
        if len(found) != tasks[run["dag_id"]]:
            verdict.lost.append(f"{name}: {len(found)} of {tasks[run['dag_id']]} task instances")
        for instance in found:
            _judge_instance(instance, ends, verdict)
    verdict.doubled += [
        f"{' '.join(map(str, one))} started {count} times" for one, count in starts.items() if count > 1
    ]
    return verdict


def _judge_instance(instance: dict[str, Any], ends: dict[Try, int], verdict: Verdict) -> None:
    name = f"{instance['dag_id']} {instance['dag_run_id']} {instance['task_id']}"
    state = instance["state"]
    if state not in {"success", "skipped", "failed", "upstream_failed"}:
        verdict.lost.append(f"{name} {state}")
    tries = instance.get("tries", [instance])
    successes = [one["try_number"] for one in tries if one["state"] == "success"]
    if len(successes) > 1:
        verdict.doubled.append(f"{name}: tries {successes} succeeded")
    for number in successes:
        if not ends.get((instance["dag_id"], instance["dag_run_id"], instance["task_id"], number)):
            verdict.false_success.append(f"{name} try {number}")
