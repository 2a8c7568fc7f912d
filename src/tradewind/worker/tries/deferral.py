"""Leaving the worker to wait outside it, and going on in the same try afterwards."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.core.clock import SystemClock
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.exceptions import TaskDeferred
from tradewind.sdk.ports import xcom_codec
from tradewind.sdk.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger
from tradewind.serialization.human_answers import answer_event, default_input, too_late_event
from tradewind.serialization.messages import Deferral, HumanQuestion

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradewind.sdk.exceptions import TaskAwaitingInput
    from tradewind.sdk.runtime.context import Context
    from tradewind.serialization.messages import Resumption, RunTask

_log = logging.getLogger("tradewind.task")
_clock = SystemClock()


class UnserializableTriggerError(ValueError):
    """What a task wants to wait for, or to go on with, cannot be stored."""


def deferral_of(error: TaskDeferred | TaskAwaitingInput, task: BaseOperator, order: RunTask) -> Deferral:
    """Return what the try waits for, ready to be stored.

    Raises `UnserializableTriggerError` with one sentence, for a trigger too whose `serialize` makes no sense.
    """
    _check_method(error.method_name, task)
    until = _timeout_at(error.timeout, task, order)
    deferral = Deferral(
        next_method=error.method_name,
        next_kwargs=_encoded(error.kwargs or {}, f"an argument for {error.method_name}()"),
        due_at=until,
        queue=task.queue,
    )
    if isinstance(error, TaskDeferred):
        classpath, kwargs = _serialized(error.trigger)
        _log.info("Deferred: waits for the trigger %s, then goes on in %s()", classpath, error.method_name)
        data = _encoded(kwargs, f"an argument of the trigger {classpath}")
        deferral = msgspec.structs.replace(deferral, classpath=classpath, kwargs=data)
        return _timed(deferral, error.trigger)
    _log.info("Waits for the answer of a human, then goes on in %s()", error.method_name)
    question = _question(error.question)
    unanswered = None if until is None else _unanswered(question, until)
    return msgspec.structs.replace(deferral, question=question, due_outcome="event", due_payload=unanswered)


def going_on(task: BaseOperator, resumption: Resumption) -> Callable[[Context], Any]:
    """Return what to call in place of `execute`. Raises ValueError for what cannot be made again."""
    codec = xcom_codec()
    kwargs: dict[str, Any] = codec.decode_value(resumption.next_kwargs)
    if resumption.event is not None:
        kwargs["event"] = codec.decode_value(resumption.event)

    def call(context: Context) -> Any:
        return task.resume_execution(resumption.next_method, kwargs, context)

    return call


def remaining_limit_s(task: BaseOperator, order: RunTask) -> float | None:
    """Return how long the task may still run by its execution_timeout, None without one.

    In a file with Airflow 2's defaults the time of the whole try counts, its wait included; Airflow 3 counts each stay in a
    worker alone.
    """
    limit = task.execution_timeout
    if limit is None:
        return None
    if order.resumption is None or order.first_started_at is None or not _counts_waits(task):
        return limit.total_seconds()
    return max(0.0, (limit - (_clock.now() - order.first_started_at)).total_seconds())


def _timeout_at(timeout: Any, task: BaseOperator, order: RunTask) -> datetime | None:
    now = _clock.now()
    if timeout is not None and not isinstance(timeout, timedelta):
        timeout = timedelta(seconds=timeout)
    ends = [] if timeout is None else [now + timeout]
    if task.execution_timeout is not None and _counts_waits(task):
        ends.append((order.first_started_at or now) + task.execution_timeout)
    return min(ends, default=None)


def _counts_waits(task: BaseOperator) -> bool:
    dag = task.get_dag()
    return dag is not None and dag.airflow_defaults < 3


def _timed(deferral: Deferral, trigger: Any) -> Deferral:
    """Leave the wait for a moment to the scheduler's timers: they cost no process, and the author sees no difference."""
    if type(trigger) not in {DateTimeTrigger, TimeDeltaTrigger}:
        return deferral
    if deferral.due_at is not None and deferral.due_at < trigger.moment:
        return msgspec.structs.replace(deferral, is_timed=True)
    ends_task = trigger.end_from_trigger
    return msgspec.structs.replace(
        deferral,
        is_timed=True,
        due_at=trigger.moment,
        due_outcome="success" if ends_task else "event",
        due_payload=None if ends_task else xcom_codec().encode_value(trigger.moment),
    )


def _unanswered(question: HumanQuestion, until: datetime) -> bytes:
    """Return the event of a question that nobody has answered in time."""
    if question.defaults is None:
        return too_late_event()
    return answer_event(question.defaults, default_input(question), until, None, timed_out=True)


def _serialized(trigger: Any) -> tuple[str, dict[str, Any]]:
    name = type(trigger).__name__
    if not callable(getattr(trigger, "serialize", None)):
        raise UnserializableTriggerError(f"the task cannot be deferred: {trigger!r} ({name}) is no trigger")
    try:
        serialized = trigger.serialize()
    except Exception as error:
        raise UnserializableTriggerError(
            f"{name}.serialize() of the trigger failed: {type(error).__name__}: {error}"
        ) from error
    match serialized:
        case (str() as classpath, dict() as kwargs) if "." in classpath:
            return classpath, kwargs
        case _:
            raise UnserializableTriggerError(
                f"{name}.serialize() must return the trigger's import path as text and its arguments as a dict, "
                f"not {serialized!r}"
            )


def _check_method(name: str, task: BaseOperator) -> None:
    """Tell of a method that does not exist before the wait, and not after it. An operator may go on in its own way."""
    goes_on_itself = type(task).resume_execution is not BaseOperator.resume_execution
    if not (goes_on_itself or callable(getattr(task, name, None))):
        raise UnserializableTriggerError(
            f"the task cannot be deferred: it wants to go on in {name}(), which {type(task).__name__} does not have"
        )


def _encoded(value: dict[str, Any], what: str) -> bytes:
    try:
        return xcom_codec().encode_value(value)
    except ValueError as error:
        reason, path = getattr(error, "what", str(error)), getattr(error, "path", "")
        at = f" ({path.removeprefix('$.')})" if path else ""
        raise UnserializableTriggerError(f"the task cannot be deferred: {what}{at} {reason}") from error


def _question(fields: dict[str, Any] | None) -> HumanQuestion:
    try:
        return msgspec.convert(fields or {}, HumanQuestion)
    except msgspec.ValidationError as error:
        raise UnserializableTriggerError(f"the question to a human makes no sense: {error}") from error
