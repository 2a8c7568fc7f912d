from __future__ import annotations

from typing import Any

import pytest

from tradewind import DAG, BaseOperator, EmptyOperator, XComArg
from tradewind.sdk.exceptions import XComNotFound


class _Reader(BaseOperator):
    template_fields = ("source", "more")

    def __init__(self, *, source: Any = None, more: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.more = more


class _Pushed:
    """As much of a task instance as a reference asks."""

    dag_id = "d"

    def __init__(self, values: dict[tuple[str, str], Any]) -> None:
        self.values = values

    def xcom_pull(self, *, task_ids: str, key: str, default: Any) -> Any:
        return self.values.get((task_ids, key), default)


@pytest.fixture
def task() -> EmptyOperator:
    with DAG("d"):
        return EmptyOperator(task_id="t")


def test_output_and_its_keys(task: EmptyOperator) -> None:
    assert task.output == XComArg(task)
    assert task.output["k"] == XComArg(task, "k")
    assert task.output["k"] != task.output
    assert task.output != 1
    assert len({task.output, XComArg(task), task.output["k"]}) == 2
    assert repr(task.output["k"]) == "XComArg(<Task(EmptyOperator): t>, 'k')"
    with pytest.raises(ValueError, match="a string, got int: 1"):
        task.output[1]  # type: ignore[index]
    with pytest.raises(TypeError, match="cannot be unpacked"):
        list(task.output)


def test_in_a_text_it_is_a_template(task: EmptyOperator) -> None:
    assert f"x {task.output['k']}" == "x {{ task_instance.xcom_pull(task_ids='t', dag_id='d', key='k') }}"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: x,
        lambda x: [1, [x]],
        lambda x: {"a": {"b": x}},
        lambda x: ("a", (x,)),
        lambda x: {x},
    ],
    ids=["itself", "list", "dict", "tuple", "set"],
)
def test_it_is_found_anywhere_in_a_template_field(task: EmptyOperator, wrap: Any) -> None:
    reader = _Reader(task_id="r", source=wrap(task.output), dag=task.dag)
    assert reader.upstream_task_ids == {"t"}


def test_it_is_found_in_a_task_in_a_template_field(task: EmptyOperator) -> None:
    inner = _Reader(task_id="inner", source=task.output, dag=task.dag)
    outer = _Reader(task_id="outer", more=[inner], dag=task.dag)
    assert outer.upstream_task_ids == {"t"}


def test_assigning_it_later_makes_an_upstream_task_too(task: EmptyOperator) -> None:
    reader = _Reader(task_id="r", dag=task.dag)
    reader.source = {"x": task.output}
    reader.unknown = task.output
    assert reader.upstream_task_ids == {"t"}
    running: Any = _Reader(task_id="s", dag=task.dag).prepare_for_execution()
    running.source = task.output
    assert running.upstream_task_ids == set()


def test_resolving(task: EmptyOperator) -> None:
    context = {"ti": _Pushed({("t", "return_value"): 5, ("t", "k"): None})}
    assert task.output.resolve(context) == 5
    assert task.output["k"].resolve(context) is None
    nothing = {"ti": _Pushed({})}
    assert task.output.resolve(nothing) is None
    with pytest.raises(XComNotFound, match="no XCom 'k' of task 't' in DAG 'd'"):
        task.output["k"].resolve(nothing)
    task.multiple_outputs = True
    assert task.output["k"].resolve(nothing) is None


def test_setup_and_teardown_go_to_the_task(task: EmptyOperator) -> None:
    other = EmptyOperator(task_id="o", dag=task.dag)
    assert task.output.as_setup() == task.output
    other.output.as_teardown(setups=task, on_failure_fail_dagrun=True)
    assert (task.output.is_setup, other.output.is_teardown, other.output.on_failure_fail_dagrun) == (True, True, True)
    assert other.upstream_task_ids == {"t"}
    other.output.on_failure_fail_dagrun = False
    other.output.is_teardown = False
    task.output.is_setup = False
    assert (task.is_setup, other.is_teardown, other.on_failure_fail_dagrun) == (False, False, False)
