"""Tasks that begin with a trigger: what of it goes into the document of their DAG."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tradewind.sdk.ports import xcom_codec
from tradewind.serialization.document import StartTriggerDocument

if TYPE_CHECKING:
    from typing import Any

    from tradewind.sdk.triggers.events import StartTriggerArgs


def start_trigger_of(task: Any) -> StartTriggerDocument | None:
    """Return the trigger that a task begins with, None for one that begins in a worker, as a mapped one always does.

    Raises ValueError for arguments that cannot be written down.
    """
    start: StartTriggerArgs | None = getattr(task, "start_trigger_args", None)
    if task.is_mapped or not getattr(task, "start_from_trigger", False) or start is None:
        return None
    return StartTriggerDocument(
        classpath=start.trigger_cls,
        kwargs=_written(start.trigger_kwargs, "trigger_kwargs"),
        next_method=start.next_method,
        next_kwargs=_written(start.next_kwargs, "next_kwargs"),
        timeout_s=None if start.timeout is None else start.timeout.total_seconds(),
    )


def _written(values: dict[str, Any] | None, name: str) -> dict[str, Any]:
    for key, value in (values or {}).items():
        if callable(value):
            raise ValueError(  # noqa: TRY004 - Airflow's
                f"start_trigger_args: {name} has a callable named {key!r}, which is not allowed when start_from_trigger is "
                "enabled"
            )
    try:
        return json.loads(xcom_codec().encode_value(values or {}))
    except ValueError as error:
        at = str(getattr(error, "path", "")).removeprefix("$.")
        raise ValueError(f"start_trigger_args: {name} {at} {getattr(error, 'what', error)}") from error
