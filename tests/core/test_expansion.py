"""Lengths of what is mapped over."""

from __future__ import annotations

import pytest

from tradewind.core.expansion import length, sources
from tradewind.core.graph import CompiledDag
from tradewind.serialization.compile import compile_document
from tradewind.serialization.document import DagDocument, TaskDocument, TaskGroupDocument
from tradewind.serialization.expansions import is_mapped, length_of, read_expansion

INDEXES = {"a": 0, "b": 1, "c": 2}
A, B, C = {"xcom": "a"}, {"xcom": "b"}, {"xcom": "c"}
RETURNED = {0: 3, 1: 5}


@pytest.mark.parametrize(
    ("written", "expected", "needed"),
    [
        ({"literal": 0}, 0, []),
        ({"literal": 7}, 7, []),
        (A, 3, [0]),
        (C, None, [2]),
        ({"map": {"map": A}}, 3, [0]),
        ({"zip": [A, B]}, 3, [0, 1]),
        ({"zip": [A, B], "longest": True}, 5, [0, 1]),
        ({"zip": [A, C]}, None, [0, 2]),
        ({"concat": [A, {"literal": 2}, A]}, 8, [0, 0]),
        ({"product": [A, B, {"literal": 2}]}, 30, [0, 1]),
        ({"product": [{"literal": 0}, C]}, None, [2]),
        ({"product": [{"zip": [A, {"concat": [B, B]}]}]}, 3, [0, 1, 1]),
    ],
)
def test_a_length_is_known_when_its_parts_are(written: dict, expected: int | None, needed: list[int]) -> None:
    expansion = read_expansion(written, INDEXES)
    assert length(expansion, RETURNED.get) == expected
    assert list(sources(expansion)) == needed


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"xcom": "z"}, "task 'b' cannot be mapped: it expands over what the unknown task 'z' returns"),
        ({"literal": -1}, "has no length that could be read"),
        ({"product": []}, "has no length that could be read"),
        ({"concat": [{"map": 3}]}, "has no length that could be read: 3"),
        ({"xcom": "b"}, "task 'b' cannot be mapped over what it returns itself"),
    ],
)
def test_what_cannot_be_mapped_over_is_refused(written: dict, message: str) -> None:
    tasks = (TaskDocument(task_id="a", task_type="X"), TaskDocument(task_id="b", task_type="X", expansion=written))
    with pytest.raises(ValueError, match=message):
        compile_document(DagDocument(dag_id="d", tasks=tasks))


def nested() -> DagDocument:
    tasks = (
        TaskDocument(task_id="a", task_type="X", downstream=("g.t", "g.h.t")),
        TaskDocument(task_id="g.t", task_type="X", group_id="g"),
        TaskDocument(task_id="g.h.t", task_type="X", group_id="g.h.plain"),
        TaskDocument(task_id="m", task_type="X", expansion={"literal": 2}),
    )
    groups = (
        TaskGroupDocument(group_id="g", expansion={"xcom": "a"}),
        TaskGroupDocument(group_id="g.h", parent_id="g", expansion={"literal": 2}),
        TaskGroupDocument(group_id="g.h.plain", parent_id="g.h"),
    )
    return DagDocument(dag_id="d", tasks=tasks, groups=groups)


def test_tasks_know_the_mapped_groups_round_them() -> None:
    dag: CompiledDag = compile_document(nested())
    names = [[dag.groups[group].group_id for group in node.groups] for node in dag.nodes]
    assert names == [[], ["g"], ["g", "g.h"], []]
    assert [node.length_sources for node in dag.nodes] == [(), (0,), (0,), ()]
    assert dag.nodes[0].lengthens == (1, 2)
    assert [node.is_mapped for node in dag.nodes] == [False, True, True, True]


def test_a_document_tells_which_tasks_are_mapped() -> None:
    document = nested()
    assert [is_mapped(document, task.task_id) for task in document.tasks] == [False, True, True, True]
    with pytest.raises(KeyError):
        is_mapped(document, "z")


@pytest.mark.parametrize(
    ("xcoms", "map_index", "expected"),
    [
        ({"return_value": [1, 2]}, -1, 2),
        ({"return_value": {"a": 1}}, -1, 1),
        ({"return_value": "text"}, -1, None),
        ({"other": [1]}, -1, None),
        ({"return_value": [1, 2]}, 3, 1),
        ({"return_value": None}, 3, None),
    ],
)
def test_what_a_trigger_left_has_a_length(xcoms: dict, map_index: int, expected: int | None) -> None:
    assert length_of(xcoms, map_index) == expected
