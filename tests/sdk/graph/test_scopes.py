"""The edges that `with` blocks of setups and teardowns imply, held against those that Airflow 3.3.2 drew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tradewind import DAG, EmptyOperator, task, task_group
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.graph.scopes import SetupTeardownContext, context_wrapper
from tradewind.sdk.operators.setup_teardown import setup, teardown

PROGRAMS = json.loads((Path(__file__).parent / "golden" / "with_blocks.json").read_text())["programs"]


def open_block(form: str, number: int) -> Any:
    """Make the setups and teardowns of a block; return what it is opened with."""
    setups = [EmptyOperator(task_id=f"s{number}{letter}") for letter in ("ab" if form == "two setups" else "a")]
    if form == "lone setup":
        return setups[0].as_setup()
    teardowns = [EmptyOperator(task_id=f"t{number}{letter}") for letter in ("ab" if form == "two teardowns" else "a")]
    if form == "lone teardown":
        return teardowns[0].as_teardown()
    if form == "far":
        setups[0].as_setup() >> EmptyOperator(task_id=f"m{number}") >> teardowns[0].as_teardown()
        return setups[0]
    for one in teardowns:
        one.as_teardown(setups=setups)
    if form == "pair":
        return setups[0] >> teardowns[0]
    if form in {"two setups", "two teardowns"}:
        return context_wrapper(setups if form == "two setups" else teardowns)
    return setups[0] if form == "setup" else teardowns[0]


def carry_out(steps: list[Any], tasks: dict[str, Any], scope: Any = None) -> None:
    """Carry out the steps of a block, as the program that asked Airflow did."""
    for step in steps:
        if step[0] == "task":
            _, name, before = step
            tasks[name] = EmptyOperator(task_id=name)
            if before is not None:
                tasks[before] >> tasks[name]
        elif step[0] == "add":
            if scope is not None and scope.active:
                scope.add_task(tasks[step[1]])
        else:
            _, form, number, inner = step
            with open_block(form, number) as inner_scope:
                carry_out(inner, tasks, inner_scope)


def edges(dag: DAG) -> list[str]:
    return sorted(f"{one.task_id} {after}" for one in dag.task_dict.values() for after in one.downstream_task_ids)


def test_blocks_imply_the_edges_that_airflow_draws() -> None:
    assert len(PROGRAMS) == 400
    for steps, expected in PROGRAMS:
        with DAG("d") as dag:
            carry_out(steps, {})
        assert edges(dag) == sorted(expected), steps
        assert not SetupTeardownContext.active
        assert SetupTeardownContext._members == {}


@pytest.fixture
def dag() -> Any:
    with DAG("d") as made:
        yield made
    assert not SetupTeardownContext.active


@setup
def prepare(size: int = 1) -> int:
    """Prepares."""
    return size


@teardown
def clean(size: int) -> None: ...


@task
def work() -> None: ...


def test_the_decorators_make_setups_and_teardowns(dag: DAG) -> None:
    with clean(prepare(2)):
        work()
        work()
    made = dag.task_dict
    assert (made["prepare"].is_setup, made["clean"].is_teardown, made["work"].is_setup) == (True, True, False)
    assert (made["clean"].trigger_rule, made["clean"].on_failure_fail_dagrun) == ("all_done_setup_success", False)
    assert made["prepare"].doc_md == "Prepares."
    assert edges(dag) == ["prepare clean", "prepare work", "prepare work__1", "work clean", "work__1 clean"]


def test_a_setup_with_its_teardown_as_one_expression(dag: DAG) -> None:
    with prepare() >> EmptyOperator(task_id="end").as_teardown() as scope:
        inner = work()
    other = EmptyOperator(task_id="other")
    assert edges(dag) == ["prepare end", "prepare work", "work end"]
    with pytest.raises(AirflowException, match="outside the context manager"):
        scope.add_task(other)
    assert inner.operator.downstream_task_ids == {"end"}


def test_tasks_made_before_can_be_put_in(dag: DAG) -> None:
    before, after = work(), EmptyOperator(task_id="after")
    with EmptyOperator(task_id="end").as_teardown(setups=prepare()) as scope:
        scope.add_task(before)
        scope.add_task(after)
    assert edges(dag) == ["after end", "prepare after", "prepare end", "prepare work", "work end"]


def test_decorators_on_other_decorators(dag: DAG) -> None:
    @teardown(on_failure_fail_dagrun=True)
    @task.bash(retries=4)
    def remove() -> str:
        return "exit 0"

    remove.override(task_id="again")()
    remove.override(task_id="kinder", on_failure_fail_dagrun=False)()
    prepare.override(task_id="first")()
    made = dag.task_dict
    assert (made["again"].is_teardown, made["again"].on_failure_fail_dagrun, made["again"].retries) == (True, True, 4)
    assert (made["kinder"].is_teardown, made["kinder"].on_failure_fail_dagrun) == (True, False)
    assert made["first"].is_setup


def test_what_cannot_be_a_setup_or_open_a_block(dag: DAG) -> None:
    @task.branch
    def choose() -> None: ...

    with pytest.raises(ValueError, match="Trigger rule not configurable"):
        clean.override(trigger_rule="all_done")(1)
    with pytest.raises(AirflowException, match="Task groups cannot be marked"):
        setup(task_group(lambda: None, group_id="g"))
    with pytest.raises(RuntimeError, match="only setup and teardown tasks"), EmptyOperator(task_id="a"):
        pass
    with pytest.raises(AirflowException, match="only setup and teardown tasks"), choose():
        pass
    with pytest.raises(AirflowException, match="Only setup/teardown"), context_wrapper([work()]):
        pass
    mixed = [prepare(), EmptyOperator(task_id="e").as_teardown()]
    with pytest.raises(ValueError, match="either setup or teardown"), context_wrapper(mixed):
        pass
    with pytest.raises(ValueError, match="cannot be a setup"):
        dag.get_task("e").as_setup()


def test_an_error_in_a_block_ends_all_blocks(dag: DAG) -> None:
    def fail() -> None:
        work()
        raise KeyError("author's")

    with pytest.raises(KeyError), prepare(), clean(1):
        fail()
    assert edges(dag) == []
    other = DAG("other")
    with pytest.raises(RuntimeError, match="another DAG"), prepare.override(task_id="p")():
        EmptyOperator(task_id="elsewhere", dag=other)
    assert not SetupTeardownContext.active


def test_a_run_with_setups_and_teardowns() -> None:
    with DAG("run", schedule=None) as dag:

        @task
        def bad() -> None:
            raise ValueError("work")

        @task(trigger_rule="all_done")
        def after() -> None: ...

        @teardown
        def broken() -> None:
            raise ValueError("teardown")

        with broken().as_teardown(setups=prepare()):
            bad() >> after()
        EmptyOperator(task_id="beside")
    run = dag.test()
    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    assert states == {
        "prepare": "success",
        "bad": "failed",
        "after": "success",
        "broken": "failed",
        "beside": "success",
    }
    # A teardown's own failure does not count, nor does that of a task with others after it.
    assert run.state == "success"
