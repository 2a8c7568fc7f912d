"""Why a task instance is not running: the same answer as `tradewind tasks explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.metadata.explaining import explain_task_instance
from tradewind.web.answers.shapes import state_shape
from tradewind.web.api.task_instances import INSTANCE, MapIndexQuery
from tradewind.web.operations import Operation

if TYPE_CHECKING:
    from tradewind.web.operations import Call


def explain_instance(call: Call) -> dict[str, Any]:
    """Say why a task instance stands where it stands, and what it waits for."""
    explanation = explain_task_instance(
        call.backend.database,
        call.backend.clock,
        dag_id=call.path["dag_id"],
        run_id=call.path["dag_run_id"],
        task_id=call.path["task_id"],
        map_index=call.query.map_index,
        parallelism=call.backend.options.parallelism,
    )
    return {
        "state": state_shape(explanation.state),
        "summary": explanation.summary,
        "blockers": [
            {
                "kind": blocker.kind.value,
                "subject": blocker.subject,
                "text": blocker.text,
                "used": blocker.used,
                "total": blocker.total,
            }
            for blocker in explanation.blockers
        ],
    }


OPERATIONS = (Operation("GET", f"{INSTANCE}/explain", explain_instance, query=MapIndexQuery),)
