"""Tasks that run, or not, by a condition on the context."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind import DAG, task

from tests.sdk.stage import Stage


def work() -> int:
    return 1


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize(
    ("decorator", "answer", "outcome", "message"),
    [
        (task.run_if, True, "success", None),
        (task.run_if, False, "skipped", "Task was skipped due to condition."),
        (task.run_if, (False, "not today"), "skipped", "not today"),
        (task.run_if, (True, "not today"), "success", None),
        (task.run_if, (False, None), "skipped", "Task was skipped due to condition."),
        (task.skip_if, True, "skipped", "Task was skipped due to condition."),
        (task.skip_if, False, "success", None),
        (task.skip_if, (True, "not today"), "skipped", "not today"),
    ],
)
def test_a_condition_decides(stage: Stage, decorator: Any, answer: Any, outcome: str, message: str | None) -> None:
    seen: list[str] = []

    def condition(context: Any) -> Any:
        seen.append(context["ds"])
        return answer

    with stage.dag:

        @decorator(condition)
        @task
        def work() -> int:
            return 1

        made = work().operator
    finished = stage.run(made)
    assert (finished.outcome, finished.error, seen) == (outcome, message, ["2024-03-05"])


def test_conditions_and_a_hook_of_the_authors_are_asked_in_order(stage: Stage) -> None:
    asked: list[str] = []

    def says(name: str, answer: bool) -> Any:
        return lambda _context: [asked.append(name), answer][1]

    with stage.dag:

        @task.skip_if(says("last", False))
        @task.run_if(says("second", True), skip_message="never")
        @task.bash(pre_execute=says("first", True))
        def work() -> str:
            return "exit 0"

        made = work().operator
    assert stage.run(made).outcome == "success"
    assert asked == ["first", "second", "last"]


def test_a_message_of_its_own(stage: Stage) -> None:
    with stage.dag:
        made = task.skip_if(lambda _: True, skip_message="holiday")(task(work))().operator
    assert stage.run(made).error == "holiday"


@pytest.mark.parametrize(("name", "decorator"), [("run_if", task.run_if), ("skip_if", task.skip_if)])
def test_a_condition_stands_above_the_task_decorator(name: str, decorator: Any) -> None:
    with pytest.raises(TypeError, match=f"decorate with @task before @{name}"):
        decorator(lambda _: True)(print)


def test_a_condition_of_a_dags_own_decorators() -> None:
    with DAG("d") as dag:
        dag.task.run_if(lambda _: True)(dag.task(work))()
    assert len(dag.task_ids) == 1
