"""Functions in another Python that is there: what crosses, and what becomes of their end."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
import pytest

from tradewind import DAG, EmptyOperator, task
from tradewind.sdk.exceptions import AirflowException, DeserializingResultError
from tradewind.sdk.virtualenvs import exchange
from tradewind.sdk.virtualenvs.operators import BranchExternalPythonOperator, ExternalPythonOperator

from tests.sdk.stage import DAY, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


def external(stage: Stage, function: Any, **arguments: Any) -> ExternalPythonOperator:
    return ExternalPythonOperator(
        task_id="t", dag=stage.dag, python_callable=function, **{"python": sys.executable, **arguments}
    )


def value_of(stage: Stage, operator: Any, **fields: Any) -> Any:
    from tradewind.sdk.ports import xcom_codec

    finished = stage.run(operator, **fields)
    assert finished.error is None
    return xcom_codec().decode_value(finished.xcoms[0].value) if finished.xcoms else None


def describe(number: int, *, text: str, ds: str, params: dict[str, Any], logical_date: Any, ti: Any = None) -> Any:
    import os
    import sys

    assert ti is None
    kind = f"{type(logical_date).__module__}.{type(logical_date).__name__}"
    return {
        "own process": os.getpid(),
        "script": os.path.basename(sys.argv[0]),  # noqa: PTH119 - as an author may
        "arguments": [number, text, ds, params, kind, virtualenv_string_args],  # type: ignore[name-defined]  # noqa: F821
        "date": logical_date,
    }


def test_a_function_is_called_in_another_process(stage: Stage) -> None:
    import os

    stage.dag.params["p"] = 5
    operator = external(stage, describe, op_args=[1], op_kwargs={"text": "{{ ds }}"}, string_args=["a", 2])
    found = value_of(stage, operator)
    assert found["own process"] != os.getpid()
    assert found["script"] == "script.py"
    kind = "pendulum.datetime.DateTime"
    assert found["arguments"] == [1, "2024-03-05", "2024-03-05", {"p": 5}, kind, ["a", "2"]]
    assert found["date"] == DAY


def everything(**context: Any) -> list[str]:
    return sorted(context)


def test_a_function_that_takes_everything_gets_what_can_cross(stage: Stage) -> None:
    found = value_of(stage, external(stage, everything, op_kwargs={"own": 1}, templates_dict={"a": "{{ ds }}"}))
    assert {"own", "ds", "params", "templates_dict", "data_interval_start", "run_id"} <= set(found)
    assert not {"ti", "task", "dag", "dag_run", "macros", "conf", "next_ds", "execution_date"} & set(found)


def needs_more(ds: str, dag_run: Any) -> None: ...


def test_what_cannot_cross_is_named(stage: Stage) -> None:
    error = stage.run(external(stage, needs_more)).error
    assert error == (
        "TypeError: task 't' cannot call needs_more(): no value for 'dag_run'; it is neither in op_args or op_kwargs nor "
        "a key of the context"
    )

    class Local:
        pass

    other = Stage()
    finished = other.run(external(other, everything, op_kwargs={"good": 1, "bad": Local()}))
    assert "cannot be handed to another Python with pickle: bad (" in str(finished.error)


def fails() -> None:
    raise LookupError("no such thing")


def leaves(code: int) -> None:
    import sys

    sys.exit(code)


@pytest.mark.parametrize(
    ("function", "arguments", "outcome", "error"),
    [
        (fails, {}, "failed", "AirflowException: Process returned non-zero exit status 1."),
        (leaves, {"op_args": [7]}, "failed", "CalledProcessError: Command '["),
        (leaves, {"op_args": [7], "skip_on_exit_code": 7}, "skipped", "Process exited with code 7. Skipping."),
        (leaves, {"op_args": [7], "skip_on_exit_code": [5, 7]}, "skipped", "Process exited with code 7. Skipping."),
        (leaves, {"op_args": [7], "skip_on_exit_code": 5}, "failed", "CalledProcessError: Command '["),
        (leaves, {"op_args": [0], "skip_on_exit_code": 0}, "skipped", "Process exited with code 0. Skipping."),
        (leaves, {"op_args": [0]}, "success", ""),
    ],
)
def test_what_becomes_of_its_end(stage: Stage, function: Any, arguments: Any, outcome: str, error: str) -> None:
    finished = stage.run(external(stage, function, **arguments))
    assert finished.outcome == outcome
    assert str(finished.error or "").startswith(error)


def test_the_message_of_the_function_is_told(stage: Stage) -> None:
    with pytest.raises(AirflowException, match=r"exit status 1\.\nno such thing"):
        external(stage, fails).run_in(Path(sys.executable))


def environment() -> list[str]:
    import os

    return [name for name in ("GIVEN", "INHERITED") if name in os.environ]


@pytest.mark.parametrize(("inherits", "expected"), [(True, ["GIVEN", "INHERITED"]), (False, ["GIVEN"])])
def test_the_environment(stage: Stage, monkeypatch: pytest.MonkeyPatch, inherits: bool, expected: list[str]) -> None:
    monkeypatch.setenv("INHERITED", "1")
    operator = external(stage, environment, env_vars={"GIVEN": "1"}, inherit_env=inherits)
    assert value_of(stage, operator) == expected


def uses_airflow() -> str:
    from airflow.exceptions import AirflowSkipException  # pyright: ignore[reportMissingImports]

    return AirflowSkipException.__module__


def test_airflow_is_offered_where_it_is(stage: Stage) -> None:
    assert value_of(stage, external(stage, uses_airflow)) == "tradewind.sdk.exceptions"


async def waits() -> int:
    return 5


def test_an_async_function_is_run_to_its_end(stage: Stage) -> None:
    assert value_of(stage, external(stage, waits)) == 5


def test_the_decorator_takes_the_function_without_itself() -> None:
    with DAG("d", start_date=DAY, schedule=None) as dag:

        @task.external_python(
            python=sys.executable,
            retries=2,
        )
        def inner(text: str) -> dict[str, str]:
            # a comment
            reaching = """to the left
# and a line that looks like a comment
"""
            return {"given": text, "doc": reaching.splitlines()[1]}

        @task
        def after(given: dict[str, str]) -> str:
            return given["doc"]

        after(inner("a"))
    made: Any = dag.get_task("inner")
    assert (made.operator_name, made.retries, made.multiple_outputs) == ("@task.external_python", 2, True)
    run = dag.test()
    assert run.state == "success"
    assert run.get_task_instance("after").xcom_pull(task_ids="after") == "# and a line that looks like a comment"


def choose(ds: str) -> str:
    return "right" if ds == "2024-03-05" else "left"


def test_a_branch_is_chosen(stage: Stage) -> None:
    with stage.dag:
        branch = BranchExternalPythonOperator(task_id="b", python_callable=choose, python=sys.executable)
        branch >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
    assert stage.run(branch).skip_task_ids == ("left",)


def test_a_branch_is_chosen_by_a_decorated_function(stage: Stage) -> None:
    with stage.dag:

        @task.branch_external_python(python=sys.executable)
        def pick() -> list[str]:
            return ["left"]

        picked: Any = pick()
        picked >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
    assert picked.operator.inherits_from_skipmixin
    assert stage.run(picked.operator).skip_task_ids == ("right",)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"python": ""}, ValueError, "Python Path must be defined"),
        ({"python_callable": lambda: 1}, ValueError, "only supports functions"),
        ({"python_callable": print}, ValueError, "only supports functions"),
        ({"serializer": "json"}, AirflowException, "unsupported serializer 'json'; expected one of 'pickle', 'dill'"),
    ],
)
def test_arguments_that_make_no_sense(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ExternalPythonOperator(**{"task_id": "t", "python": sys.executable, "python_callable": everything, **arguments})


def yields() -> Any:
    yield 1


def test_a_generator_cannot_cross(stage: Stage) -> None:
    with pytest.raises(ValueError, match="'yield'"):
        external(stage, yields)
    with pytest.warns(DeprecationWarning, match="serializer='dill'"):
        assert external(stage, everything, use_dill=True).serializer == "dill"


@pytest.mark.parametrize(
    ("path", "message"),
    [("/nowhere/python", "Python Path '/nowhere/python' must exists"), ("/", "Python Path '/' must be a file")],
)
def test_a_python_that_is_none(stage: Stage, path: str, message: str) -> None:
    assert stage.run(external(stage, everything, python=path)).error == f"ValueError: {message}"


def test_a_process_can_be_stopped(stage: Stage) -> None:
    operator = external(stage, everything)
    operator.on_kill()
    assert stage.run(operator).outcome == "success"
    operator.on_kill()


DATES = [
    pendulum.datetime(2024, 3, 5, 12, 30, 1, 5),
    pendulum.datetime(2024, 7, 5, tz="Europe/Paris"),
    pendulum.datetime(2024, 7, 5, tz=pendulum.FixedTimezone(5400)),
    DAY,
]


def test_dates_cross(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    exchange.dump({"dates": DATES, "delta": timedelta(1)}, path, "pickle")
    found = exchange.load(path, "pickle")
    assert found == {"dates": DATES, "delta": timedelta(1)}
    assert [type(date) for date in found["dates"]] == [type(date) for date in DATES]
    assert [date.utcoffset() for date in found["dates"]] == [date.utcoffset() for date in DATES]


def test_dates_cross_to_where_there_is_no_pendulum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "x")
    exchange.dump(DATES, path, "pickle")
    monkeypatch.setitem(sys.modules, "pendulum", None)
    found = exchange.load(path, "pickle")
    assert found == DATES
    assert {type(date).__module__ for date in found} == {"datetime"}
    assert [date.utcoffset() for date in found] == [date.utcoffset() for date in DATES]


def test_a_result_that_cannot_be_read_says_so(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"no pickle")
    with pytest.raises(DeserializingResultError, match=r"another Python version.*invalid load key"):
        external(stage, everything)._read_result(tmp_path / "out")
