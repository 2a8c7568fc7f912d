"""The length of a map as the DAG document says it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tradewind import DAG, task, task_group
from tradewind.sdk.document import to_document
from tradewind.sdk.mapping.expansion import expansion_of
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.serialization.compile import compile_document


@task
def listing() -> list[int]:
    return [1]


@task
def other() -> list[int]:
    return [1]


@task
def f(a: Any, b: Any = 0) -> Any:
    return a, b


_ONE, _TWO = {"xcom": "listing"}, {"xcom": "other"}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda _: f.expand(a=[1, 2, 3]), {"literal": 3}),
        (lambda _: f.expand(a={"x": 1}), {"literal": 1}),
        (lambda x: f.expand(a=x.one), _ONE),
        (lambda x: f.expand(a=x.one.map(str).map(str)), {"map": _ONE}),
        (lambda x: f.expand(a=x.one.zip(x.two)), {"zip": [_ONE, _TWO], "longest": False}),
        (lambda x: f.expand(a=x.one.zip(x.two, fillvalue=None)), {"zip": [_ONE, _TWO], "longest": True}),
        (lambda x: f.expand(a=x.two.concat(x.one)), {"concat": [_TWO, _ONE]}),
        (lambda x: f.expand(b=[1, 2], a=x.one), {"product": [{"literal": 2}, _ONE]}),
        (lambda x: f.expand_kwargs([{"a": 1}, x.one]), {"literal": 2}),
        (lambda x: f.expand_kwargs(x.one.zip(x.two).map(dict)), {"map": {"zip": [_ONE, _TWO], "longest": False}}),
    ],
    ids=range(10),
)
def test_every_way_to_map_has_a_length(make: Any, expected: dict[str, Any]) -> None:
    with DAG("d", schedule=None) as dag:
        result = make(SimpleNamespace(one=listing(), two=other()))
    assert expansion_of(result.operator) == expected
    document = to_document(dag, dag_folder="/dags")
    written = {one.task_id: one for one in document.tasks}["f"]
    assert (written.is_mapped, written.expansion, written.task_type) == (True, expected, "_PythonDecoratedOperator")
    compile_document(document)


def test_groups_have_one_too_and_plain_nodes_have_none() -> None:
    @task_group
    def both(value: Any) -> None:
        f(value)

    with DAG("d", schedule=None) as dag:
        both.expand(value=listing())
    document = to_document(dag, dag_folder="/dags")
    assert [(group.is_mapped, group.expansion) for group in document.groups] == [(True, _ONE)]
    assert all(not one.is_mapped and one.expansion is None for one in document.tasks)
    assert expansion_of(dag.task_group) is None
    compile_document(document)


def test_mapped_empty_tasks_are_empty() -> None:
    with DAG("d", schedule=None) as dag:
        EmptyOperator.partial(task_id="e").expand_kwargs([{}, {}])
        EmptyOperator.partial(task_id="g", on_success_callback=print).expand_kwargs([{}])
    written = {one.task_id: one for one in to_document(dag, dag_folder="/dags").tasks}
    assert (written["e"].is_empty, written["e"].operator_module) == (True, EmptyOperator.__module__)
    assert not written["g"].is_empty
    assert written["g"].callbacks == ("on_success_callback",)
