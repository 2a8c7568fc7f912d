from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.core.graph import MAX_PRIORITY, CompiledDag, DagCycleError, TaskNode, topological_order, total_weights

Edges = list[tuple[int, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> Edges:
    """Draw the downstream edges of up to ten tasks, in any numbering, without a cycle."""
    size = draw(st.integers(0, 10))
    numbers = draw(st.permutations(range(size)))
    downstream: Edges = [()] * size
    for place, index in enumerate(numbers):
        later = numbers[place + 1 :]
        downstream[index] = tuple(draw(st.lists(st.sampled_from(later), unique=True, max_size=4))) if later else ()
    return downstream


def reversed_edges(downstream: Edges) -> Edges:
    return [tuple(i for i, targets in enumerate(downstream) if index in targets) for index in range(len(downstream))]


def relatives(index: int, edges: Edges) -> set[int]:
    found: set[int] = set()
    for other in edges[index]:
        found |= {other} | relatives(other, edges)
    return found


@settings(deadline=None)
@given(graphs())
def test_each_task_comes_after_all_it_depends_on(downstream: Edges) -> None:
    order = topological_order(downstream)
    assert sorted(order) == list(range(len(downstream)))
    place = {index: number for number, index in enumerate(order)}
    assert all(place[index] < place[target] for index, targets in enumerate(downstream) for target in targets)


@settings(deadline=None)
@given(graphs(), st.data())
def test_weights_are_sums_over_all_relatives(downstream: Edges, data: st.DataObject) -> None:
    size = len(downstream)
    weights = data.draw(st.lists(st.integers(-3, 9), min_size=size, max_size=size))
    names = st.sampled_from(("downstream", "upstream", "absolute", "own.Strategy"))
    rules = data.draw(st.lists(names, min_size=size, max_size=size))
    upstream = reversed_edges(downstream)
    edges = {"downstream": downstream, "upstream": upstream}
    expected = [
        weights[index] + sum(weights[other] for other in (relatives(index, edges[rule]) if rule in edges else ()))
        for index, rule in enumerate(rules)
    ]
    assert total_weights(weights, rules, upstream, downstream) == expected


def test_weights_stay_within_what_airflows_column_holds() -> None:
    huge = [2 * MAX_PRIORITY, -2 * MAX_PRIORITY]
    assert total_weights(huge, ["absolute"] * 2, [(), ()], [(), ()]) == [MAX_PRIORITY, -MAX_PRIORITY]


@pytest.mark.parametrize("downstream", [[(0,)], [(1,), (0,)], [(1,), (2,), (1,)]])
def test_a_circle_is_refused(downstream: Edges) -> None:
    with pytest.raises(DagCycleError, match="in a circle"):
        topological_order(downstream)


def test_a_compiled_dag_finds_its_tasks() -> None:
    one = TaskNode(index=0, task_id="a")
    dag = CompiledDag(dag_id="d", nodes=(one,), index_of={"a": 0})
    assert dag.node("a") is one
    assert dag.node("b") is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({}, False), ({"depends_on_past": True}, True), ({"wait_for_downstream": True}, True)],
)
def test_a_task_may_ask_the_past(fields: dict[str, bool], expected: bool) -> None:
    assert TaskNode(index=0, task_id="a", **fields).asks_the_past is expected  # pyright: ignore[reportArgumentType]
