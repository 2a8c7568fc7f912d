"""What sensors and operators that wait have in common."""

from __future__ import annotations

from tradewind.sdk.exceptions import TaskDeferralError, TaskDeferralTimeout
from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from tradewind.sdk.definitions.operator import BaseOperator

FAIL_METHOD = "__fail__"
"""Airflow's name for going on in order to fail."""
TRIGGER_TIMEOUT = "Trigger timeout"
TRIGGER_FAILURE = "Trigger failure"


def defers_by_default(deferrable: bool | None) -> bool:
    """Return the argument `deferrable`, where it was left out what the option operators.default_deferrable says."""
    return conf.getboolean("operators", "default_deferrable", fallback=False) if deferrable is None else deferrable


def first_look_at(context: Any) -> datetime:
    """Return when the try began, over reschedules."""
    ti = context["ti"]
    return ti.get_first_reschedule_date(context) or ti.start_date


def go_on(task: BaseOperator, next_method: str, next_kwargs: dict[str, Any], context: Any) -> Any:
    """Call the method of `task` that was named when it left the worker; for how a wait fails see `resume_execution`."""
    if next_method != FAIL_METHOD:
        return getattr(task, next_method)(context, **next_kwargs)
    traceback = next_kwargs.get("traceback")
    if traceback:
        task.log.error("Trigger failed:\n%s", "\n".join(traceback))
    reason = next_kwargs.get("error", "Unknown")
    raise (TaskDeferralTimeout if reason == TRIGGER_TIMEOUT else TaskDeferralError)(reason)
