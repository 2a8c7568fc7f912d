"""Sensors of moments: when they look again, and when the wait is over."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import Any

import pendulum
import pytest
import time_machine

from tradewind import DAG
from tradewind.sdk.document import to_document
from tradewind.sdk.sensors.moments import (
    DateTimeSensor,
    DateTimeSensorAsync,
    MomentSensor,
    TimeDeltaSensor,
    TimeDeltaSensorAsync,
    TimeSensor,
    TimeSensorAsync,
    WaitSensor,
)
from tradewind.serialization.messages import Finished, Resumption

from tests.sdk.stage import DAY, Stage

NOON = DAY + timedelta(hours=12)


def at(stage: Stage, sensor: MomentSensor, now: datetime, **fields: Any) -> Finished:
    with time_machine.travel(now, tick=False):
        return stage.run(sensor, **fields)


@pytest.mark.parametrize(
    "target",
    [
        NOON,
        pendulum.datetime(2024, 3, 5, 12),
        NOON.astimezone(pendulum.timezone("Asia/Tokyo")),
        "2024-03-05T12:00:00",
        "{{ logical_date.replace(hour=12) }}",
        "{{ ds }}T13:00:00+01:00",
    ],
    ids=repr,
)
def test_a_date(stage: Stage, target: Any) -> None:
    sensor = DateTimeSensor(task_id="s", dag=stage.dag, target_time=target, mode="reschedule")
    before = at(stage, sensor, NOON)
    assert (before.outcome, before.reschedule_at) == ("reschedule", NOON)
    assert at(stage, sensor, NOON + timedelta(microseconds=1)).outcome == "success"


def test_a_date_that_is_none(stage: Stage) -> None:
    sensor = DateTimeSensor(task_id="s", dag=stage.dag, target_time=5)  # type: ignore[arg-type] - as authors may
    message = "TypeError: Expected str or datetime.datetime type for target_time. Got int"
    assert stage.run(sensor).error == message


def test_in_the_worker_it_sleeps_no_longer_than_needed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    sensor = DateTimeSensor(task_id="s", dag=stage.dag, target_time=DAY + timedelta(seconds=90), poke_interval=60)
    with time_machine.travel(DAY, tick=False) as clock:
        pauses: list[float] = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            clock.shift(timedelta(seconds=seconds, milliseconds=1))

        monkeypatch.setattr("tradewind.sdk.sensors.sensor.time.sleep", sleep)
        assert stage.run(sensor).outcome == "success"
    assert pauses == [60, pytest.approx(29.999)]


def test_one_that_leaves_comes_back_for_its_timeout(stage: Stage) -> None:
    sensor = DateTimeSensor(task_id="s", dag=stage.dag, target_time=NOON, mode="reschedule", timeout=3600)
    assert at(stage, sensor, DAY).reschedule_at == DAY + timedelta(hours=1)
    late = DAY + timedelta(hours=1, seconds=1)
    assert at(stage, sensor, late, first_started_at=DAY).outcome == "fail_without_retry"


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (DateTimeSensorAsync, {"target_time": NOON}),
        (DateTimeSensorAsync, {"target_time": "{{ '2024-03-05T12:00' }}", "end_from_trigger": True}),
        (TimeSensor, {"target_time": time(12), "deferrable": True}),
        (TimeSensorAsync, {"target_time": time(12)}),
        (WaitSensor, {"time_to_wait": timedelta(hours=12), "deferrable": True, "end": True}),
        (TimeDeltaSensorAsync, {"delta": timedelta(hours=12), "timeout": 13 * 3600}),
    ],
)
def test_a_deferred_one_waits_for_the_moment_without_a_triggerer(stage: Stage, kind: Any, arguments: Any) -> None:
    ends_task = arguments.pop("end", arguments.get("end_from_trigger", False))
    sensor = kind(task_id="s", dag=stage.dag, **{"timeout": 60, **arguments})
    end = at(stage, sensor, DAY)
    assert (end.outcome, end.error) == ("deferred", None)
    assert end.deferral is not None
    assert end.deferral.is_timed
    assert (end.deferral.due_at, end.deferral.next_method) == (NOON, "execute_complete")
    assert end.deferral.due_outcome == ("success" if ends_task else "event")
    resumption = Resumption(next_method="execute_complete", event=end.deferral.due_payload)
    assert at(stage, sensor, NOON, first_started_at=DAY, resumption=resumption).outcome == "success"


def test_one_that_leaves_for_years_comes_back_each_week(stage: Stage) -> None:
    sensor = DateTimeSensor(
        task_id="s", dag=stage.dag, target_time="9999-12-31T23:59:59", mode="reschedule", timeout=10**9
    )
    assert at(stage, sensor, DAY).reschedule_at == DAY + timedelta(days=7)


def test_a_date_may_be_waited_for_without_any_worker(stage: Stage) -> None:
    DateTimeSensorAsync(task_id="s", dag=stage.dag, target_time="{{ ds }}", start_from_trigger=True)
    start = to_document(stage.dag, dag_folder=".").tasks[0].start_trigger
    assert start is not None
    assert start.classpath == "airflow.providers.standard.triggers.temporal.DateTimeTrigger"
    assert start.kwargs == {"target_time": "{{ ds }}", "end_from_trigger": False}


def test_a_time_of_the_day_is_in_the_zone_of_the_dag(stage: Stage) -> None:
    stage.dag = DAG("d", start_date=pendulum.datetime(2024, 1, 1, tz="America/New_York"), schedule=None)
    sensor = TimeSensor(task_id="s", dag=stage.dag, target_time=time(22, 30), mode="reschedule")
    evening = datetime(2024, 7, 2, 2, tzinfo=timezone.utc)  # 22:00 of the day before, there
    assert at(stage, sensor, evening).reschedule_at == evening + timedelta(minutes=30)
    with time_machine.travel(evening, tick=False):
        assert sensor.target_datetime == evening + timedelta(minutes=30)


def test_a_time_of_the_day_is_one_of_the_day_of_the_first_look(stage: Stage) -> None:
    sensor = TimeSensor(task_id="s", dag=stage.dag, target_time=time(23, 59, 59), mode="reschedule")
    after_midnight = DAY + timedelta(days=1, seconds=5)
    assert at(stage, sensor, after_midnight, first_started_at=DAY + timedelta(hours=23)).outcome == "success"


@pytest.mark.parametrize("delta", [timedelta(hours=12), 720, "720", "{{ 60 * 12 }}"], ids=repr)
def test_so_long_after_the_run_was_due(stage: Stage, delta: Any) -> None:
    sensor = TimeDeltaSensor(task_id="s", dag=stage.dag, delta=delta, mode="reschedule")
    assert at(stage, sensor, DAY).reschedule_at == NOON
    later = {"data_interval_end": DAY + timedelta(hours=1)}
    assert at(stage, sensor, DAY, run=later).reschedule_at == NOON + timedelta(hours=1)
    dateless = {"logical_date": None, "data_interval_start": None, "data_interval_end": None}
    assert at(stage, sensor, DAY, run=dateless).reschedule_at == NOON


def test_a_deferred_delta_has_its_timeout(stage: Stage) -> None:
    sensor = TimeDeltaSensor(task_id="s", dag=stage.dag, delta=timedelta(hours=12), deferrable=True, timeout=60)
    end = at(stage, sensor, DAY)
    assert end.deferral is not None
    assert (end.deferral.due_at, end.deferral.due_outcome) == (DAY + timedelta(seconds=60), "timeout")
    over = at(stage, sensor, NOON + timedelta(seconds=1))
    assert over.outcome == "success"


def test_a_moment_has_to_be_named(stage: Stage) -> None:
    error = stage.run(MomentSensor(task_id="s", dag=stage.dag)).error
    assert error == "NotImplementedError: MomentSensor has no moment(context) method"
