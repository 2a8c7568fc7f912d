"""Mapped tasks and groups: the engine decides what looking at the whole run after each event would decide."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.core.trigger_rules import TriggerRule

from tests.core.engine.mapping_world import Group, Mapped, MappedWorld

# A teardown-like rule that looks for setups adds nothing here.
RULES = sorted({rule.value for rule in TriggerRule} - {"all_done_setup_success"})
Dag = tuple[dict[str, Mapped], dict[str, Group]]


@st.composite
def dags(draw: st.DrawFn) -> Dag:
    """Draw up to 7 tasks, some mapped, some in a mapped group or in another one in that."""
    names = "abcdefg"[: draw(st.integers(1, 7))]
    first = draw(st.integers(1, min(3, len(names))))  # the first that may be in a group
    over_of_group = st.one_of(st.integers(0, 3), st.sampled_from(names[:first]))
    groups = {
        "g": Group("g", draw(over_of_group)),
        "g.h": Group("g.h", draw(over_of_group), parent="g"),
    }
    tasks: dict[str, Mapped] = {}
    for place, name in enumerate(names):
        group = draw(st.sampled_from((None, "g", "g", "g", "g.h", "g.h"))) if place >= first else None
        upstream = set(draw(st.frozensets(st.sampled_from(names[:place]), max_size=3)) if place else ())
        inside = [one for one, task in tasks.items() if task.group]
        upstream |= {draw(st.sampled_from(inside))} if group and inside else set()
        over = None
        if group is None:
            over = draw(st.sampled_from((None, None, 0, 1, 3, *names[:place])))
        overs = [over, *(groups[one].over for one in ("g", "g.h") if group and group.startswith(one))]
        upstream |= {one for one in overs if isinstance(one, str) and draw(st.integers(0, 3))}
        rule = draw(st.one_of(st.just("all_success"), st.sampled_from(RULES)))
        is_empty = draw(st.integers(0, 9)) == 0
        tasks[name] = Mapped(name, rule, frozenset(upstream), over, group, is_empty)
    return tasks, groups


@settings(max_examples=150, deadline=None)
@given(dag=dags(), random=st.integers(0, 2**32).map(Random))
def test_any_order_of_events(dag: Dag, random: Random) -> None:
    world = MappedWorld(*dag)
    while steps := world.possible():
        random.choice(steps)(random)
        if random.random() < 0.1 and world.finished is None:
            world.restart()
    assert world.finished is not None


@settings(max_examples=100, deadline=None)
@given(dag=dags(), random=st.integers(0, 2**32).map(Random))
def test_lengths_that_change_after_a_clear(dag: Dag, random: Random) -> None:
    world = MappedWorld(*dag)
    for _ in range(3):
        while steps := world.possible():
            random.choice(steps)(random)
        world.clear(random)
    while steps := world.possible():
        random.choice(steps)(random)
    assert world.finished is not None
