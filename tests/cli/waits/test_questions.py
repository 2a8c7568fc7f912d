"""`tradewind tasks questions` and `answer`, and `dags test --answer`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tradewind.core.states import TaskInstanceState as S
from tradewind.core.transitions import Event
from tradewind.metadata.batch import Batch, NewDeferral, Question
from tradewind.metadata.runs import get_task_instance
from tradewind.metadata.waits.humans import get_question
from tradewind.serialization.document import TaskDocument

from tests.cli.conftest import CommandLine
from tests.metadata.conftest import World

RUN = "scheduled__2026-03-01T00:00:00+00:00"
DAG_FILE = """
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLEntryOperator, HITLOperator
from airflow.sdk import DAG, Param, task

with DAG("asks", schedule=None):
    approve = ApprovalOperator(task_id="approve", subject="Ship it?")
    form = HITLEntryOperator(task_id="form", subject="How many?", params={"n": Param(1, type="integer")})

    @task
    def told(form, **context):
        print("n is", form["params_input"]["n"], "by", (form["responded_by_user"] or {}).get("name"))

    approve >> form
    told(form.output)
"""


@pytest.fixture
def asked(world: World) -> World:
    """Return a world in which task `a` asks something."""
    world.add_dag("etl", (TaskDocument(task_id="a", task_type="X"), TaskDocument(task_id="b", task_type="X")))
    number = world.start(world.new_run("etl"))[0]
    world.bring(number, S.RUNNING)
    move = world.move(number, S.AWAITING_INPUT, Event.ASK_HUMAN)
    put = Question(
        subject="Ship it?",
        body=None,
        options='["yes","no"]',
        defaults=None,
        multiple=False,
        params='{"n":{"value":1,"description":null,"schema":{"type":"integer"}}}',
        assigned_users='[{"id":"joe","name":"Joe"}]',
    )
    wait = NewDeferral(number, move.version, 1, "", b"{}", "execute_complete", b"{}", question=put)
    assert not world.commit(Batch(transitions=[move], deferrals=[wait])).stale_task_instances
    return world


def rows(tradewind: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    return json.loads(tradewind.ok("tasks", "questions", *arguments, "--output", "json"))


def test_questions_are_listed_until_they_are_answered(tradewind: CommandLine, asked: World) -> None:
    (row,) = rows(tradewind)
    assert {name: row[name] for name in ("dag_id", "run_id", "task_id", "subject", "options")} == {
        "dag_id": "etl",
        "run_id": RUN,
        "task_id": "a",
        "subject": "Ship it?",
        "options": "yes, no",
    }
    assert rows(tradewind, "--dag-id", "other") == []
    said = tradewind("tasks", "answer", "etl", RUN, "a", "yes", "--params", '{"n": 2}')
    assert (said.code, said.err) == (0, f"Task a of run {RUN} goes on with yes\n")
    found = get_question(asked.database, "etl", RUN, "a")
    assert (found.chosen_options, found.params_input) == (["yes"], {"n": 2})
    assert found.responded_by is not None
    assert rows(tradewind, "--dag-id", "etl") == []
    assert [row["answer"] for row in rows(tradewind, "--all")] == ["yes"]
    # The scheduler takes it from here.
    assert [row.outcome for row in asked.store.load_fired()] == ["event"]
    assert get_task_instance(asked.database, "etl", RUN, "a").state is S.AWAITING_INPUT
    assert "already been updated" in tradewind.refused("tasks", "answer", "etl", RUN, "a", "no")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a", "maybe"), "Invalid options ['maybe']"),
        (("a", "yes", "no"), "only a single option"),
        (("a", "yes", "--params", "[1]"), "--params has to be a JSON object"),
        (("a", "yes", "--params", "{"), "--params is no JSON"),
        (("a", "yes", "--params", '{"m": 1}'), "the form has the fields ['n'], not ['m']"),
        (("a", "yes", "--params", '{"n": "x"}'), "field 'n' of the form"),
        (("b", "yes"), "task 'b' in run"),
        (("z", "yes"), "no task instance 'z'"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(
    tradewind: CommandLine, asked: World, arguments: tuple[str, ...], said: str
) -> None:
    assert said in tradewind.refused("tasks", "answer", "etl", RUN, *arguments)
    assert get_question(asked.database, "etl", RUN, "a").chosen_options is None


# ---- dags test -------------------------------------------------------------------------------------------------------


@pytest.fixture
def dag_file(migrated_home: Path) -> Path:
    file = migrated_home / "dags" / "asks.py"
    file.write_text(DAG_FILE)
    return file


def states(answer: Any) -> dict[str, str]:
    return json.loads(answer.out.splitlines()[-1])["tasks"]


def run_with(tradewind: CommandLine, *answers: str) -> Any:
    given = [part for answer in answers for part in ("--answer", answer)]
    return tradewind("dags", "test", "asks", *given, "--output", "json")


def test_answers_are_given_on_the_command_line(tradewind: CommandLine, dag_file: Path) -> None:
    form = {"chosen_options": ["OK"], "params_input": {"n": 5}}
    answer = run_with(tradewind, "approve=Approve", f"form={json.dumps(form)}")
    assert answer.code == 0, answer
    assert "n is 5 by test" in answer.out
    assert set(states(answer).values()) == {"success"}


def test_a_refusal_skips(tradewind: CommandLine, dag_file: Path) -> None:
    answer = run_with(tradewind, "approve=Reject")
    assert states(answer) == {"approve": "success", "form": "skipped", "told": "skipped"}


def test_without_an_answer_the_defaults_count_and_without_defaults_the_task_fails(
    tradewind: CommandLine, dag_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answer = run_with(tradewind, "approve=Approve")
    assert "n is 1 by None" in answer.out
    answer = run_with(tradewind)
    assert answer.code == 1
    assert states(answer)["approve"] == "failed"
    assert "give --answer approve=OPTION" in caplog.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("approve=Perhaps", "Invalid options ['Perhaps']"),
        ('approve={"x": 1}', "an answer in JSON is"),
        ("approve", "write TASK_ID=OPTION"),
    ],
)
def test_an_answer_on_the_command_line_that_makes_no_sense(
    tradewind: CommandLine, dag_file: Path, given: str, said: str
) -> None:
    answer = run_with(tradewind, given)
    assert answer.code == 1
    assert said in answer.err.splitlines()[-1]
