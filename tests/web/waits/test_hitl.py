"""Questions of tasks over the REST API: found, read, and answered once."""

from __future__ import annotations

import pytest

from tradewind.core.states import TaskInstanceState as S
from tradewind.core.transitions import Event
from tradewind.metadata.batch import Batch, NewDeferral, Question

from tests.web.conftest import Client, Scheduler

RUN = "/api/v2/dags/chain/dagRuns/r1"
DETAIL = f"{RUN}/taskInstances/a/-1/hitlDetails"


@pytest.fixture
def asked(client: Client, scheduler: Scheduler) -> Client:
    """Let the first task of a run ask something."""
    client.post("/api/v2/dags/chain/dagRuns", {"dag_run_id": "r1", "logical_date": None})
    world = scheduler.world
    number = scheduler.start("chain", "r1", S.RUNNING)[0]
    move = world.move(number, S.AWAITING_INPUT, Event.ASK_HUMAN)
    question = Question(
        subject="Ship it?",
        body="*all* of it",
        options='["yes","no"]',
        defaults=None,
        multiple=False,
        params='{"n":{"value":1,"description":null,"schema":{"type":"integer"}}}',
        assigned_users='[{"id":"reader","name":"Reader"}]',
    )
    wait = NewDeferral(number, move.version, 1, "", b"{}", "execute_complete", b"{}", question=question)
    assert not world.commit(Batch(transitions=[move], deferrals=[wait])).stale_task_instances
    return client


def test_a_question_is_listed_and_read(asked: Client) -> None:
    found = asked.get("/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false&state=awaiting_input")
    assert found["total_entries"] == 1
    (detail,) = found["hitl_details"]
    assert (detail["subject"], detail["options"], detail["multiple"]) == ("Ship it?", ["yes", "no"], False)
    assert detail["params"] == {"n": {"value": 1, "description": None, "schema": {"type": "integer"}}}
    assert (detail["task_instance"]["task_id"], detail["task_instance"]["state"]) == ("a", "awaiting_input")
    assert (detail["response_received"], detail["chosen_options"]) == (False, None)
    assert asked.get(DETAIL) == detail
    assert asked.get(f"{DETAIL}/tries/1")["task_instance"]["try_number"] == 1
    for query in ("response_received=true", "subject_search=other", "task_id=b", "dag_id_pattern=zz"):
        assert asked.get(f"{RUN}/hitlDetails?{query}")["total_entries"] == 0
    assert asked.call("GET", f"{RUN}/taskInstances/b/-1/hitlDetails").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"chosen_options": ["maybe"]}, 400, "Invalid options"),
        ({"chosen_options": ["yes", "no"]}, 400, "only a single option"),
        ({"chosen_options": ["yes"], "params_input": {"n": "x"}}, 400, "field 'n' of the form"),
        ({"chosen_options": []}, 422, "choose at least one"),
    ],
)
def test_an_answer_has_to_fit(asked: Client, body: object, status: int, said: str) -> None:
    answer = asked.call("PATCH", DETAIL, json=body)
    assert (answer.status_code, said in answer.text) == (status, True)


def test_it_is_answered_once(asked: Client) -> None:
    answer = asked.patch(DETAIL, {"chosen_options": ["yes"], "params_input": {"n": 2}})
    assert (answer["chosen_options"], answer["params_input"]) == (["yes"], {"n": 2})
    assert answer["responded_by"] == {"id": "admin", "name": "admin"}
    assert asked.get(DETAIL)["responded_by_user"] == {"id": "admin", "name": "admin"}
    assert asked.get(f"{RUN}/hitlDetails?responded_by_user_id=admin")["total_entries"] == 1
    again = asked.call("PATCH", DETAIL, json={"chosen_options": ["no"]})
    assert again.status_code == 409
    asked.sign_in("reader")
    assert asked.call("PATCH", DETAIL, json={"chosen_options": ["no"]}).status_code == 403
