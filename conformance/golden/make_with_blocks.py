"""Ask Airflow 3.3.2 which edges `with` blocks of setups and teardowns imply, in random programs.

Run with an interpreter that has apache-airflow-task-sdk and the standard provider installed:

    python conformance/golden/make_with_blocks.py tests/sdk/graph/golden/with_blocks.json

A program is a list of steps: `["task", name, name of a task before it or null]`, `["add", name]` (`scope.add_task`), and
`["with", form, number, steps]`. What the forms mean is in `open_block`. Of each program the file has the edges.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.sdk.definitions.decorators.setup_teardown import context_wrapper

PROGRAMS = 400
FORMS = ["setup", "setup", "teardown", "pair", "lone setup", "lone teardown", "two setups", "two teardowns", "far"]

Steps = list[Any]


def random_steps(chance: random.Random, names: list[str], depth: int) -> Steps:
    """Draw the steps of a block; `names` are those of the tasks so far."""
    steps: Steps = []
    inside: list[str] = []
    for _ in range(chance.randint(1, 4)):
        if depth < 3 and chance.random() < 0.35:
            number = len(names)
            names.append(f"block {number}")
            steps.append(["with", chance.choice(FORMS), number, random_steps(chance, names, depth + 1)])
            continue
        name = f"w{len(names)}"
        names.append(name)
        before = chance.choice(inside) if inside and chance.random() < 0.5 else None
        steps.append(["task", name, before])
        inside.append(name)
        if depth and chance.random() < 0.1:
            steps.append(["add", name])
    return steps


def open_block(form: str, number: int) -> Any:
    """Make the setups and teardowns of a block; return what it is opened with."""
    setups = [EmptyOperator(task_id=f"s{number}{letter}") for letter in ("ab" if form == "two setups" else "a")]
    if form == "lone setup":
        return setups[0].as_setup()
    teardowns = [EmptyOperator(task_id=f"t{number}{letter}") for letter in ("ab" if form == "two teardowns" else "a")]
    if form == "lone teardown":
        return teardowns[0].as_teardown()
    if form == "far":
        setups[0].as_setup() >> EmptyOperator(task_id=f"m{number}") >> teardowns[0].as_teardown()
        return setups[0]
    for teardown in teardowns:
        teardown.as_teardown(setups=setups)
    if form == "pair":
        return setups[0] >> teardowns[0]
    if form in {"two setups", "two teardowns"}:
        return context_wrapper(setups if form == "two setups" else teardowns)
    return setups[0] if form == "setup" else teardowns[0]


def carry_out(steps: Steps, tasks: dict[str, Any], scope: Any = None) -> None:
    """Carry out the steps of a block."""
    for step in steps:
        if step[0] == "task":
            _, name, before = step
            tasks[name] = EmptyOperator(task_id=name)
            if before is not None:
                tasks[before] >> tasks[name]
        elif step[0] == "add":
            if scope is not None and scope.active:
                scope.add_task(tasks[step[1]])
        else:
            _, form, number, inner = step
            with open_block(form, number) as inner_scope:
                carry_out(inner, tasks, inner_scope)


def main() -> None:
    """Write the facts to the file named on the command line."""
    chance = random.Random(20260102)
    facts: list[Any] = []
    while len(facts) < PROGRAMS:
        steps = random_steps(chance, [], 0)
        if "with" not in str(steps):
            continue
        with DAG("d", schedule=None) as dag:
            carry_out(steps, {})
        edges = sorted([task.task_id, after] for task in dag.tasks for after in task.downstream_task_ids)
        facts.append([steps, [" ".join(edge) for edge in edges]])
    lines = ",\n".join(json.dumps(fact) for fact in facts)
    Path(sys.argv[1]).write_text(f'{{"airflow": "3.3.2", "programs": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
