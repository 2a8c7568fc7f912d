"""Runs and task instances as people see and change them: the command line's and the web server's side."""

from __future__ import annotations

from tradewind.metadata.runs.clearing import clear_task_instances, queue_new_tasks
from tradewind.metadata.runs.creation import RunRequest, create_manual_run, generate_run_id
from tradewind.metadata.runs.deletion import delete_dag, delete_run
from tradewind.metadata.runs.listing import (
    RunFilter,
    TaskInstanceFilter,
    count_task_instances,
    get_rendered_fields,
    get_run,
    get_task_instance,
    list_events,
    list_runs,
    list_task_instances,
    list_tries,
)
from tradewind.metadata.runs.marking import mark_run, mark_task_instances
from tradewind.metadata.runs.notes import note_run, note_task_instances
from tradewind.metadata.runs.records import Cleared, EventDetail, RunDetail, TaskInstanceDetail, TryDetail

__all__ = [
    "Cleared",
    "EventDetail",
    "RunDetail",
    "RunFilter",
    "RunRequest",
    "TaskInstanceDetail",
    "TaskInstanceFilter",
    "TryDetail",
    "clear_task_instances",
    "count_task_instances",
    "create_manual_run",
    "delete_dag",
    "delete_run",
    "generate_run_id",
    "get_rendered_fields",
    "get_run",
    "get_task_instance",
    "list_events",
    "list_runs",
    "list_task_instances",
    "list_tries",
    "mark_run",
    "mark_task_instances",
    "note_run",
    "note_task_instances",
    "queue_new_tasks",
]
