"""Looking, waiting and giving up: what all sensors have in common."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from tradewind import DAG, BaseOperator
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)
from tradewind.sdk.sensors.sensor import BaseSensorOperator, PokeReturnValue, poke_mode_only

from tests.sdk.stage import DAY, Stage


class ListSensor(BaseSensorOperator):
    """Answers with one element after the other; raises those that are exceptions."""

    def __init__(self, *, answers: list[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answers = answers

    def poke(self, context: Any) -> Any:  # noqa: ARG002 - Airflow's signature
        """Give the next answer."""
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses in the worker, none of which takes time; the clocks go on by them."""
    made: list[float] = []
    began = time.monotonic()
    monkeypatch.setattr("tradewind.sdk.sensors.sensor.time.sleep", made.append)
    monkeypatch.setattr("tradewind.sdk.sensors.sensor.time.monotonic", lambda: began + sum(made))
    return made


def sensor(stage: Stage, *answers: Any, **kwargs: Any) -> ListSensor:
    return ListSensor(task_id="s", dag=stage.dag, answers=list(answers), **kwargs)


def test_it_looks_until_it_sees(stage: Stage, pauses: list[float]) -> None:
    finished = stage.run(sensor(stage, False, None, 0, True, poke_interval=5))
    assert (finished.outcome, finished.xcoms, pauses) == ("success", (), [5, 5, 5])


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_a_value_comes_with_the_end(stage: Stage, pauses: list[float], mode: str) -> None:
    task = sensor(stage, PokeReturnValue(is_done=True, xcom_value={"a": 1}), mode=mode)
    assert [(xcom.key, xcom.value) for xcom in stage.run(task).xcoms] == [("return_value", b'{"a":1}')]
    assert not pauses


def test_a_value_that_is_not_done_is_no_end(stage: Stage, pauses: list[float]) -> None:
    answers = PokeReturnValue(is_done=False, xcom_value=1), PokeReturnValue(is_done=True, xcom_value=2)
    assert stage.run(sensor(stage, *answers)).xcoms[0].value == b"2"
    assert pauses == [60]


def test_it_leaves_the_worker_between_two_looks(stage: Stage) -> None:
    task = sensor(stage, False, poke_interval=timedelta(seconds=90), mode="reschedule")
    with time_machine.travel(DAY, tick=False):
        finished = stage.run(task)
    assert (finished.outcome, finished.reschedule_at) == ("reschedule", DAY + timedelta(seconds=90))


@pytest.mark.parametrize(("waited_s", "outcome"), [(100, "reschedule"), (101, "fail_without_retry")])
def test_the_timeout_counts_over_reschedules(stage: Stage, waited_s: int, outcome: str) -> None:
    task = sensor(stage, False, timeout=100, mode="reschedule")
    with time_machine.travel(DAY + timedelta(seconds=waited_s), tick=False):
        finished = stage.run(task, first_started_at=DAY, max_tries=3)
    assert finished.outcome == outcome
    assert (finished.error is None) == (outcome == "reschedule")


@pytest.mark.usefixtures("pauses")
def test_the_timeout_in_the_worker_counts_from_the_first_look(stage: Stage) -> None:
    finished = stage.run(sensor(stage, *[False] * 9, poke_interval=30, timeout=70), max_tries=3)
    assert finished.outcome == "fail_without_retry"
    assert finished.error == (
        "AirflowSensorTimeout: Sensor has timed out; run duration of 90.0 seconds exceeds the specified timeout of 70."
    )


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize(
    ("answer", "setting", "airflow", "outcome"),
    [
        (False, "soft_fail", 3, "skipped"),
        (False, "never_fail", 3, "fail_without_retry"),
        (AirflowSensorTimeout("x"), "soft_fail", 3, "skipped"),
        (AirflowFailException("x"), "soft_fail", 3, "skipped"),
        (AirflowFailException("x"), "never_fail", 3, "skipped"),
        (AirflowFailException("x"), "silent_fail", 3, "fail_without_retry"),
        (AirflowSkipException("x"), "silent_fail", 3, "skipped"),
        (ValueError("x"), "soft_fail", 3, "failed"),
        (ValueError("x"), "soft_fail", 2, "skipped"),
        (ValueError("x"), "never_fail", 3, "skipped"),
        (ValueError("x"), "silent_fail", 3, "success"),
        (ValueError("x"), "mode", 3, "failed"),
    ],
)
def test_what_becomes_of_an_error(stage: Stage, answer: Any, setting: str, airflow: int, outcome: str) -> None:
    stage.dag.airflow_defaults = airflow
    arguments: dict[str, Any] = {"mode": "poke"} if setting == "mode" else {setting: True}
    # A False with a timeout of nothing ends the wait; after a silenced error there is a second look.
    task = sensor(stage, answer, answer is not False, timeout=0 if answer is False else 100, **arguments)
    if answer is False:
        task.answers = [False, False]
        task.poke_interval = 1
    assert stage.run(task).outcome == outcome


def test_pauses_grow_up_to_the_longest(stage: Stage, pauses: list[float]) -> None:
    task = sensor(stage, *[False] * 6, True, exponential_backoff=True, poke_interval=4, max_wait=timedelta(seconds=40))
    stage.run(task)
    for place, shortest in enumerate([2, 4, 8, 16, 32]):
        assert shortest <= pauses[place] < 2 * shortest + 1
    assert pauses[5] == 40


def test_pauses_out_of_the_worker_grow_with_the_time_waited(stage: Stage) -> None:
    task = sensor(stage, mode="reschedule", exponential_backoff=True, poke_interval=4)
    waits = [
        task._get_next_poke_interval(DAY, lambda waited_s=waited_s: waited_s, 1) for waited_s in (0, 20, 300, 9000)
    ]
    assert waits == sorted(waits)
    assert len(set(waits)) == 4


def test_a_pause_does_not_go_past_the_timeout(stage: Stage, pauses: list[float]) -> None:
    stage.run(sensor(stage, *[False] * 9, exponential_backoff=True, poke_interval=1000, timeout=1200))
    assert sum(pauses) <= 1201


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"poke_interval": -1}, "`poke_interval` must be timedelta object or a non-negative number"),
        ({"timeout": "5"}, "`timeout` must be timedelta object or a non-negative number"),
        ({"max_wait": -0.5}, "`max_wait` must be timedelta object or a non-negative number"),
        ({"mode": "sleep"}, "The mode must be one of 'poke' or 'reschedule', got 'sleep'"),
        ({"soft_fail": True, "never_fail": True}, "exclude each other"),
    ],
)
def test_arguments_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        ListSensor(task_id="s", answers=[], **arguments)
    assert isinstance(caught.value, AirflowException)


def test_durations_become_seconds() -> None:
    made = ListSensor(
        task_id="s", answers=[], poke_interval=timedelta(minutes=1), timeout=timedelta(hours=1), max_wait=9
    )
    assert (made.poke_interval, made.timeout, made.max_wait) == (60, 3600, timedelta(seconds=9))


def test_the_timeout_left_out_is_the_installations(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ListSensor(task_id="s", answers=[]).timeout == 7 * 24 * 3600
    monkeypatch.setenv("AIRFLOW__SENSORS__DEFAULT_TIMEOUT", "30")
    assert ListSensor(task_id="s", answers=[]).timeout == 30


def test_a_sensor_without_a_poke_says_so(stage: Stage) -> None:
    error = stage.run(BaseSensorOperator(task_id="s", dag=stage.dag)).error
    assert error == "AirflowException: BaseSensorOperator has no poke(context) method"


def test_a_class_can_be_held_to_poke_mode() -> None:
    @poke_mode_only
    class Held(ListSensor):
        pass

    assert Held(task_id="s", answers=[], mode="poke").mode == "poke"
    with pytest.raises(ValueError, match="Only 'poke' is acceptable"):
        Held(task_id="s", answers=[], mode="reschedule")
    with pytest.raises(ValueError, match="is not"):
        poke_mode_only(BaseOperator)


def test_a_run_waits_for_its_sensor() -> None:
    seen: list[int] = []
    with DAG("waits", start_date=DAY, schedule=None) as dag:

        class Third(BaseSensorOperator):
            def poke(self, context: Any) -> PokeReturnValue:
                seen.append(context["ti"].try_number)
                return PokeReturnValue(is_done=len(seen) == 3, xcom_value=len(seen))

        Third(task_id="s", mode="reschedule", poke_interval=0)
    run = dag.test()
    assert (run.state.value, seen) == ("success", [1, 1, 1])
    assert run.get_task_instance("s").xcom_pull(task_ids="s") == 3
