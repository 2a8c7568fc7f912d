"""The arguments whose names have changed, or that do nothing any more: the one table that DAG files are read and linted by."""

from __future__ import annotations

from tradewind.sdk.deprecations import note_deprecated


class OldArgument:
    """What became of an argument. `modern` is the name of the one to use, or says in words what to do."""

    __slots__ = ("is_renamed", "modern", "removed_in", "since")

    def __init__(self, modern: str, since: str, removed_in: str = "3.0", *, is_renamed: bool = False) -> None:
        self.modern = modern
        self.since = since
        self.removed_in = removed_in
        self.is_renamed = is_renamed
        """The value means the same under the modern name."""

    @property
    def advice(self) -> str:
        """What to write instead, empty where the argument can go."""
        return f"{self.modern}=" if self.is_renamed else self.modern


def _renamed(modern: str, since: str, removed_in: str = "3.0") -> OldArgument:
    return OldArgument(modern, since, removed_in, is_renamed=True)


DAG_ARGUMENTS = {
    "schedule_interval": _renamed("schedule", "2.4"),
    "timetable": _renamed("schedule", "2.4"),
    "concurrency": _renamed("max_active_tasks", "2.2"),
    "fail_stop": _renamed("fail_fast", "3.0"),
    "default_view": OldArgument("", "3.0"),
    "orientation": OldArgument("", "3.0"),
    "full_filepath": OldArgument("", "2.0"),
    "sla_miss_callback": OldArgument("deadline=", "3.0"),
}
"""Of DAGs."""

TASK_ARGUMENTS = {
    "task_concurrency": _renamed("max_active_tis_per_dag", "2.2"),
    "xcom_push": _renamed("do_xcom_push", "2.0"),
    "on_skip_callback": _renamed("on_skipped_callback", "2.9"),
    "adhoc": OldArgument("", "1.10"),
    "provide_context": OldArgument("", "2.0"),
    "schedule_interval": OldArgument("the DAG's schedule", "1.10"),
    "sla": OldArgument("deadline alerts", "3.0"),
}
"""Of every task."""

CLASS_ARGUMENTS = {
    "BranchDateTimeOperator": {"use_task_execution_date": _renamed("use_task_logical_date", "2.4")},
    "BranchDayOfWeekOperator": {
        "use_task_execution_date": _renamed("use_task_logical_date", "2.4"),
        "use_task_execution_day": _renamed("use_task_logical_date", "2.4"),
    },
    "DayOfWeekSensor": {"use_task_execution_day": _renamed("use_task_logical_date", "2.4")},
    "ExternalPythonOperator": {"use_dill": OldArgument("serializer='dill'", "2.10")},
    "ExternalTaskMarker": {"execution_date": _renamed("logical_date", "2.2")},
    "ExternalTaskSensor": {"poll_interval": OldArgument("poke_interval=", "3.0", "4.0")},
    "PythonVirtualenvOperator": {"use_dill": OldArgument("serializer='dill'", "2.10")},
    "TriggerDagRunOperator": {
        "execution_date": _renamed("logical_date", "2.2"),
        "python_callable": OldArgument("conf=", "2.0", "2.0"),
    },
}
"""Of the tasks of a class, beside those."""


def note_old_argument(owner: str, name: str, old: OldArgument) -> None:
    """Note that author code gives the argument to `owner` ("DAG", or the name of a class)."""
    note_deprecated(f"{owner}({name}=...)", old.advice, since=old.since, removed_in=old.removed_in)


def note_class_argument(task: object, name: str) -> None:
    """Note an old argument of the task's class, or of the one above it that has it."""
    for kind in type(task).__mro__:
        old = CLASS_ARGUMENTS.get(kind.__name__, {}).get(name)
        if old is not None:
            note_old_argument(kind.__name__, name, old)
            return
