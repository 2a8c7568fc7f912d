"""Task instances that wait outside the workers: parked, resumed, timed out, ended, and found again after a crash."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError
from tradewind.metadata.waits.humans import (
    NotAssignedError,
    QuestionDetail,
    QuestionFilter,
    answer_question,
    get_question,
    list_questions,
)
from tradewind.metadata.waits.triggers import ClaimedTrigger, FiredTrigger, TriggerStore
from tradewind.serialization.document import StartTriggerDocument
from tradewind.serialization.human_answers import too_late_event
from tradewind.serialization.messages import FAIL_METHOD, Deferral, HumanQuestion, RunTask

from tests.scheduler.stage import R, S, Stage, dag, task

OWNER = 7
JOE = {"id": "joe", "name": "Joe"}


def triggers(stage: Stage, owner: int = OWNER) -> TriggerStore:
    return TriggerStore(stage.database, stage.clock, owner, "here", 30.0)


def claimed(stage: Stage) -> list[ClaimedTrigger]:
    return triggers(stage).claim(100)


def fire(stage: Stage, outcome: str = "event", payload: bytes | None = b'"e"') -> None:
    triggers(stage).fire([FiredTrigger(one, outcome, payload) for one in triggers(stage).own()])
    if stage.is_scheduling:
        stage.hear_all()


def rows(stage: Stage) -> list[Any]:
    return stage._select("SELECT state, try_number FROM trigger ORDER BY pk")


def defer(stage: Stage, task_id: str = "a", **fields: Any) -> RunTask:
    values: dict[str, Any] = {"classpath": "x.Trigger", "kwargs": b'{"k":1}', "next_method": "go_on"} | fields
    return stage.end(task_id, "deferred", deferral=Deferral(**values))


def ask(stage: Stage, **fields: Any) -> None:
    question = HumanQuestion(
        subject="why?", options=["y", "n"], params={"p": {"value": 1}}, **fields.pop("question", {})
    )
    stage.end("a", "awaiting_input", deferral=Deferral(next_method="heard", question=question, **fields))


def question(stage: Stage) -> QuestionDetail:
    return get_question(stage.database, "d", "r1", "a")


def begin(stage: Stage, tasks: str = "a > b", **fields: Any) -> None:
    stage.deploy(dag(tasks=tasks, **fields))
    stage.start()
    stage.trigger()


def test_a_deferred_try_goes_on_with_the_event(stage: Stage) -> None:
    begin(stage)
    stage.clock.advance(5)
    first = defer(stage, next_kwargs=b'{"a":2}')
    began = stage.row("a").started_at
    assert stage.states() == {"a": "deferred", "b": "none"}
    assert stage.scheduler.limits.usage()["used"] == 0
    (one,) = claimed(stage)
    assert (one.classpath, one.kwargs, one.is_killed, one.starts_task) == ("x.Trigger", b'{"k":1}', False, False)
    assert one.waiter is not None
    assert (one.waiter.ti_pk, one.waiter.try_number, one.waiter.dag_run.run_id) == (first.ti_pk, 1, "r1")
    assert claimed(stage) == []
    stage.clock.advance(5)
    fire(stage)
    order = stage.order("a")
    assert (order.try_number, order.first_started_at) == (1, began)
    assert order.resumption is not None
    assert order.resumption == msgspec.convert(
        {"next_method": "go_on", "next_kwargs": b'{"a":2}', "event": b'"e"'}, type(order.resumption)
    )
    stage.end("a")
    stage.end("b")
    assert (stage.state(), rows(stage)) == ("success", [])
    assert stage.row("a").started_at == began
    assert stage.events("a") == ["schedule", "enqueue", "start", "defer", "resume", "enqueue", "start", "succeed"]


def test_a_try_may_be_deferred_more_than_once(stage: Stage) -> None:
    begin(stage, "a")
    defer(stage)
    claimed(stage)
    fire(stage)
    defer(stage, next_method="third", due_at=None)
    assert len(claimed(stage)) == 1
    assert rows(stage) == [("waiting", 1)]
    fire(stage)
    order = stage.order("a")
    assert order.resumption is not None
    assert (order.resumption.next_method, order.try_number) == ("third", 1)


@pytest.mark.parametrize(
    ("outcome", "payload", "said"),
    [("error", b'["line"]', {"error": "Trigger failure", "traceback": ["line"]}), ("timeout", None, None)],
)
def test_a_wait_that_fails_lets_the_try_go_on_in_order_to_fail(
    stage: Stage, outcome: str, payload: bytes | None, said: Any
) -> None:
    begin(stage, "a")
    defer(stage, due_at=stage.clock.now() + timedelta(minutes=1))
    claimed(stage)
    if outcome == "error":
        fire(stage, outcome, payload)
    else:
        stage.advance(59)
        assert stage.states() == {"a": "deferred"}
        stage.advance(1)
        assert triggers(stage).own() == {}
    resumption = stage.order("a").resumption
    assert resumption is not None
    assert resumption.next_method == FAIL_METHOD
    assert msgspec.json.decode(resumption.next_kwargs) == (said or {"error": "Trigger timeout"})
    stage.end("a", "failed")
    assert (stage.state(), rows(stage)) == ("failed", [])


@pytest.mark.parametrize("ending", ["success", "skipped", "failed"])
def test_a_trigger_may_end_its_task(stage: Stage, ending: str) -> None:
    stage.deploy(dag(tasks=[task("a", callbacks=("on_failure_callback", "on_success_callback"))]))
    stage.start()
    stage.trigger()
    ti_pk = defer(stage).ti_pk
    claimed(stage)
    fire(stage, ending, b'{"return_value":{"x":1}}' if ending == "success" else None)
    assert stage.states() == {"a": ending}
    assert stage.xcoms(ti_pk) == ({"return_value": b'{"x":1}'} if ending == "success" else {})
    expected = {"success": "on_success_callback", "failed": "on_failure_callback"}
    assert stage.stored_callbacks() == ([expected[ending]] if ending in expected else [])
    assert rows(stage) == []


def test_a_task_ended_as_failed_by_its_trigger_is_tried_again(stage: Stage) -> None:
    stage.deploy(dag(tasks=[task("a", retries=1, retry_delay_s=60.0)]))
    stage.start()
    stage.trigger()
    defer(stage)
    claimed(stage)
    fire(stage, "failed", None)
    assert stage.states() == {"a": "up_for_retry"}
    stage.advance(61)
    order = stage.order("a")
    assert (order.try_number, order.resumption) == (2, None)


def test_a_wait_for_a_moment_needs_no_triggerer(stage: Stage) -> None:
    begin(stage, "a")
    at = stage.clock.now() + timedelta(hours=1)
    defer(stage, is_timed=True, due_at=at, due_outcome="event", due_payload=b'"then"')
    assert claimed(stage) == []
    stage.start()
    stage.advance(3599)
    assert stage.states() == {"a": "deferred"}
    stage.advance(1)
    resumption = stage.order("a").resumption
    assert resumption is not None
    assert resumption.event == b'"then"'


def test_a_moment_may_end_the_task(sqlite_stage: Stage) -> None:
    begin(sqlite_stage, "a")
    at = sqlite_stage.clock.now() + timedelta(hours=1)
    defer(sqlite_stage, is_timed=True, due_at=at, due_outcome="success")
    sqlite_stage.advance(3600)
    assert sqlite_stage.state() == "success"


def test_a_task_may_begin_with_its_trigger(stage: Stage) -> None:
    start = StartTriggerDocument(classpath="x.Trigger", kwargs={"k": 2}, next_method="go_on", timeout_s=60.0)
    stage.deploy(dag(tasks=[task("a", start_trigger=start)]))
    stage.start()
    stage.trigger()
    assert (stage.states(), stage.tries()) == ({"a": "deferred"}, [])
    (one,) = claimed(stage)
    assert (one.kwargs, one.starts_task) == (b'{"k":2}', True)
    fire(stage)
    order = stage.order("a")
    assert order.try_number == 1
    assert order.resumption is not None
    stage.end("a")
    assert stage.state() == "success"


@pytest.mark.parametrize("moment", ["waiting", "fired", "resumed"])
def test_after_a_crash_everybody_waits_or_goes_on_as_before(stage: Stage, moment: str) -> None:
    begin(stage, "a")
    defer(stage, due_at=stage.clock.now() + timedelta(minutes=1))
    claimed(stage)
    if moment == "fired":
        stage.crash()
        fire(stage)
    elif moment == "resumed":
        stage.pause()
        fire(stage)
        assert stage.states() == {"a": "scheduled"}
    stage.start()
    if moment == "resumed":
        stage.pause(is_paused=False)
    if moment == "waiting":
        stage.advance(61)
    resumption = stage.order("a").resumption
    assert resumption is not None
    assert resumption.next_method == (FAIL_METHOD if moment == "waiting" else "go_on")
    stage.end("a")
    assert (stage.state(), rows(stage)) == ("success", [])


def test_a_worker_that_is_lost_before_it_began_leaves_the_resumption_to_the_next(sqlite_stage: Stage) -> None:
    begin(sqlite_stage, "a")
    defer(sqlite_stage)
    claimed(sqlite_stage)
    fire(sqlite_stage)
    sqlite_stage.executor.lose(sqlite_stage.order("a"), was_started=False)
    sqlite_stage.step(2)
    assert sqlite_stage.order("a").resumption is not None


@pytest.mark.parametrize("how", ["clear", "success", "failed", "run"])
def test_a_user_who_ends_a_deferred_task_has_its_trigger_killed(stage: Stage, how: str) -> None:
    begin(stage, "a")
    defer(stage)
    (one,) = claimed(stage)
    if how == "clear":
        stage.clear_tasks("a")
    elif how == "run":
        stage.mark_run(R.FAILED)
    else:
        stage.mark(S(how), "a")
    stage.hear_all()
    assert triggers(stage).own() == {one.trigger_pk: True}
    triggers(stage).fire([FiredTrigger(one.trigger_pk, "event", b"1")])
    stage.hear_all()
    assert stage.states() == {"a": {"clear": "queued", "run": "failed"}.get(how, how)}
    triggers(stage).bury([one.trigger_pk])
    assert rows(stage) == []
    if how == "clear":
        assert (stage.order("a").try_number, stage.order("a").resumption) == (2, None)


def test_a_trigger_that_nobody_had_is_claimed_to_be_killed(stage: Stage) -> None:
    begin(stage, "a")
    defer(stage)
    stage.mark(S.FAILED, "a")
    (one,) = claimed(stage)
    assert one.is_killed


def test_the_end_of_a_run_cancels_its_triggers(stage: Stage) -> None:
    stage.deploy(dag(tasks="a", dagrun_timeout_s=60.0))
    stage.start()
    stage.trigger()
    defer(stage)
    claimed(stage)
    stage.advance(61)
    assert (stage.states(), stage.state()) == ({"a": "skipped"}, "failed")
    assert (rows(stage), triggers(stage).own()) == ([], {})


def test_a_late_event_of_a_wait_before_does_nothing(stage: Stage) -> None:
    begin(stage, "a")
    defer(stage)
    (one,) = claimed(stage)
    fire(stage)
    defer(stage, next_method="second")
    triggers(stage).fire([FiredTrigger(one.trigger_pk, "event", b'"late"')])
    stage.hear_all()
    assert stage.states() == {"a": "deferred"}


def test_triggers_of_a_triggerer_that_is_gone_are_taken_over(stage: Stage) -> None:
    begin(stage, "a, b")
    defer(stage, "a")
    assert len(triggers(stage, 3).claim(10)) == 1
    defer(stage, "b")
    assert {one.waiter.task_id for one in triggers(stage, 4).claim(10) if one.waiter} == {"a", "b"}


def test_a_triggerer_takes_no_more_than_it_may_and_of_its_queues_only(stage: Stage) -> None:
    begin(stage, "a, b, c")
    for task_id in "abc":
        defer(stage, task_id, queue="q" if task_id == "c" else "default")
    assert [one.waiter.task_id for one in triggers(stage).claim(5, {"q"}) if one.waiter] == ["c"]
    assert len(triggers(stage).claim(1)) == 1
    assert triggers(stage).claim(0) == []
    triggers(stage).give_back()
    assert len(triggers(stage, 8).claim(5)) == 3


# ---- humans ------------------------------------------------------------------------------------------------------------


def test_an_answer_lets_the_task_go_on(stage: Stage) -> None:
    begin(stage, "a")
    ask(stage)
    assert stage.states() == {"a": "awaiting_input"}
    assert claimed(stage) == []
    found, total = list_questions(stage.database, QuestionFilter(is_answered=False))
    assert (total, found[0].question.subject, found[0].question.options) == (1, "why?", ["y", "n"])
    answered = answer_question(stage.database, stage.clock, question(stage), ["y"], {"p": 2}, JOE)
    stage.hear_all()
    assert (answered.chosen_options, answered.params_input, answered.responded_by) == (["y"], {"p": 2}, JOE)
    resumption = stage.order("a").resumption
    assert resumption is not None
    event = msgspec.json.decode(resumption.event or b"")
    assert (event["chosen_options"], event["params_input"], event["timedout"]) == (["y"], {"p": 2}, False)
    assert event["responded_by_user"] == JOE
    stage.end("a")
    assert stage.state() == "success"
    for which, count in (
        (QuestionFilter(is_answered=False), 0),
        (QuestionFilter(responded_by_ids=["joe"]), 1),
        (QuestionFilter(responded_by_names=["Ann"]), 0),
        (QuestionFilter(subject_search="WHY"), 1),
        (QuestionFilter(task_id_pattern="b"), 0),
    ):
        assert list_questions(stage.database, which)[1] == count


def test_an_answer_counts_once_and_has_to_fit(stage: Stage) -> None:
    begin(stage, "a")
    ask(stage, question={"assigned_users": [JOE]})
    asked = question(stage)

    def answer(options: list[str], form: dict[str, Any], user: dict[str, str]) -> None:
        answer_question(stage.database, stage.clock, asked, options, form, user)

    with pytest.raises(NotAssignedError, match=r"User=Ann \(id=ann\) is not a respondent"):
        answer(["y"], {}, {"id": "ann", "name": "Ann"})
    for options, form, said in (
        (["x"], {}, "Invalid options"),
        (["y", "n"], {}, "only a single option"),
        ([], {}, "no option is chosen"),
        (["y"], {"q": 1}, "the form has the fields"),
    ):
        with pytest.raises(InvalidRequestError, match=said):
            answer(options, form, JOE)
    answer(["y"], {}, JOE)
    with pytest.raises(AlreadyExistsError, match="already been updated"):
        answer(["n"], {}, JOE)


@pytest.mark.parametrize("has_defaults", [True, False])
def test_nobody_answers(stage: Stage, has_defaults: bool) -> None:
    begin(stage, "a")
    payload = b'{"chosen_options":["n"],"params_input":{"p":1}}' if has_defaults else too_late_event()
    ask(stage, due_at=stage.clock.now() + timedelta(minutes=1), due_outcome="event", due_payload=payload)
    stage.start()
    stage.advance(61)
    resumption = stage.order("a").resumption
    assert resumption is not None
    assert resumption.event == payload
    asked = question(stage)
    assert (asked.chosen_options, asked.responded_by) == (["n"] if has_defaults else None, None)
    assert (asked.responded_at is not None) == has_defaults


def test_a_task_that_is_cleared_asks_anew(stage: Stage) -> None:
    begin(stage, "a")
    ask(stage)
    old = question(stage)
    stage.clear_tasks("a")
    stage.hear_all()
    assert (stage.states(), rows(stage)) == ({"a": "queued"}, [])
    ask(stage)
    answer_question(stage.database, stage.clock, old, ["y"], {}, JOE)
    stage.hear_all()
    assert stage.states() == {"a": "awaiting_input"}
    assert get_question(stage.database, "d", "r1", "a", try_number=1).chosen_options == ["y"]
    assert question(stage).chosen_options is None
