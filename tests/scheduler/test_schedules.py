"""Scheduled runs: when they are created, how many, and what pausing, dates and other timetables make of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tradewind.metadata.batch import Batch, CommitResult
from tradewind.scheduler.creation import ASK_AGAIN_S
from tradewind.serialization.messages import ComputeNextRun

from tests.scheduler.stage import DAY, START, Stage, dag, daily

CUSTOM = {"type": "custom", "class": "m:Own", "data": {}, "summary": "own", "description": ""}


def dates(stage: Stage, dag_id: str = "d") -> list[datetime | None]:
    """Return the logical dates of the DAG's runs in the order of their creation."""
    return [run.logical_date for run in stage.runs(dag_id)]


def test_a_run_is_created_at_the_end_of_its_interval(stage: Stage) -> None:
    stage.deploy(dag(**daily()))
    stage.start()
    assert stage.runs() == []
    detail = stage.dag_store.get_dag("d")
    assert (detail.next_run_after, detail.next_interval_start) == (START + DAY, START)
    stage.advance(DAY - timedelta(seconds=1))
    assert stage.runs() == []
    stage.advance(1)
    (run,) = stage.runs()
    assert (run.run_id, run.run_type.value) == ("scheduled__2026-01-02T00:00:00+00:00", "scheduled")
    assert (run.logical_date, run.data_interval_start, run.data_interval_end) == (START, START, START + DAY)
    assert (run.run_after, run.state.value, run.triggered_by) == (START + DAY, "running", "timetable")
    assert stage.dag_store.get_dag("d").next_run_after == START + 2 * DAY
    stage.end_all()
    stage.advance(DAY)
    assert stage.run_states() == ["success", "running"]
    stage.check_caches()


def test_catchup_creates_every_missed_run_within_max_active_runs(stage: Stage) -> None:
    stage.clock.advance(5 * DAY)
    stage.deploy(dag(**daily(catchup=True, max_active_runs=2)))
    stage.start()
    assert dates(stage) == [START, START + DAY]
    assert stage.run_states() == ["running", "running"]
    stage.end("a", run_id=stage.runs()[0].run_id)
    assert stage.run_states() == ["success", "running", "running"]
    stage.end_all()
    assert dates(stage) == [START + index * DAY for index in range(5)]
    assert stage.run_states() == ["success"] * 5
    assert stage.dag_store.get_dag("d").next_run_after == START + 6 * DAY
    stage.check_caches()


def test_without_catchup_only_the_newest_missed_run_is_created(stage: Stage) -> None:
    stage.clock.advance(5 * DAY + timedelta(hours=1))
    stage.deploy(dag(**daily()))
    stage.start()
    assert dates(stage) == [START + 4 * DAY]
    stage.end_all()
    assert dates(stage) == [START + 4 * DAY]


def test_a_restart_goes_on_where_the_schedule_was(stage: Stage) -> None:
    stage.clock.advance(2 * DAY)
    stage.deploy(dag(**daily(catchup=True)))
    stage.start()
    stage.end_all()
    stage.start()
    assert dates(stage) == [START, START + DAY]
    stage.crash()
    stage.clock.advance(2 * DAY)
    stage.start()
    assert dates(stage) == [START + index * DAY for index in range(4)]


def test_no_run_after_the_end_date(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(**daily(catchup=True, end_date=START + DAY)))
    stage.start()
    for _ in range(5):
        stage.advance(DAY)
        stage.end_all()
    assert dates(stage) == [START, START + DAY]
    assert stage.dag_store.get_dag("d").next_run_after is None


def test_no_run_before_the_start_date(sqlite_stage: Stage) -> None:
    sqlite_stage.deploy(dag(**daily(start_date=START + 3 * DAY)))
    sqlite_stage.start()
    sqlite_stage.advance(4 * DAY - timedelta(seconds=1))
    assert dates(sqlite_stage) == []
    sqlite_stage.advance(1)
    assert dates(sqlite_stage) == [START + 3 * DAY]


def test_once_is_once(stage: Stage) -> None:
    stage.deploy(dag(timetable={"type": "once"}, start_date=START))
    stage.start()
    stage.end_all()
    stage.start()
    stage.advance(DAY)
    assert stage.run_states() == ["success"]


def test_continuous_runs_one_after_the_other(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.clock.advance(60)
    stage.deploy(dag(timetable={"type": "continuous"}, start_date=START, max_active_runs=1))
    stage.start()
    for count in range(1, 4):
        assert stage.run_states() == ["success"] * (count - 1) + ["running"]
        stage.clock.advance(60)
        stage.end_open()
    intervals = [(run.data_interval_start, run.data_interval_end) for run in stage.runs()]
    assert [before[1] for before in intervals[:-1]] == [after[0] for after in intervals[1:]]


def test_a_dag_paused_at_creation_creates_nothing_until_it_is_unpaused(stage: Stage) -> None:
    stage.start()
    stage.deploy(dag(**daily(catchup=True)), is_paused=True)
    stage.advance(2 * DAY)
    assert stage.runs() == []
    stage.pause(is_paused=False)
    assert dates(stage) == [START, START + DAY]


def test_unpausing_without_catchup_skips_what_was_missed(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(**daily()))
    stage.start()
    stage.advance(DAY)
    stage.end_all()
    stage.pause()
    stage.advance(4 * DAY)
    assert dates(stage) == [START]
    stage.pause(is_paused=False)
    assert dates(stage) == [START, START + 4 * DAY]


def test_pausing_lets_running_tasks_end_and_starts_nothing_new(stage: Stage) -> None:
    stage.deploy(dag(tasks="a > b", max_active_runs=1))
    stage.start()
    stage.trigger()
    stage.begin("a")
    stage.pause()
    stage.trigger()
    assert stage.run_states() == ["running", "queued"]
    assert stage.executor.kills == []
    stage.end("a")
    assert stage.states() == {"a": "success", "b": "scheduled"}
    assert stage.tries() == []
    stage.start()
    assert stage.states() == {"a": "success", "b": "scheduled"}
    stage.pause(is_paused=False)
    stage.end("b")
    assert stage.run_states() == ["success", "running"]
    stage.check_caches()


def test_a_run_starts_when_its_date_has_come(stage: Stage) -> None:
    stage.deploy(dag())
    stage.start()
    stage.trigger(run_after=START + timedelta(seconds=90))
    stage.trigger(run_after=START + timedelta(seconds=30))
    assert stage.run_states() == ["queued", "queued"]
    stage.advance(30)
    assert stage.run_states() == ["queued", "running"]
    stage.start()
    stage.advance(60)
    assert stage.run_states() == ["running", "running"]


def test_queued_runs_start_in_the_order_of_their_dates(stage: Stage) -> None:
    stage.deploy(dag(max_active_runs=1))
    stage.start()
    for day in (9, 5, 7, 6):
        stage.trigger(run_id=f"day{day}", logical_date=START + day * DAY)
    assert stage.run_states() == ["running", "queued", "queued", "queued"]
    seen = []
    while stage.executor.tries:
        (order,) = stage.executor.tries.values()
        seen.append(order.dag_run.run_id)
        stage.end("a")
    assert seen == ["day9", "day5", "day6", "day7"]
    stage.check_caches()


def test_manual_runs_count_against_max_active_runs_of_the_schedule(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(**daily(max_active_runs=1)))
    stage.start()
    stage.trigger(run_id="by hand")
    stage.advance(DAY)
    assert [run.run_id for run in stage.runs()] == ["by hand"]
    stage.end("a")
    assert stage.run_states() == ["success", "running"]


def test_a_date_that_a_manual_run_has_taken_is_passed_over(stage: Stage) -> None:
    stage.deploy(dag(**daily(catchup=True)))
    stage.start()
    stage.trigger(run_id="by hand", logical_date=START)
    stage.advance(2 * DAY)
    assert dates(stage) == [START, START + DAY]
    assert stage.runs()[0].run_id == "by hand"


def test_two_changes_of_a_dag_in_one_turn_create_its_run_once(stage: Stage) -> None:
    stage.deploy(dag(**daily()))
    stage.start()
    created: list[str] = []
    commit = stage.store.commit

    def look(batch: Batch, *, epoch: int) -> CommitResult:
        created.extend(new.run_id for new in batch.new_runs)
        return commit(batch, epoch=epoch)

    stage.scheduler._store.__dict__["commit"] = look
    stage.clock.advance(DAY)
    # The timer is due in the same turn in which the ring is heard.
    stage.deploy(dag(**daily(), description="other"))
    stage.step(2)
    assert created == ["scheduled__2026-01-02T00:00:00+00:00"]
    assert dates(stage) == [START]
    detail = stage.dag_store.get_dag("d")
    assert detail.next_run_after == START + 2 * DAY


def test_a_new_schedule_replaces_the_old_one(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    stage.deploy(dag(**daily()))
    stage.start()
    hourly = {"type": "cron_data_interval", "expression": "0 * * * *", "timezone": "UTC"}
    stage.deploy(dag(timetable=hourly, start_date=START))
    stage.advance(timedelta(hours=1))
    stage.advance(timedelta(hours=1))
    assert dates(stage) == [START, START + timedelta(hours=1)]
    stage.deploy(dag())
    stage.advance(DAY)
    assert len(dates(stage)) == 2


def test_a_timetable_that_goes_back_is_told_of_and_stops(sqlite_stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage = sqlite_stage
    # At one instant a continuous timetable has no next interval.
    stage.deploy(dag(timetable={"type": "continuous"}))
    with caplog.at_level(logging.ERROR):
        stage.start()
    assert stage.run_states() == ["running"]
    assert "each run has to come later than the one before" in caplog.text


# ---- an author's own timetable -------------------------------------------------------------------------------------------


def question(stage: Stage) -> ComputeNextRun:
    """Return the one question that has no answer."""
    (found,) = stage.executor.questions.values()
    return found


@pytest.fixture
def own(sqlite_stage: Stage) -> Stage:
    """Return a stage with a DAG whose timetable is author code, a day after its start date."""
    sqlite_stage.clock.advance(DAY)
    sqlite_stage.deploy(dag(timetable=CUSTOM, start_date=START, catchup=True, end_date=START + 9 * DAY))
    sqlite_stage.start()
    return sqlite_stage


def answer(stage: Stage, **fields: Any) -> None:
    stage.executor.answer(question(stage), **fields)
    stage.step()


def test_an_authors_timetable_is_asked_in_a_worker(own: Stage) -> None:
    asked = question(own)
    assert (asked.last_interval_start, asked.earliest, asked.latest) == (None, START, START + 9 * DAY)
    assert (asked.catchup, asked.now, asked.dag_file.path) == (True, START + DAY, "/dags/d.py")
    assert own.runs() == []
    answer(own, run_after=START + DAY, interval_start=START, interval_end=START + DAY)
    (run,) = own.runs()
    assert (run.logical_date, run.data_interval_end, run.state.value) == (START, START + DAY, "running")
    asked = question(own)
    assert (asked.last_interval_start, asked.last_interval_end) == (START, START + DAY)
    answer(own, run_after=START + 3 * DAY)
    own.advance(2 * DAY - timedelta(seconds=1))
    assert len(own.runs()) == 1
    own.advance(1)
    assert [run.logical_date for run in own.runs()] == [START, None]
    answer(own)
    own.end_all()
    own.advance(5 * DAY)
    assert own.run_states() == ["success", "success"]
    assert own.executor.questions == {}


@pytest.mark.parametrize(
    "fail",
    [
        lambda stage: answer(stage, error="ValueError: no"),
        lambda stage: answer(stage, run_after=START - DAY, interval_start=START - 2 * DAY, interval_end=START - DAY),
        lambda stage: stage.executor.lose(question(stage)),
    ],
    ids=["error", "back in time", "lost"],
)
def test_an_authors_timetable_that_fails_is_asked_again_later(
    own: Stage, fail: Callable[[Stage], None], caplog: pytest.LogCaptureFixture
) -> None:
    answer(own, run_after=START + DAY, interval_start=START, interval_end=START + DAY)
    fail(own)
    own.step()
    assert "DAG d: its timetable failed" in caplog.text
    assert own.executor.questions == {}
    own.advance(ASK_AGAIN_S)
    answer(own, run_after=own.clock.now(), interval_start=START + DAY, interval_end=START + 2 * DAY)
    assert dates(own) == [START, START + DAY]


def test_an_answer_that_comes_after_a_change_of_the_dag_is_not_heard(own: Stage) -> None:
    old = question(own)
    own.pause()
    own.executor.answer(old, run_after=START + DAY, interval_start=START, interval_end=START + DAY)
    own.step()
    assert own.runs() == []
    own.pause(is_paused=False)
    answer(own, run_after=START + DAY, interval_start=START, interval_end=START + DAY)
    assert dates(own) == [START]


# ---- runs that keep failing ----------------------------------------------------------------------------------------------


def test_a_dag_whose_runs_keep_failing_is_paused(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.clock.advance(9 * DAY)
    stage.deploy(dag(**daily(catchup=True, max_active_runs=1, max_consecutive_failed_dag_runs=2)))
    stage.start()
    for outcome in ("failed", "success", "failed"):
        stage.end("a", outcome)
    assert not stage.dag_store.get_dag("d").is_paused
    stage.end("a", "failed")
    assert stage.run_states() == ["failed", "success", "failed", "failed"]
    assert stage.dag_store.get_dag("d").is_paused
    assert "DAG d is paused: its last 2 runs failed" in caplog.text
    stage.advance(DAY)
    assert len(stage.runs()) == 4
    stage.start()
    assert len(stage.runs()) == 4
    stage.pause(is_paused=False)
    assert stage.run_states()[4:] == ["running"]
    stage.end("a", "failed")
    assert stage.dag_store.get_dag("d").is_paused, "one more failure is enough: the last two have failed"


def test_a_dag_that_is_unpaused_may_wait_for_its_next_run(stage: Stage) -> None:
    stage.options["skips_missed"] = True
    stage.clock.advance(5 * DAY + timedelta(hours=1))
    stage.deploy(dag(**daily()), is_paused=True)
    stage.start()
    stage.pause(is_paused=False)
    assert stage.runs() == []
    assert stage.dag_store.get_dag("d").next_run_after == START + 6 * DAY
    stage.start()  # another scheduler does not make it either
    assert stage.runs() == []
    stage.advance(DAY)
    assert dates(stage) == [START + 5 * DAY]
    # What was missed while no scheduler ran is made as usual.
    stage.end_all()
    stage.crash()
    stage.clock.advance(3 * DAY)
    stage.start()
    assert dates(stage) == [START + 5 * DAY, START + 8 * DAY]
