"""Operators that ask people: what may be asked, what is put, and what an answer does."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from tradewind import DAG, EmptyOperator
from tradewind.sdk import deprecations
from tradewind.sdk.definitions.param import Param
from tradewind.sdk.exceptions import RemovedInAirflow4Warning
from tradewind.sdk.humans.operators import ApprovalOperator, HITLBranchOperator, HITLEntryOperator, HITLOperator
from tradewind.sdk.notifier import BaseNotifier
from tradewind.sdk.toolkit.configuration import AirflowConfigParser
from tradewind.serialization.human_answers import answer_event, too_late_event
from tradewind.serialization.messages import Finished, HumanQuestion, Resumption
from tradewind.xcom.values import decode_value

from tests.sdk.stage import DAY, Stage

ANN = {"id": "ann", "name": "Ann"}
NOW = datetime(2024, 3, 5, 12, tzinfo=timezone.utc)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def operator(stage: Stage, cls: Any = HITLOperator, **fields: Any) -> Any:
    if cls is HITLOperator:
        fields.setdefault("options", ["yes", "no"])
    return cls(task_id="ask", dag=stage.dag, **{"subject": "Well?", **fields})


def question(end: Finished) -> HumanQuestion:
    assert end.outcome == "awaiting_input", end.error
    assert end.deferral is not None
    assert end.deferral.question is not None
    return end.deferral.question


def answered(stage: Stage, task: Any, *options: str, **form: Any) -> Finished:
    event = answer_event(options, form, NOW, ANN)
    return stage.run(task, resumption=Resumption(next_method="execute_complete", event=event))


def result(end: Finished) -> Any:
    assert end.outcome == "success", end.error
    return next(decode_value(xcom.value) for xcom in end.xcoms if xcom.key == "return_value")


@pytest.mark.parametrize(
    ("cls", "fields", "said"),
    [
        (HITLOperator, {"options": []}, '"options" cannot be empty'),
        (HITLOperator, {"defaults": ["maybe"]}, "should be a subset of options"),
        (HITLOperator, {"defaults": ["yes", "no"]}, "More than one defaults"),
        (HITLOperator, {"params": {"_options": 1}}, '"_options" is not allowed'),
        (ApprovalOperator, {"options": ["x"]}, "Passing options to ApprovalOperator is not allowed"),
        (ApprovalOperator, {"multiple": True}, "Passing multiple to ApprovalOperator is not allowed"),
        (HITLBranchOperator, {"options": ["a"], "options_mapping": {"b": "t"}}, r"not in `options`: \['b'\]"),
        (HITLBranchOperator, {"options": ["a"], "options_mapping": {"a": 1}}, r"must be strings \(task_ids\)"),
    ],
)
def test_questions_that_make_no_sense_are_import_errors(
    stage: Stage, cls: type, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        operator(stage, cls, **fields)


def test_the_question_is_put_as_it_is_rendered(stage: Stage) -> None:
    task = operator(
        stage,
        subject="Ship {{ ds }}?",
        body="**{{ run_id }}**",
        defaults="no",
        params={"n": Param(3, type="integer", description="how many")},
        assigned_users=ANN,
    )
    put = question(stage.run(task))
    assert (put.subject, put.body, put.options, put.defaults) == ("Ship 2024-03-05?", "**r**", ["yes", "no"], ["no"])
    assert put.multiple is False
    assert put.assigned_users == [ANN]
    assert put.params == {"n": {"value": 3, "description": "how many", "schema": {"type": "integer"}}}


def test_params_of_the_dag_are_no_fields_of_the_form() -> None:
    stage = Stage()
    stage.dag = DAG("d", start_date=DAY, schedule=None, params={"of_dag": 1})
    assert list(question(stage.run(operator(stage, params={"n": 1}))).params) == ["n"]


@pytest.mark.parametrize("defaults", [None, ["no"]])
def test_the_time_limit_says_what_happens_without_an_answer(stage: Stage, defaults: list[str] | None) -> None:
    end = stage.run(operator(stage, defaults=defaults, response_timeout=timedelta(hours=1), params={"n": 1}))
    assert end.deferral is not None
    assert end.deferral.due_at is not None
    assert end.deferral.due_outcome == "event"
    event = decode_value(end.deferral.due_payload or b"")
    if defaults is None:
        assert event["error_type"] == "timeout"
    else:
        assert (event["chosen_options"], event["params_input"], event["timedout"]) == (["no"], {"n": 1}, True)
        assert event["responded_by_user"] is None


def test_without_a_limit_a_question_waits_for_ever(stage: Stage) -> None:
    end = stage.run(operator(stage, defaults=["no"]))
    assert end.deferral is not None
    assert (end.deferral.due_at, end.deferral.due_payload) == (None, None)


def test_an_execution_timeout_is_taken_for_the_answers_and_said_to_be_deprecated(stage: Stage) -> None:
    with pytest.warns(RemovedInAirflow4Warning, match="use response_timeout="):
        task = operator(stage, execution_timeout=timedelta(minutes=5))
    assert (task.response_timeout, task.execution_timeout) == (timedelta(minutes=5), None)
    deprecations.drain_deprecations()


def test_the_answer_is_the_tasks_xcom(stage: Stage) -> None:
    task = operator(stage, params={"n": Param(3, type="integer")})
    assert result(answered(stage, task, "yes", n=4)) == {
        "chosen_options": ["yes"],
        "params_input": {"n": 4},
        "responded_at": NOW,
        "responded_by_user": ANN,
    }
    assert task.hitl_summary["responded_at"] == NOW.isoformat()
    assert task.hitl_summary["options"] == ["yes", "no"]


@pytest.mark.parametrize(
    ("options", "form", "said"),
    [
        (["maybe"], {"n": 1}, "not in ['yes', 'no']"),
        (["yes"], {"m": 1}, "does not match params"),
        (["yes"], {"n": "x"}, "'x' is not of type 'integer'"),
    ],
)
def test_an_answer_that_makes_no_sense_fails_the_task(
    stage: Stage, options: list[str], form: dict[str, Any], said: str
) -> None:
    end = answered(stage, operator(stage, params={"n": Param(3, type="integer")}), *options, **form)
    assert end.outcome == "failed"
    assert said in str(end.error)


def test_nobody_answers_and_there_are_no_defaults(stage: Stage) -> None:
    task = operator(stage)
    end = stage.run(task, resumption=Resumption(next_method="execute_complete", event=too_late_event()))
    assert end.outcome == "failed"
    assert "HITLTimeoutError" in str(end.error)
    assert task.hitl_summary["error_type"] == "timeout"
    other = msgspec.json.encode({"error": "no", "error_type": "unknown"})
    end = stage.run(task, resumption=Resumption(next_method="execute_complete", event=other))
    assert "HITLTriggerEventError" in str(end.error)


class Noting(BaseNotifier):
    """Notes what it is told."""

    template_fields = ("word",)

    def __init__(self, notes: list[str], word: str) -> None:
        super().__init__()
        self.notes = notes
        self.word = word

    def notify(self, context: Any) -> None:
        """Note it."""
        self.notes.append(f"{self.word} {context['task'].generate_link_to_ui_from_context(context=context)}")


def test_notifiers_are_told_with_the_address_of_the_question(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Options are read once for a process.
    monkeypatch.setattr(AirflowConfigParser, "get", lambda *_args, **_kwargs: "http://there:8080")
    notes: list[str] = []
    question(stage.run(operator(stage, notifiers=Noting(notes, "{{ task.subject }}"))))
    assert notes == ["Well? http://there:8080/dags/d/runs/r/tasks/ask/required_actions?map_index=-1"]


def test_an_address_may_fill_in_the_answer(stage: Stage) -> None:
    task = operator(stage, params={"n": 1})
    ti = type("Instance", (), {"dag_id": "d", "run_id": "r", "task_id": "ask", "map_index": -1})()
    link = task.generate_link_to_ui(task_instance=ti, base_url="http://x/", options="yes", params_input={"n": 2})
    assert link.endswith("/dags/d/runs/r/tasks/ask/required_actions?_options=%5B%27yes%27%5D&n=2&map_index=-1")
    for arguments in ({"options": "maybe"}, {"params_input": {"m": 1}}):
        with pytest.raises(ValueError, match=r"maybe|m"):
            task.generate_link_to_ui(task_instance=ti, base_url="http://x", **arguments)
    with pytest.raises(ValueError, match="is no HITLOperator"):
        HITLOperator.generate_link_to_ui_from_context(context={"task": EmptyOperator(task_id="e")})


def skipped(end: Finished) -> list[str]:
    return sorted(end.skip_task_ids)


def test_an_approval(stage: Stage) -> None:
    task = operator(stage, ApprovalOperator)
    task >> EmptyOperator(task_id="next", dag=stage.dag) >> EmptyOperator(task_id="later", dag=stage.dag)
    assert question(stage.run(task)).options == ["Approve", "Reject"]
    assert result(answered(stage, task, "Approve"))["chosen_options"] == ["Approve"]
    assert task.hitl_summary["approved"] is True
    assert result(answered(stage, task, "Reject"))["chosen_options"] == ["Reject"]
    assert task.hitl_summary["approved"] is False
    assert skipped(answered(stage, task, "Reject")) == ["next"]
    task.ignore_downstream_trigger_rules = True
    assert skipped(answered(stage, task, "Reject")) == ["later", "next"]
    task.fail_on_reject = True
    end = answered(stage, task, "Reject")
    assert end.outcome == "failed"
    assert "HITLRejectException" in str(end.error)


def test_a_branch_by_task_id_or_by_label(stage: Stage) -> None:
    task = operator(
        stage, HITLBranchOperator, options=["a", "the b", "c"], options_mapping={"the b": "b"}, multiple=True
    )
    for name in "abc":
        task >> EmptyOperator(task_id=name, dag=stage.dag)
    end = answered(stage, task, "a", "the b")
    assert result(end) == ["a", "b"]
    assert skipped(end) == ["c"]
    assert task.hitl_summary["branches_to_execute"] == ["a", "b"]


def test_a_form_has_one_button_unless_others_are_given(stage: Stage) -> None:
    task = operator(stage, HITLEntryOperator, params={"n": Param(1, type="integer")})
    put = question(stage.run(task))
    assert (put.options, put.defaults) == (["OK"], ["OK"])
    assert result(answered(stage, task, "OK", n=2))["params_input"] == {"n": 2}
    named = operator(Stage(), HITLEntryOperator, options=["send", "drop"])
    assert (named.options, named.defaults) == (["send", "drop"], None)
