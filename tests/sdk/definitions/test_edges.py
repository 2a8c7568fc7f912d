from __future__ import annotations

import pytest

from tradewind import DAG, EmptyOperator, Label, chain, chain_linear, cross_downstream, task

Edges = set[tuple[str, str]]


def edges(dag: DAG) -> Edges:
    return {(up, down) for up, one in dag.task_dict.items() for down in one.downstream_task_ids}


@pytest.fixture
def dag() -> DAG:
    with DAG("d") as made:
        for name in "abcdef":
            EmptyOperator(task_id=name)
    return made


def pairs(text: str) -> Edges:
    return {(pair[0], pair[1]) for pair in text.split()}


def test_chain(dag: DAG) -> None:
    a, b, c, d, e, f = dag.tasks
    chain(a, [b, c], [d, e], f)
    assert edges(dag) == pairs("ab ac bd ce df ef")


def test_chain_with_labels(dag: DAG) -> None:
    a, b, c, d, *_ = dag.tasks
    chain(a, [Label("left"), Label("right")], [b, c], Label("out"), d)
    assert edges(dag) == pairs("ab ac bd cd")
    assert dag.get_edge_info("a", "b") == {"label": "left"}
    assert dag.get_edge_info("c", "d") == {"label": "out"}


def test_chain_refuses_what_has_no_order(dag: DAG) -> None:
    a, b, c, *_ = dag.tasks
    with pytest.raises(ValueError, match="different length Iterable"):
        chain([a, b], [c])
    with pytest.raises(TypeError, match="cannot put int before int"):
        chain(1, 2)  # type: ignore[arg-type]


def test_chain_linear(dag: DAG) -> None:
    a, b, c, d, e, _ = dag.tasks
    chain_linear(a, [b, c], [d, e])
    assert edges(dag) == pairs("ab ac bd be cd ce")


@pytest.mark.parametrize("elements", [(), ("one",), ("label",)])
def test_chain_linear_wants_edges(dag: DAG, elements: tuple[str, ...]) -> None:
    real = [Label("x") if name == "label" else dag.tasks[0] for name in elements]
    with pytest.raises(ValueError, match="chain_linear"):
        chain_linear(*real)


def test_cross_downstream(dag: DAG) -> None:
    a, b, c, d, *_ = dag.tasks
    cross_downstream([a, b], [c, d])
    assert edges(dag) == pairs("ac ad bc bd")


def test_a_label_may_come_from_either_side(dag: DAG) -> None:
    a, b, c, d, *_ = dag.tasks
    a >> Label("there") >> b
    d << Label("back") << c
    [a, b] >> Label("both") >> c
    assert dag.edge_info == {
        "a": {"b": {"label": "there"}, "c": {"label": "both"}},
        "b": {"c": {"label": "both"}},
        "c": {"d": {"label": "back"}},
    }


def test_a_label_joins_tasks_only() -> None:
    with pytest.raises(TypeError, match="not EdgeModifier"):
        Label("x") >> Label("y")
    with pytest.raises(TypeError, match="not str"):
        Label("x").set_upstream("task")  # type: ignore[arg-type]


def test_a_label_between_xcoms() -> None:
    @task
    def one() -> None: ...

    with DAG("d") as made:
        one() >> Label("x") >> one()
    assert made.get_edge_info("one", "one__1") == {"label": "x"}


def test_airflow_1_10_put_tasks_into_a_dag_with_arrows() -> None:
    dag = DAG("by_arrows")
    first, second = EmptyOperator(task_id="first"), EmptyOperator(task_id="second")
    with pytest.warns(DeprecationWarning, match="in a `with dag:` block"):
        dag >> first >> second
    assert dag.task_ids == ["first", "second"]
    assert first.downstream_task_ids == {"second"}
