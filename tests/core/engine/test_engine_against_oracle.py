"""The run engine decides what re-evaluating the whole run after each event would decide."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.core.trigger_rules import TriggerRule

from tests.core.engine.oracle import Task
from tests.core.engine.world import World

RULES = [rule.value for rule in TriggerRule]


@st.composite
def dags(draw: st.DrawFn) -> dict[str, Task]:
    """Draw up to 12 tasks in an order that is not that of their edges."""
    names = draw(st.permutations("abcdefghijkl"))[: draw(st.integers(0, 12))]
    tasks: list[Task] = []
    for place, name in enumerate(names):
        upstream = draw(st.frozensets(st.sampled_from(names[:place]), max_size=4)) if place else frozenset[str]()
        kind = draw(st.sampled_from(("", "", "", "setup", "teardown", "empty", "failing teardown", "from trigger")))
        tasks.append(
            Task(
                name=name,
                rule=draw(st.one_of(st.just("all_success"), st.sampled_from(RULES))),
                upstream=upstream,
                retries=draw(st.integers(0, 2)),
                is_empty=kind == "empty",
                starts_from_trigger=kind == "from trigger",
                is_setup=kind == "setup",
                is_teardown="teardown" in kind,
                fails_run=kind == "failing teardown",
                waits_before_skipping=draw(st.booleans()),
            )
        )
    return {task.name: task for task in draw(st.permutations(tasks))}


SEEDS = st.integers(0, 2**32).map(Random)
NAMES = st.frozensets(st.sampled_from("abcdefghijkl"), max_size=3)


@settings(max_examples=60, deadline=None)
@given(tasks=dags(), held=NAMES, fail_fast=st.booleans(), random=SEEDS)
def test_any_order_of_events(tasks: dict[str, Task], held: frozenset[str], fail_fast: bool, random: Random) -> None:
    world = World(tasks, held & tasks.keys(), fail_fast=fail_fast)
    for _ in range(60):
        if not (steps := world.possible()):
            break
        random.choice(steps)(random)
        if random.random() < 0.2:
            world.repeat_reports(random)
    world.drain(random)


@settings(max_examples=40, deadline=None)
@given(tasks=dags(), held=NAMES, fail_fast=st.booleans(), random=SEEDS)
def test_restarts_and_losses(tasks: dict[str, Task], held: frozenset[str], fail_fast: bool, random: Random) -> None:
    world = World(tasks, held & tasks.keys(), fail_fast=fail_fast)
    while world.finished is None:
        for _ in range(random.randrange(8)):
            if steps := world.possible():
                random.choice(steps)(random)
        if world.finished is None:
            world.deploy(tasks)
            if random.random() < 0.3:
                world.rescue()


@settings(max_examples=40, deadline=None)
@given(tasks=dags(), fail_fast=st.booleans(), random=SEEDS)
def test_new_versions_of_the_dag_while_it_runs(tasks: dict[str, Task], fail_fast: bool, random: Random) -> None:
    world = World(some(tasks, random), fail_fast=fail_fast)
    for _ in range(8):
        for _ in range(random.randrange(8)):
            if steps := world.possible():
                random.choice(steps)(random)
        if world.finished is None:
            world.deploy(some(tasks, random))
            if random.random() < 0.2:
                world.rescue()
    world.drain(random)


def some(tasks: dict[str, Task], random: Random) -> dict[str, Task]:
    kept = {name for name in tasks if random.random() < 0.8}
    return {name: task for name, task in tasks.items() if name in kept}
