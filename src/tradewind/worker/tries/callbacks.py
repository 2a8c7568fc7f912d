"""The functions that authors want called when a task or a run has ended: an error in one is logged, nothing more."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tradewind.sdk.exceptions import AirflowTaskTimeout
from tradewind.sdk.mail.alerts import send_alert
from tradewind.worker.tries.outcome import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.runtime.context import Context

    Limit = Callable[[str], AbstractContextManager[None]]
    """Ends a callback that takes too long with `AirflowTaskTimeout`; the argument names it."""

_log = logging.getLogger("tradewind.task")


def has_callbacks(owner: Any, name: str) -> bool:
    """Return whether a task or a DAG has a callback of this name."""
    return bool(getattr(owner, name, None))


def run_callbacks(owner: Any, name: str, context: Context, limit: Limit) -> str | None:
    """Call each callback of this name of a task or a DAG; return one line about the last that failed, None if none."""
    callbacks = getattr(owner, name, None) or ()
    failure = None
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else (callbacks,):
        failure = guarded(lambda callback=callback: callback(context), f"{name} {_name_of(callback)}", limit) or failure
    return failure


def mail_about(task: BaseOperator, context: Context, error: BaseException | str | None, limit: Limit) -> str | None:
    """Send the mail that a task asked for; return one line about what went wrong, None if nothing."""
    return guarded(lambda: send_alert(task, context, error), "the mail about the try", limit)


def guarded(call: Callable[[], object], what: str, limit: Limit) -> str | None:
    """Call author code that must harm nothing else; return one line about its failure, which is in the log too."""
    try:
        with limit(what):
            call()
    except AirflowTaskTimeout as error:
        _log.error("Ended: %s", error)
        return f"{what} was ended: {error}"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - author code
        _log.exception("%s failed: %s", what, one_line(error))
        return f"{what}: {one_line(error)}"
    return None


def _name_of(callback: Any) -> str:
    """Return a callback's name for a log line; that of its class for a notifier."""
    return str(getattr(callback, "__name__", None) or type(callback).__name__)
