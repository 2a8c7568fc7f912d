"""A try that leaves the worker to wait, and one that goes on."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.exceptions import AirflowException, TaskAwaitingInput
from tradewind.sdk.sensors.sensor import BaseSensorOperator
from tradewind.sdk.triggers.events import TriggerEvent
from tradewind.sdk.triggers.trigger import BaseTrigger
from tradewind.serialization.messages import FAIL_METHOD, Finished, Resumption
from tradewind.xcom.values import decode_value, encode_value

from tests.worker.conftest import WHEN

Run = Callable[..., Finished]
TIMED_OUT = Resumption(next_method=FAIL_METHOD, next_kwargs=encode_value({"error": "Trigger timeout"}))
FAILED = Resumption(
    next_method=FAIL_METHOD, next_kwargs=encode_value({"error": "Trigger failure", "traceback": ["line 1", "boom"]})
)


class Trigger(BaseTrigger):
    """Fires at once."""

    def __init__(self, what: Any = None) -> None:
        super().__init__()
        self.what = what

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what it is made of again."""
        return "tests.worker.test_deferral.Trigger", {"what": self.what}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire."""
        yield TriggerEvent(self.what)


class Waiting(BaseOperator):
    """Waits, then says what it got."""

    def __init__(self, trigger: Any = None, timeout: Any = None, carried: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.trigger = trigger
        self.timeout = timeout
        self.carried = carried

    def execute(self, context: Any) -> None:  # noqa: ARG002 - as an operator has it
        """Leave the worker."""
        self.defer(
            trigger=self.trigger or Trigger(), method_name="go_on", kwargs={"a": self.carried}, timeout=self.timeout
        )

    def go_on(self, context: Any, a: Any = None, event: Any = None) -> Any:
        """Return what came."""
        return [context["ti"].try_number, a, event]


def test_what_is_waited_for_is_reported(dag: DAG, run: Run) -> None:
    Waiting(task_id="t", dag=dag, trigger=Trigger(WHEN), carried={1}, queue="q")
    end = run("t")
    assert end.outcome == "deferred"
    assert end.deferral is not None
    assert end.deferral.classpath == "tests.worker.test_deferral.Trigger"
    assert decode_value(end.deferral.kwargs) == {"what": WHEN}
    assert (end.deferral.next_method, decode_value(end.deferral.next_kwargs)) == ("go_on", {"a": {1}})
    assert (end.deferral.due_at, end.deferral.queue) == (None, "q")
    assert not end.xcoms


@pytest.mark.parametrize("timeout", [timedelta(minutes=1), 60, 60.0])
def test_a_time_limit_counts_from_the_deferral(dag: DAG, run: Run, timeout: Any) -> None:
    Waiting(task_id="t", dag=dag, timeout=timeout)
    end = run("t")
    assert end.deferral is not None
    assert end.deferral.due_at is not None
    assert timedelta(seconds=59) < end.deferral.due_at - end.started_at < timedelta(seconds=61)


def test_with_airflow_2_defaults_the_execution_timeout_counts_the_wait(dag: DAG, run: Run) -> None:
    Waiting(task_id="t", dag=dag, timeout=3600, execution_timeout=timedelta(minutes=5))
    dag.airflow_defaults = 2
    end = run("t")
    assert end.deferral is not None
    assert end.deferral.due_at is not None
    assert end.deferral.due_at - end.started_at < timedelta(minutes=6)
    began = WHEN - timedelta(hours=1)
    resumption = Resumption(next_method="go_on")
    late = run("t", first_started_at=began, resumption=resumption)
    assert late.outcome == "failed"
    assert "the task's execution_timeout is over" in (late.error or "")
    dag.airflow_defaults = 3
    assert run("t", first_started_at=began, resumption=resumption).outcome == "success"


def test_a_try_goes_on_in_its_method(dag: DAG, run: Run) -> None:
    Waiting(task_id="t", dag=dag)
    resumption = Resumption(next_method="go_on", next_kwargs=encode_value({"a": {1}}), event=encode_value({"at": WHEN}))
    end = run("t", try_number=3, resumption=resumption, first_started_at=WHEN)
    assert end.outcome == "success"
    assert decode_value(end.xcoms[0].value) == [3, {1}, {"at": WHEN}]


@pytest.mark.parametrize(
    ("resumption", "kind", "said"),
    [(TIMED_OUT, "TaskDeferralTimeout", "Trigger timeout"), (FAILED, "TaskDeferralError", "Trigger failure")],
)
def test_a_wait_that_ended_badly_fails_the_try(
    dag: DAG, run: Run, resumption: Resumption, kind: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    Waiting(task_id="t", dag=dag)
    with caplog.at_level(logging.INFO):
        end = run("t", resumption=resumption)
    assert (end.outcome, end.error) == ("failed", f"{kind}: {said}")
    assert ("boom" in caplog.text) == (resumption is FAILED)


class Sensor(BaseSensorOperator):
    """Fails once its wait is over."""

    def execute(self, context: Any) -> None:  # noqa: ARG002 - as above
        """Leave the worker."""
        self.defer(trigger=Trigger(), method_name="go_on")

    def go_on(self, context: Any, event: Any = None) -> None:  # noqa: ARG002 - as above
        """Fail."""
        raise AirflowException("no")


@pytest.mark.parametrize("mercy", ["soft_fail", "never_fail"])
@pytest.mark.parametrize("resumption", [TIMED_OUT, FAILED, Resumption(next_method="go_on")])
def test_a_merciful_sensor_is_skipped_however_its_wait_fails(
    dag: DAG, run: Run, mercy: str, resumption: Resumption
) -> None:
    arguments: dict[str, Any] = {mercy: True}
    Sensor(task_id="t", dag=dag, **arguments)
    assert run("t", resumption=resumption).outcome == "skipped"


def test_a_sensor_whose_wait_takes_too_long_has_timed_out(dag: DAG, run: Run) -> None:
    Sensor(task_id="t", dag=dag)
    end = run("t", resumption=TIMED_OUT)
    assert (end.outcome, end.error) == ("fail_without_retry", "AirflowSensorTimeout: Trigger timeout")


class Unserializable(Trigger):
    """Says of itself what it is told to."""

    def serialize(self) -> Any:
        """Raise it, or return it."""
        if isinstance(self.what, Exception):
            raise self.what
        return self.what


@pytest.mark.parametrize(
    ("trigger", "carried", "said"),
    [
        (
            Unserializable(RuntimeError("no")),
            None,
            "Unserializable.serialize() of the trigger failed: RuntimeError: no",
        ),
        (
            Unserializable(("Name", {})),
            None,
            "must return the trigger's import path as text and its arguments as a dict",
        ),
        (Trigger(object()), None, "an argument of the trigger tests.worker.test_deferral.Trigger (what) is of type"),
        (None, object(), "an argument for go_on() (a) is of type builtins.object, which cannot be written as JSON"),
        (object(), None, "the task cannot be deferred: <object object at 0x"),
        ("soon", None, "the task cannot be deferred: 'soon' (str) is no trigger"),
    ],
)
def test_what_cannot_be_stored_fails_the_try_with_one_sentence(
    dag: DAG, run: Run, trigger: Any, carried: Any, said: str
) -> None:
    Waiting(task_id="t", dag=dag, trigger=trigger, carried=carried)
    end = run("t")
    assert end.outcome == "failed"
    assert said in (end.error or "")
    assert end.deferral is None


def test_a_method_that_does_not_exist_is_told_of_before_the_wait(dag: DAG, run: Run) -> None:
    class Mistyped(BaseOperator):
        def execute(self, context: Any) -> None:  # noqa: ARG002 - as above
            self.defer(trigger=Trigger(), method_name="go_onn")

    Mistyped(task_id="t", dag=dag)
    end = run("t")
    assert (end.outcome, end.deferral) == ("failed", None)
    assert "it wants to go on in go_onn(), which Mistyped does not have" in (end.error or "")


def test_a_question_to_a_human_is_reported(dag: DAG, run: Run) -> None:
    class Asking(Waiting):
        def execute(self, context: Any) -> None:  # noqa: ARG002 - as above
            raise TaskAwaitingInput(method_name="go_on", question={"subject": "s", "options": ["a"]}, timeout=5)

    Asking(task_id="t", dag=dag)
    end = run("t")
    assert (end.outcome, end.deferral and end.deferral.classpath) == ("awaiting_input", "")
    assert end.deferral is not None
    assert end.deferral.question is not None
    assert msgspec.to_builtins(end.deferral.question) == {"subject": "s", "options": ["a"]}
