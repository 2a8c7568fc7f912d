"""Which tasks are cleared with which: edges, setups and teardowns in force, groups, single indexes."""

from __future__ import annotations

import pytest

from tradewind.serialization.document import DagDocument, TaskDocument, TaskGroupDocument
from tradewind.serialization.relatives import Relatives


def task(task_id: str, *downstream: str, **fields: object) -> TaskDocument:
    return TaskDocument(task_id=task_id, task_type="X", downstream=tuple(sorted(downstream)), **fields)  # type: ignore[arg-type]


# up >> [setup >> work >> teardown] >> down, with other >> work, and alone by itself.
TASKS = (
    task("up", "work", "setup"),
    task("setup", "work", "teardown", is_setup=True),
    task("other", "work"),
    task("work", "teardown", "down"),
    task("teardown", is_teardown=True),
    task("down"),
    task("alone"),
)
RELATIVES = Relatives(DagDocument(dag_id="d", tasks=TASKS))


@pytest.mark.parametrize(
    ("chosen", "upstream", "downstream", "expected"),
    [
        ("work", False, False, "setup teardown work"),
        ("work", False, True, "down setup teardown work"),
        ("work", True, False, "other setup teardown up work"),
        ("work", True, True, "down other setup teardown up work"),
        ("other", False, False, "other"),
        ("other", False, True, "down other setup teardown work"),
        ("setup", False, False, "setup teardown"),
        ("setup", True, False, "setup teardown up"),
        ("setup", False, True, "down setup teardown work"),
        ("down", False, False, "down"),
        ("down", True, False, "down other setup teardown up work"),
        ("up", False, True, "down setup teardown up work"),
        ("alone", True, True, "alone"),
        ("teardown", False, False, "teardown"),
    ],
)
def test_what_clearing_a_task_clears(chosen: str, upstream: bool, downstream: bool, expected: str) -> None:
    """The rows are what `partial_subset` of Airflow 3.3.2 keeps of the same DAG."""
    assert RELATIVES.part([chosen], upstream=upstream, downstream=downstream) == set(expected.split())


def test_plain_relations() -> None:
    assert RELATIVES.above(["work"]) == {"up", "setup", "other"}
    assert RELATIVES.below(["other"]) == {"work", "teardown", "down"}
    assert RELATIVES.unknown(["work", "no", "nor"]) == ["no", "nor"]


def test_groups() -> None:
    groups = (TaskGroupDocument(group_id="g"), TaskGroupDocument(group_id="g.h", parent_id="g"))
    tasks = (task("g.a", group_id="g"), task("g.h.b", group_id="g.h"), task("c"))
    found = Relatives(DagDocument(dag_id="d", tasks=tasks, groups=groups))
    assert found.members("g") == ["g.a", "g.h.b"]
    assert found.members("g.h") == ["g.h.b"]
    assert found.members("no") is None


def test_an_index_of_a_mapped_group_has_to_do_with_its_own_index() -> None:
    groups = (TaskGroupDocument(group_id="g", is_mapped=True), TaskGroupDocument(group_id="g.h", parent_id="g"))
    tasks = (
        task("before", "g.a"),
        task("g.a", "g.h.b", group_id="g"),
        task("g.h.b", "after", group_id="g.h"),
        task("after"),
    )
    found = Relatives(DagDocument(dag_id="d", tasks=tasks, groups=groups))
    assert found.of_instances([("g.a", 3)], upstream=False, downstream=True) == ({"after"}, {("g.h.b", 3)})
    assert found.of_instances([("g.h.b", 1)], upstream=True, downstream=False) == ({"before"}, {("g.a", 1)})
    assert found.of_instances([("after", 2)], upstream=True, downstream=False) == ({"before", "g.a", "g.h.b"}, set())
