from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tradewind import DAG, EmptyOperator, PythonOperator, TaskGroup, XComArg, task
from tradewind.sdk.definitions.taskflow import (
    DecoratedOperator,
    register_task_decorator,
    result,
    task_decorator_factory,
)


@pytest.fixture
def dag() -> Any:
    with DAG("d", default_args={"retries": 2}) as made:
        yield made


@task
def add(a: int, b: int = 1) -> int:
    """Adds."""
    return a + b


def test_a_call_makes_a_task_and_gives_its_result(dag: DAG) -> None:
    result = add(1, b=2)
    assert isinstance(result, XComArg)
    made: Any = dag.get_task("add")
    assert (made.op_args, made.op_kwargs) == ((1,), {"b": 2})
    assert (made.task_type, made.operator_name) == ("_PythonDecoratedOperator", "@task")
    assert (made.retries, made.doc_md) == (2, "Adds.")
    assert add.__wrapped__(1) == add.function(1) == 2


def test_results_make_upstream_tasks(dag: DAG) -> None:
    first = add(1)
    second = add(first, b=add(2))
    listed = PythonOperator(task_id="p", python_callable=print, op_args=[[first], {"deep": (second,)}])
    assert dag.get_task("add__2").upstream_task_ids == {"add", "add__1"}
    assert listed.upstream_task_ids == {"add", "add__2"}


def test_ids_of_repeated_calls_count_up(dag: DAG) -> None:
    for _ in range(3):
        add(1)
    with TaskGroup("g"):
        add(1)
        add(1)
    assert dag.task_ids == ["add", "add__1", "add__2", "g.add", "g.add__1"]
    add.override(task_id="add__1")(1)
    assert dag.task_ids[-1] == "add__3"


def test_override_leaves_the_original_alone(dag: DAG) -> None:
    other = add.override(task_id="other", retries=9, multiple_outputs=True)
    other(1)
    add(1)
    assert (dag.get_task("other").retries, dag.get_task("add").retries) == (9, 2)
    assert (dag.get_task("other").multiple_outputs, dag.get_task("add").multiple_outputs) == (True, False)


def test_arguments_of_the_decorator(dag: DAG) -> None:
    @task(task_id="named", pool="p", multiple_outputs=True, doc_md="own")
    def anything() -> None:
        """Not shown."""

    anything()
    made = dag.get_task("named")
    assert (made.pool, made.multiple_outputs, made.doc_md) == ("p", True, "own")


class _Dict(dict):  # type: ignore[type-arg]
    pass


def returns_dict() -> dict[str, int]: ...  # type: ignore[empty-body]
def returns_mapping() -> Mapping[str, int]: ...  # type: ignore[empty-body]
def returns_subclass() -> _Dict: ...  # type: ignore[empty-body]
def returns_int() -> int: ...  # type: ignore[empty-body]
def returns_unknown() -> Nowhere: ...  # type: ignore[name-defined]  # noqa: F821
def returns_none() -> None: ...
def returns_unsaid(): ...  # type: ignore[no-untyped-def]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (returns_dict, True),
        (returns_mapping, True),
        (returns_subclass, True),
        (returns_int, False),
        (returns_unknown, False),
        (returns_none, False),
        (returns_unsaid, False),
    ],
)
def test_multiple_outputs_are_read_off_the_annotation(function: Any, expected: bool) -> None:
    assert task(function).multiple_outputs is expected
    assert task(multiple_outputs=False)(function).multiple_outputs is False


@pytest.mark.parametrize(
    ("args", "kwargs", "says"),
    [
        ((), {}, "missing a required argument: 'a'"),
        ((1, 2, 3), {}, "too many positional"),
        ((1,), {"a": 1}, "multiple values for argument 'a'"),
        ((1,), {"c": 1}, "unexpected keyword argument 'c'"),
    ],
)
def test_calls_are_checked_when_the_file_is_read(dag: DAG, args: Any, kwargs: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        add(*args, **kwargs)


def test_context_keys_are_filled_when_the_task_runs(dag: DAG) -> None:
    @task
    def wants(ds: str, value: int, ti: Any = None, **context: Any) -> None: ...

    wants(value=1, anything="else")
    with pytest.raises(TypeError, match="missing a required argument: 'value'"):
        wants()

    @task
    def stubborn(ds: str = "2024") -> None: ...

    with pytest.raises(ValueError, match="'ds' is a key of the context"):
        stubborn()


def test_default_args_fill_arguments_of_the_function() -> None:
    with DAG("d", default_args={"b": 5}) as made:
        add(1)
    filled: Any = made.get_task("add")
    assert filled.op_kwargs == {"b": 5}


def test_methods_cannot_be_tasks() -> None:
    with pytest.raises(TypeError, match="does not support methods"):

        class Holder:
            @task
            def method(self) -> None: ...

    with pytest.raises(TypeError, match="keyword arguments only"):
        task("name")


def test_kinds_of_tasks(dag: DAG) -> None:
    @task.branch
    def choose() -> str:
        return "x"

    @task.short_circuit(task_id="stop")
    def decide() -> bool:
        return True

    @task.bash
    def command() -> str:
        return "true"

    @task.python
    def plain() -> None: ...

    for one in (choose, decide, command, plain):
        one()
    assert [one.operator_name for one in dag.tasks] == ["@task.branch", "@task.short_circuit", "@task.bash", "@task"]
    with pytest.raises(AttributeError, match=r"no task decorator @task\.nothing; there are: bash, branch"):
        _ = task.nothing


def test_providers_bring_kinds_of_their_own(dag: DAG) -> None:
    class Loud(DecoratedOperator, PythonOperator):
        custom_operator_name = "@task.loud"

        def __init__(self, *, python_callable: Any, volume: int = 1, **kwargs: Any) -> None:
            super().__init__(
                kwargs_to_upstream={"python_callable": python_callable}, python_callable=python_callable, **kwargs
            )
            self.volume = volume

    def loud_task(python_callable: Any = None, **kwargs: Any) -> Any:
        return task_decorator_factory(python_callable, decorated_operator_class=Loud, **kwargs)

    register_task_decorator("loud", loud_task)

    @task.loud(volume=11)
    def shout() -> None: ...

    shout()
    made: Any = dag.get_task("shout")
    assert (made.volume, made.operator_name) == (11, "@task.loud")


def test_a_dag_has_the_decorators_too() -> None:
    made = DAG("d")

    @made.task
    def one() -> None: ...

    @made.task.bash(task_id="two")
    def other() -> str:
        return "true"

    one()
    other()
    assert made.task_ids == ["one", "two"]


def test_results_can_be_put_into_order(dag: DAG) -> None:
    start, end = EmptyOperator(task_id="start"), EmptyOperator(task_id="end")
    start >> add(1) >> end
    [add(2), add(3)] >> end
    assert end.upstream_task_ids == {"add", "add__1", "add__2"}
    assert start.downstream_task_ids == {"add"}


def test_source_without_decorators(dag: DAG) -> None:
    operator: Any = add(1).operator
    assert operator.get_python_source().startswith("def add(a: int, b: int = 1) -> int:\n")


def test_result_marks_every_task_of_the_function() -> None:
    @result
    @task
    def one(x: int = 0) -> int:
        return x

    with DAG("d") as made:
        one()
        one.override(task_id="other")()
        one.expand(x=[1, 2])
    assert [each.returns_dag_result for each in made.tasks] == [True, True, True]
    with pytest.raises(TypeError, match="@result must be used on top of a @task-decorated function"):
        result(lambda: None)
