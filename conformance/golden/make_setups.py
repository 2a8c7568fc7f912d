"""Ask Airflow 3.3.2's trigger rule dependency about tasks below setups and about teardowns, in small random DAGs.

Run with an interpreter that has apache-airflow-core 3.3.2 installed:

    python conformance/golden/make_setups.py tests/core/golden/setups.json

A DAG is a list of tasks `[kind, trigger rule, [indexes of upstream tasks]]`, the kind one of "", "setup", "teardown". For
each one there are some states of all its tasks, a letter each: `.` none yet, (s)uccess, (f)ailed, (u)pstream_failed,
s(k)ipped; and of each task that has none yet the verdict: (w)ait, (r)un, (k) skip, (u)pstream_failed; `-` for the others.
"""

# pyright: reportMissingImports=false
# ruff: noqa: ARG001, ARG005, SLF001 - the stand-ins have the signatures that Airflow's private code calls

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.ti_deps.deps.trigger_rule_dep import TriggerRuleDep

DAGS = 250
STATES_OF_EACH = 8
LETTERS = {".": None, "s": "success", "f": "failed", "u": "upstream_failed", "k": "skipped"}
VERDICTS = {"skipped": "k", "upstream_failed": "u"}
RULES = ["all_success", "all_done", "one_success", "none_failed", "all_done_setup_success", "always"]

Task = tuple[str, str, list[int]]


def random_dag(chance: random.Random) -> list[Task]:
    """Draw a DAG of at most seven tasks; every edge goes from a lower index to a higher one."""
    tasks: list[Task] = []
    for place in range(chance.randint(3, 7)):
        kind = chance.choice(["", "", "setup", "setup", "teardown"])
        rule = "all_done_setup_success" if kind == "teardown" else chance.choice([*RULES, "all_success"])
        upstream = sorted(chance.sample(range(place), chance.randint(0, min(place, 3))))
        tasks.append((kind, rule, upstream))
    return tasks


def airflow_dag(tasks: list[Task]) -> DAG:
    """Make the DAG with Airflow's own classes, task `t0`, `t1` and so on."""
    with DAG("d", schedule=None) as dag:
        for place, (kind, rule, upstream) in enumerate(tasks):
            task = EmptyOperator(task_id=f"t{place}", trigger_rule=rule)
            task.is_setup, task.is_teardown = kind == "setup", kind == "teardown"
            for other in upstream:
                task.set_upstream(dag.get_task(f"t{other}"))
    return dag


def verdict(dag: DAG, place: int, states: str) -> str:
    """Ask Airflow about one task."""
    finished = [
        SimpleNamespace(task_id=task.task_id, state=LETTERS[letter], map_index=-1, task=task)
        for task, letter in zip(dag.tasks, states, strict=True)
        if letter != "."
    ]
    marked: list[str] = []

    def set_state(state: Any, session: Any = None) -> bool:
        marked.append(str(getattr(state, "value", state)))
        return True

    ti = SimpleNamespace(
        task=dag.get_task(f"t{place}"), map_index=-1, set_state=set_state, get_dagrun=lambda session=None: None
    )
    context = SimpleNamespace(
        flag_upstream_failed=True,
        wait_for_past_depends_before_skipping=False,
        have_changed_ti_states=False,
        ensure_finished_tis=lambda dag_run, session: finished,
    )
    statuses = list(TriggerRuleDep()._get_dep_statuses(ti, context, session=None))
    if marked:
        return VERDICTS[marked[-1]]
    return "r" if all(status.passed for status in statuses) else "w"


def main() -> None:
    """Write the facts to the file named on the command line."""
    chance = random.Random(20260101)
    facts: list[Any] = []
    while len(facts) < DAGS:
        tasks = random_dag(chance)
        if not any(kind == "setup" for kind, _, _ in tasks):
            continue
        dag = airflow_dag(tasks)
        cases: list[list[str]] = []
        for _ in range(STATES_OF_EACH):
            states = "".join(chance.choice("...sssfuk") for _ in tasks)
            cases.append(
                [states, "".join(verdict(dag, n, states) if one == "." else "-" for n, one in enumerate(states))]
            )
        facts.append([tasks, cases])
    lines = ",\n".join(json.dumps(fact) for fact in facts)
    Path(sys.argv[1]).write_text(f'{{"airflow": "3.3.2", "dags": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
