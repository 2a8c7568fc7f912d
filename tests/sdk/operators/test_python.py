from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tradewind import DAG, PythonOperator, task
from tradewind.sdk.exceptions import AirflowException

from tests.sdk.operators.fakes import run


def operator(function: Any, **kwargs: Any) -> PythonOperator:
    with DAG("d"):
        return PythonOperator(task_id="t", python_callable=function, **kwargs)


def test_the_function_gets_its_arguments_and_returns_the_result() -> None:
    assert run(operator(lambda a, b: a - b, op_args=[5], op_kwargs={"b": 3}))[0] == 2


def test_parameters_named_as_context_keys_are_filled() -> None:
    def function(ds: str, ti: Any, given: int = 0) -> tuple[str, Any, int]:
        return ds, ti, given

    result, instance = run(operator(function, op_kwargs={"given": 7}))
    assert result == ("2024-01-01", instance, 7)


def test_keywords_get_the_whole_context() -> None:
    result, instance = run(operator(lambda **context: context, op_kwargs={"x": 1}, templates_dict={"t": 2}))
    assert (result["ti"], result["x"], result["templates_dict"], result["ds"]) == (instance, 1, {"t": 2}, "2024-01-01")


def test_arguments_win_over_the_context_and_leave_it_alone() -> None:
    made = operator(lambda ds, task: (ds, task), op_kwargs={"ds": "mine", "task": "also mine"})
    assert run(made)[0] == ("mine", "also mine")


def test_templates_dict_is_a_context_key() -> None:
    assert run(operator(lambda templates_dict: templates_dict["a"], templates_dict={"a": 1}))[0] == 1


def test_what_cannot_be_filled_is_named() -> None:
    def function(known: int, ds: str, unknown: str, *, another: str) -> None: ...

    with pytest.raises(TypeError, match=r"task 't' cannot call function\(\): no value for 'unknown', 'another'"):
        run(operator(function, op_kwargs={"known": 1}))


def test_a_positional_argument_named_as_a_context_key_is_refused() -> None:
    with pytest.raises(ValueError, match="'ds'"):
        run(operator(lambda ds: ds, op_args=["x"]))


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(AirflowException, match="must be callable; task 't' has 'print'"):
        operator("print")


def test_generators_and_coroutines_are_run_to_their_end() -> None:
    def numbers() -> Any:
        yield 1
        yield 2

    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x

    assert run(operator(numbers))[0] == [1, 2]
    assert run(operator(later, op_args=[3]))[0] == 3


def test_the_result_is_logged_unless_it_should_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run(operator(lambda: "shown value"))
    run(operator(lambda: "hidden value", show_return_value_in_logs=False))
    assert "shown value" in caplog.text
    assert "hidden value" not in caplog.text


def test_template_endings_are_per_task() -> None:
    assert operator(print, templates_exts=[".sql"]).template_ext == [".sql"]
    assert operator(print).template_ext == ()


def test_taskflow_tasks_run_the_function() -> None:
    @task
    def add(a: int, b: int, ds: Any = None) -> str:
        return f"{a + b} on {ds}"

    with DAG("d"):
        made = add(1, b=2).operator
    assert run(made)[0] == "3 on 2024-01-01"


def test_subclasses_may_call_the_function_their_own_way() -> None:
    class Twice(PythonOperator):
        def execute_callable(self) -> Any:
            return [super().execute_callable(), super().execute_callable()]

    with DAG("d"):
        made = Twice(task_id="t", python_callable=lambda x: x, op_args=[1])
    assert run(made)[0] == [1, 1]
