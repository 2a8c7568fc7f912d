"""Backfills: laid out piece by piece, run in their order within their own room, paused, cancelled and taken up again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest

from tradewind.core.runs.backfill import ReprocessBehavior
from tradewind.metadata.errors import AlreadyExistsError, InvalidRequestError
from tradewind.scheduler.backfills import desk, layout
from tradewind.serialization.messages import ComputeNextRun, RunDates

from tests.scheduler.stage import DAY, START, Stage, dag, daily, task

CUSTOM = {"type": "custom", "class": "m:Own", "data": {}, "summary": "own", "description": ""}


def unscheduled(**fields: Any) -> dict[str, Any]:
    """Return the fields of a daily DAG that makes no run of its own: its end date has passed."""
    return daily(end_date=START - DAY) | fields


def after_days(stage: Stage, days: int = 10) -> Stage:
    stage.clock.advance(days * DAY)
    return stage


def dates(stage: Stage) -> list[datetime | None]:
    return [run.logical_date for run in stage.runs()]


def test_a_backfill_runs_each_date_of_its_span(stage: Stage) -> None:
    after_days(stage).deploy(dag(tasks="a > b", **unscheduled()))
    stage.start()
    pk = stage.backfill(1, 3, dag_run_conf={"x": 1}, triggering_user_name="ann")
    stage.step(4)
    assert dates(stage) == [START + day * DAY for day in (1, 2, 3)]
    first = stage.runs()[0]
    assert (first.run_id, first.run_type.value) == ("backfill__2026-01-03T00:00:00+00:00", "backfill")
    assert (first.triggered_by, first.triggering_user_name, first.conf) == ("backfill", "ann", {"x": 1})
    assert (first.backfill_pk, first.backfill_ordinal) == (pk, 1)
    assert (first.data_interval_start, first.data_interval_end) == (START + DAY, START + 2 * DAY)
    assert stage.stored_backfill(pk).completed_at is None
    stage.end_all()
    stage.step()
    assert stage.run_states() == ["success"] * 3
    assert stage.stored_backfill(pk).completed_at == stage.clock.now()
    stage.check_caches()


def test_the_room_of_a_backfill_is_its_own(stage: Stage) -> None:
    after_days(stage).deploy(dag(**unscheduled(max_active_runs=1)))
    stage.start()
    stage.trigger()
    stage.backfill(0, 8, max_active_runs=2)
    stage.step(3)
    running = [run.run_type.value for run in stage.runs() if run.state.value == "running"]
    assert running == ["manual", "backfill", "backfill"]
    second = stage.trigger(run_id="second")
    assert stage.state("second") == "queued"
    stage.end("a", run_id="r1")
    assert stage.state("second") == "running"
    assert second in stage.scheduler.book.runs
    while stage.executor.tries:
        running = [run for run in stage.runs() if run.state.value == "running" and run.backfill_pk]
        assert len(running) <= 2
        stage.end_open()
    stage.step(2)
    assert stage.run_states() == ["success"] * 11
    stage.check_caches()


def test_backwards_the_last_date_comes_first(stage: Stage) -> None:
    after_days(stage).deploy(dag(**unscheduled()))
    stage.start()
    stage.backfill(0, 3, is_backwards=True, max_active_runs=1)
    stage.step(4)
    ran = []
    while stage.executor.tries:
        (order,) = stage.executor.tries.values()
        ran.append(order.dag_run.logical_date)
        stage.end("a")
        stage.step()
    assert ran == [START + day * DAY for day in (3, 2, 1, 0)]
    assert [run.backfill_ordinal for run in stage.runs()] == [1, 2, 3, 4]


def test_few_runs_of_a_long_backfill_are_there_at_once(sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PIECE", 7)
    stage = after_days(sqlite_stage, 80)
    stage.deploy(dag(**unscheduled()))
    stage.start()
    pk = stage.backfill(0, 60, max_active_runs=4)
    stage.step(12)
    assert stage.stored_backfill(pk).size == 61
    ended = 0
    while stage.executor.tries:
        unfinished = [run for run in stage.runs() if run.state.value in {"queued", "running"}]
        assert len(unfinished) <= 4 + desk.FEWEST_AHEAD
        stage.end_open()
        stage.step()
        ended += 1
    assert stage.run_states() == ["success"] * 61
    assert dates(stage) == [START + day * DAY for day in range(61)]
    assert stage.stored_backfill(pk).completed_at is not None


@pytest.mark.parametrize(
    ("behavior", "expected"),
    [
        (ReprocessBehavior.NONE, {"success": 1, "failed": 1, "again": 0}),
        (ReprocessBehavior.FAILED, {"success": 1, "failed": 0, "again": 1}),
        (ReprocessBehavior.COMPLETED, {"success": 0, "failed": 0, "again": 2}),
    ],
)
def test_what_becomes_of_runs_that_are_there(
    stage: Stage, behavior: ReprocessBehavior, expected: dict[str, int]
) -> None:
    after_days(stage).deploy(dag(**unscheduled()))
    stage.start()
    for day, outcome in ((1, "success"), (2, "fail_without_retry")):
        stage.trigger(run_id=f"day{day}", logical_date=START + day * DAY, conf={"mine": day})
        stage.end("a", outcome)
    pk = stage.backfill(1, 3, reprocess_behavior=behavior)
    stage.step(4)
    states = [stage.state("day1"), stage.state("day2")]
    assert {name: states.count("running" if name == "again" else name) for name in expected} == expected
    assert {run.logical_date for run in stage.runs()} == {START + day * DAY for day in (1, 2, 3)}
    stage.end_all()
    stage.step(2)
    assert stage.stored_backfill(pk).completed_at is not None
    again = [run for run in stage.runs() if run.run_id.startswith("day") and run.backfill_pk == pk]
    assert len(again) == expected["again"]
    for run in again:
        assert (run.run_type.value, run.triggered_by, run.clear_number) == ("backfill", "backfill", 1)
        assert run.conf == {"mine": int(run.run_id[-1])}
        assert stage.row("a", run.run_id).try_number == 2
    stage.check_caches()


def test_a_run_under_way_is_left_alone(stage: Stage) -> None:
    after_days(stage).deploy(dag(**unscheduled()))
    stage.start()
    stage.trigger(run_id="mine", logical_date=START + DAY)
    pk = stage.backfill(1, 1, reprocess_behavior=ReprocessBehavior.COMPLETED)
    stage.step(3)
    assert stage.stored_backfill(pk).completed_at is not None
    assert stage.run("mine").backfill_pk is None
    assert stage._select("SELECT exception_reason FROM backfill_dag_run") == [("in flight",)]


def test_pause_and_unpause(stage: Stage) -> None:
    after_days(stage).deploy(dag(**unscheduled()))
    stage.start()
    pk = stage.backfill(0, 8, max_active_runs=1)
    stage.step(3)
    stage.pause_backfill(pk)
    stage.end("a")
    assert stage.run_states().count("success") == 1
    assert not stage.executor.tries
    stage.pause_backfill(pk, is_paused=False)
    stage.end_all()
    stage.step(2)
    assert stage.run_states() == ["success"] * 9
    with pytest.raises(AlreadyExistsError, match="already completed"):
        stage.pause_backfill(pk)


def test_a_paused_dag_waits(stage: Stage) -> None:
    after_days(stage).deploy(dag(**unscheduled()), is_paused=True)
    stage.start()
    pk = stage.backfill(0, 2)
    stage.step(3)
    assert stage.runs() == []
    stage.pause(is_paused=False)
    stage.step()
    stage.end_all()
    stage.step()
    assert stage.run_states() == ["success"] * 3
    assert stage.stored_backfill(pk).completed_at is not None


def test_cancel(stage: Stage) -> None:
    after_days(stage).deploy(dag(**unscheduled()))
    stage.start()
    pk = stage.backfill(0, 8, max_active_runs=2)
    stage.step(3)
    stage.cancel_backfill(pk)
    assert stage.run_states() == ["running"] * 2 + ["failed"] * 6
    stage.end_all()
    stage.step()
    assert stage.run_states() == ["success"] * 2 + ["failed"] * 6
    stored = stage.stored_backfill(pk)
    assert (stored.is_paused, stored.completed_at) == (True, stage.clock.now())
    # A user may still clear one of its runs: it goes on within the backfill's room.
    cleared = stage.runs()[0]
    stage.clear_tasks(run_id=cleared.run_id)
    assert stage.state(cleared.run_id) == "running"
    stage.backfill(0, 1)
    stage.check_caches()


def test_a_restart_goes_on_where_the_backfill_was(stage: Stage) -> None:
    after_days(stage).deploy(dag(**unscheduled()))
    stage.start()
    pk = stage.backfill(0, 8, max_active_runs=2)
    stage.step(3)
    stage.end_open()
    stage.start()
    stage.step(2)
    stage.end_all()
    stage.step()
    assert dates(stage) == [START + day * DAY for day in range(9)]
    assert stage.run_states() == ["success"] * 9
    assert stage.stored_backfill(pk).completed_at is not None


def test_a_backfill_created_before_the_start_begins_with_it(sqlite_stage: Stage) -> None:
    stage = after_days(sqlite_stage)
    stage.deploy(dag(**unscheduled()))
    stage.backfill(0, 2)
    stage.start()
    stage.step(2)
    assert stage.run_states() == ["running"] * 3


def test_the_first_of_a_backfill_asks_no_past(stage: Stage) -> None:
    tasks = [task("a", depends_on_past=True)]
    after_days(stage).deploy(dag(tasks=tasks, **unscheduled()))
    stage.start()
    stage.trigger(run_id="earlier", logical_date=START)
    stage.end("a", "fail_without_retry")
    stage.backfill(1, 3, reprocess_behavior=ReprocessBehavior.COMPLETED)
    stage.step(4)
    assert stage.run_states() == ["failed", "running", "running", "running"]
    ran = []
    while stage.executor.tries:
        (order,) = stage.executor.tries.values()
        ran.append(order.dag_run.logical_date)
        stage.end("a")
        stage.step()
    assert ran == [START + day * DAY for day in (1, 2, 3)]


@pytest.mark.parametrize(
    ("fields", "request_fields", "message"),
    [
        ({"timetable": {"type": "null"}}, {}, "non-periodic schedule"),
        ({}, {"first": 3, "last": 1}, "must not be after"),
        ({}, {"first": 11, "last": 12}, "future dates"),
        ({}, {"max_active_runs": 0}, "at least 1"),
        ({}, {"first": 9, "last": 9, "hours": 1}, "no runs to create"),
    ],
)
def test_what_cannot_be_is_refused(
    sqlite_stage: Stage, fields: dict[str, Any], request_fields: dict[str, Any], message: str
) -> None:
    stage = after_days(sqlite_stage, 9)
    stage.deploy(dag(**unscheduled(**fields)))
    request_fields = {"first": 0, "last": 1} | request_fields
    stage.clock.advance(timedelta(hours=request_fields.pop("hours", 0)))
    with pytest.raises(InvalidRequestError, match=message):
        stage.backfill(**request_fields)


@pytest.mark.parametrize(
    ("request_fields", "message"),
    [
        ({"is_backwards": True, "reprocess_behavior": ReprocessBehavior.FAILED}, "cannot run backwards"),
        ({}, "choose the reprocess behavior"),
    ],
)
def test_depends_on_past_is_refused_where_it_cannot_hold(
    sqlite_stage: Stage, request_fields: dict[str, Any], message: str
) -> None:
    stage = after_days(sqlite_stage)
    stage.deploy(dag(tasks=[task("a", depends_on_past=True)], **unscheduled()))
    with pytest.raises(InvalidRequestError, match=message):
        stage.backfill(0, 1, **request_fields)


def test_only_one_backfill_of_a_dag_at_a_time(stage: Stage) -> None:
    after_days(stage).deploy(dag(**unscheduled()))
    stage.start()
    stage.backfill(0, 1)
    with pytest.raises(AlreadyExistsError, match="another backfill"):
        stage.backfill(2, 3)


# ---- timetables of authors -------------------------------------------------------------------------------------------


def run_dates(day: int) -> RunDates:
    start = START + day * DAY
    return RunDates(run_after=start + DAY, interval_start=start, interval_end=start + DAY)


def answer(stage: Stage, *days: int) -> ComputeNextRun:
    """Answer the open question of a backfill with runs for these days."""
    question = next(question for question in stage.executor.questions.values() if question.count > 1)
    first, *following = [run_dates(day) for day in days]
    stage.executor.answer(
        question,
        run_after=first.run_after,
        interval_start=first.interval_start,
        interval_end=first.interval_end,
        following=tuple(following),
    )
    stage.step(3)
    return question


def test_an_authors_timetable_is_asked_piece_by_piece(sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PIECE", 2)
    stage = after_days(sqlite_stage)
    stage.deploy(dag(timetable=CUSTOM))
    stage.start()
    pk = stage.backfill(0, 9, is_backwards=True)
    question = answer(stage, 0, 2)
    assert (question.count, question.last_interval_start, question.latest) == (2, None, START + 9 * DAY)
    question = answer(stage, 4, 20)
    assert question.last_interval_start == START + 2 * DAY
    assert dates(stage) == [START + day * DAY for day in (4, 2, 0)]
    assert stage.stored_backfill(pk).is_laid_out


def test_an_authors_timetable_that_fails_ends_the_backfill_with_its_message(
    sqlite_stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage = after_days(sqlite_stage)
    stage.deploy(dag(timetable=CUSTOM))
    stage.start()
    pk = stage.backfill(0, 9)
    with caplog.at_level(logging.ERROR):
        for _ in range(layout.MAX_QUESTIONS):
            question = next(q for q in stage.executor.questions.values() if q.count > 1)
            stage.executor.answer(question, error="ValueError: no")
            stage.step()
            stage.advance(layout.ASK_AGAIN_S)
    stored = stage.stored_backfill(pk)
    assert stored.error == "its timetable failed: ValueError: no"
    assert stored.completed_at is not None
    assert f"backfill {pk} of DAG d ends" in caplog.text
