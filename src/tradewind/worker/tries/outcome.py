"""What it means that a task raised this: its outcome, and one line that says why."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTerminated,
    DownstreamTasksSkipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradewind.serialization.messages import Deferral

_log = logging.getLogger("tradewind.task")

_MAX_MESSAGE = 500
_DATED = re.compile(
    r"^(KeyError|UndefinedError|TypeError): .*'(ds|ts|(ds|ts)_nodash\w*|(logical|execution)_date|data_interval_\w+)'"
)


@dataclass(slots=True, frozen=True)
class Judgement:
    """How the try ended, in the words of `Finished.outcome`."""

    outcome: str
    message: str | None = None
    error: BaseException | None = None
    """For the author's callbacks."""
    reschedule_at: datetime | None = None
    retry_at: datetime | None = None
    """When the next try is due, where the task's retry policy says so."""
    deferral: Deferral | None = None
    skip_task_ids: tuple[str, ...] = ()


def judge(error: BaseException, was_killed: Callable[[], bool]) -> Judgement:
    """Return what becomes of a try that raised `error`, and write to its log what there is to say.

    `was_killed` tells whether the scheduler asked for the end: it has then decided about the state itself.
    """
    match error:
        case AirflowSkipException():
            _log.info("Skipped: %s", error)
            return Judgement("skipped", str(error) or None, error)
        case DownstreamTasksSkipped():
            skipped = tuple(task if isinstance(task, str) else task[0] for task in error.tasks)
            return Judgement("success", skip_task_ids=skipped)
        case AirflowRescheduleException():
            _log.info("Rescheduled to %s", error.reschedule_date)
            return Judgement("reschedule", reschedule_at=error.reschedule_date)
        case AirflowTaskTerminated():
            _log.error("Stopped: %s", error)
            return Judgement("killed" if was_killed() else "failed", str(error), error)
        case SystemExit():
            # As in Airflow 3 this fails the task whatever the code: a task that is done returns.
            _log.error("The task called sys.exit(%r)", error.code)
            return Judgement("failed", f"the task called sys.exit({error.code!r})", error)
        case AirflowFailException() | AirflowSensorTimeout():
            _log.error("Failed, without further tries: %s", one_line(error), exc_info=error)
            return Judgement("fail_without_retry", one_line(error), error)
        case _:
            _log.error("Failed: %s", one_line(error), exc_info=error)
            return Judgement("failed", one_line(error), error)


def misses_logical_date(error: BaseException) -> bool:
    """Return whether the error looks like one for want of what only a run with a logical date has in its context."""
    return isinstance(error, Exception) and _DATED.search(one_line(error)) is not None


def one_line(error: BaseException) -> str:
    """Return the kind and the message of an error in one line of bearable length."""
    try:
        text = str(error).strip()
    except Exception:  # noqa: BLE001 - an author's exception may not even print
        text = "(its message cannot be read)"
    name = type(error).__name__
    first = text.splitlines()[0] if text else ""
    line = f"{name}: {first}" if first else name
    return line if len(line) <= _MAX_MESSAGE else f"{line[: _MAX_MESSAGE - 3]}..."
