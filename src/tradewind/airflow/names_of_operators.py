"""Operators, sensors and triggers below `airflow.operators` and the like, in the spellings of 1.10 and 2."""

from __future__ import annotations

from tradewind.airflow.entries import Names, missing, now, old

_STANDARD = "airflow.providers.standard.operators"
_SMTP = "airflow.providers.smtp.operators.smtp"

_BASH = "BashOperator"
_BRANCH = "BaseBranchOperator"
_EMPTY = "DummyOperator=EmptyOperator"
_LATEST = "LatestOnlyOperator"
_OTHER_PYTHON = (
    "PythonVirtualenvOperator ExternalPythonOperator BranchPythonVirtualenvOperator BranchExternalPythonOperator"
)
_PYTHON = "PythonOperator BranchPythonOperator ShortCircuitOperator"

OPERATORS: dict[str, Names] = {
    "airflow.operators": {
        # Airflow 1.10: `from airflow.operators import BashOperator`
        **old(".sdk.operators.bash", _BASH, f"{_STANDARD}.bash", since="1.10", removed_in="2.0"),
        **old(".sdk.operators.empty", _EMPTY, f"{_STANDARD}.empty", since="1.10", removed_in="2.0"),
        **old(".sdk.operators.latest_only", _LATEST, f"{_STANDARD}.latest_only", since="1.10", removed_in="2.0"),
        **old(".sdk.operators.python", _PYTHON, f"{_STANDARD}.python", since="1.10", removed_in="2.0"),
        **old(".sdk.definitions.operator", "BaseOperator", "airflow.sdk", since="1.10", removed_in="2.0"),
        **old(
            ".sdk.subdags.operator",
            "SubDagOperator",
            "=a TaskGroup of airflow.sdk",
            since="1.10",
            removed_in="2.0",
        ),
    },
    "airflow.operators.bash": old(".sdk.operators.bash", _BASH, f"{_STANDARD}.bash"),
    "airflow.operators.bash_operator": old(
        ".sdk.operators.bash", _BASH, f"{_STANDARD}.bash", since="2.0", removed_in="3.0"
    ),
    "airflow.operators.branch": old(".sdk.operators.branch", f"{_BRANCH} BranchMixIn", "airflow.sdk.bases.branch"),
    "airflow.operators.branch_operator": old(
        ".sdk.operators.branch", _BRANCH, "airflow.sdk", since="2.0", removed_in="3.0"
    ),
    "airflow.operators.dagrun_operator": {
        **old(
            ".sdk.operators.trigger_dag_run",
            "TriggerDagRunOperator TriggerDagRunLink",
            f"{_STANDARD}.trigger_dagrun",
            since="2.0",
            removed_in="3.0",
        ),
        **missing("DagRunOrder", "TriggerDagRunOperator takes conf since Airflow 2.0, and no python_callable"),
    },
    "airflow.operators.datetime": {
        **old(".sdk.operators.branch_dates", "BranchDateTimeOperator", f"{_STANDARD}.datetime"),
        **old(
            ".sdk.operators.branch_dates",
            "target_times_as_dates",
            f"{_STANDARD}.datetime",
            since="3.0",
            removed_in="3.0",
        ),
    },
    "airflow.operators.dummy": old(".sdk.operators.empty", _EMPTY, f"{_STANDARD}.empty", since="2.4", removed_in="3.0"),
    "airflow.operators.dummy_operator": old(
        ".sdk.operators.empty", _EMPTY, f"{_STANDARD}.empty", since="2.0", removed_in="3.0"
    ),
    "airflow.operators.email": old(".sdk.mail.operator", "EmailOperator", _SMTP),
    "airflow.operators.email_operator": old(
        ".sdk.mail.operator", "EmailOperator", _SMTP, since="2.0", removed_in="3.0"
    ),
    "airflow.operators.empty": old(".sdk.operators.empty", "EmptyOperator", f"{_STANDARD}.empty"),
    "airflow.operators.latest_only": old(".sdk.operators.latest_only", _LATEST, f"{_STANDARD}.latest_only"),
    "airflow.operators.latest_only_operator": old(
        ".sdk.operators.latest_only", _LATEST, f"{_STANDARD}.latest_only", since="2.0", removed_in="3.0"
    ),
    "airflow.operators.python": {
        **old(".sdk.operators.python", _PYTHON, f"{_STANDARD}.python"),
        **old(".sdk.runtime.current", "get_current_context", "airflow.sdk"),
        **old(".sdk.definitions.taskflow", "task", "airflow.sdk", since="2.0", removed_in="2.0"),
        **old(".sdk.virtualenvs.operators", _OTHER_PYTHON, f"{_STANDARD}.python"),
        **old(
            ".sdk.virtualenvs.environments",
            "is_venv_installed",
            "=nothing: environments can always be made",
            since="2.9",
            removed_in="3.0",
        ),
    },
    "airflow.operators.python_operator": {
        **old(".sdk.operators.python", _PYTHON, f"{_STANDARD}.python", since="2.0", removed_in="3.0"),
        **old(
            ".sdk.virtualenvs.operators",
            "PythonVirtualenvOperator",
            f"{_STANDARD}.python",
            since="2.0",
            removed_in="3.0",
        ),
    },
    "airflow.operators.smooth": old(".sdk.operators.smooth", "SmoothOperator", f"{_STANDARD}.smooth"),
    "airflow.operators.subdag": old(
        ".sdk.subdags.operator", "SubDagOperator", "=a TaskGroup of airflow.sdk", since="2.0", removed_in="3.0"
    ),
    "airflow.operators.subdag_operator": old(
        ".sdk.subdags.operator", "SubDagOperator", "=a TaskGroup of airflow.sdk", since="2.0", removed_in="3.0"
    ),
    "airflow.operators.trigger_dagrun": {
        **old(".sdk.operators.trigger_dag_run", "TriggerDagRunOperator", f"{_STANDARD}.trigger_dagrun"),
        **old(
            ".sdk.operators.trigger_dag_run",
            "TriggerDagRunLink XCOM_RUN_ID",
            f"{_STANDARD}.trigger_dagrun",
            since="3.0",
            removed_in="3.0",
        ),
    },
    "airflow.operators.weekday": old(".sdk.operators.branch_dates", "BranchDayOfWeekOperator", f"{_STANDARD}.weekday"),
}

_STANDARD_SENSORS = "airflow.providers.standard.sensors"

_EXTERNAL_TASK = "ExternalTaskSensor ExternalTaskMarker"
_EXTERNAL_LINK = "ExternalTaskSensorLink=ExternalDagLink"

SENSORS: dict[str, Names] = {
    "airflow.contrib": {},
    "airflow.contrib.hooks": {},
    "airflow.contrib.hooks.fs_hook": old(
        ".sdk.sensors.filesystem",
        "FSHook",
        "airflow.providers.standard.hooks.filesystem",
        since="2.0",
        removed_in="3.0",
    ),
    "airflow.contrib.sensors": {},
    "airflow.contrib.sensors.bash_sensor": old(
        ".sdk.sensors.bash", "BashSensor", f"{_STANDARD_SENSORS}.bash", since="2.0", removed_in="3.0"
    ),
    "airflow.contrib.sensors.file_sensor": old(
        ".sdk.sensors.filesystem", "FileSensor", f"{_STANDARD_SENSORS}.filesystem", since="2.0", removed_in="3.0"
    ),
    "airflow.contrib.sensors.python_sensor": old(
        ".sdk.sensors.python", "PythonSensor", f"{_STANDARD_SENSORS}.python", since="2.0", removed_in="3.0"
    ),
    "airflow.contrib.sensors.weekday_sensor": old(
        ".sdk.sensors.weekday", "DayOfWeekSensor", f"{_STANDARD_SENSORS}.weekday", since="2.0", removed_in="3.0"
    ),
    "airflow.hooks.package_index": old(
        ".sdk.virtualenvs.package_index", "PackageIndexHook", "airflow.providers.standard.hooks.package_index"
    ),
    "airflow.hooks.filesystem": old(".sdk.sensors.filesystem", "FSHook", "airflow.providers.standard.hooks.filesystem"),
    "airflow.operators.sensors": {
        **old(".sdk.sensors.sensor", "BaseSensorOperator", "airflow.sdk", since="1.10", removed_in="2.0"),
        **old(
            ".sdk.sensors.external_task",
            "ExternalTaskSensor",
            f"{_STANDARD_SENSORS}.external_task",
            since="1.10",
            removed_in="2.0",
        ),
        **old(".sdk.sensors.moments", "TimeSensor", f"{_STANDARD_SENSORS}.time", since="1.10", removed_in="2.0"),
        **old(
            ".sdk.sensors.moments", "TimeDeltaSensor", f"{_STANDARD_SENSORS}.time_delta", since="1.10", removed_in="2.0"
        ),
    },
    "airflow.sensors": old(".sdk.sensors.sensor", "BaseSensorOperator", "airflow.sdk", since="1.10", removed_in="2.0"),
    "airflow.sensors.base": {
        **old(".sdk.sensors.sensor", "BaseSensorOperator PokeReturnValue", "airflow.sdk"),
        **old(".sdk.sensors.sensor", "poke_mode_only", "airflow.sdk.bases.sensor"),
    },
    "airflow.sensors.base_sensor_operator": old(
        ".sdk.sensors.sensor", "BaseSensorOperator", "airflow.sdk", since="2.0", removed_in="3.0"
    ),
    "airflow.sensors.bash": old(".sdk.sensors.bash", "BashSensor", f"{_STANDARD_SENSORS}.bash"),
    "airflow.sensors.date_time": old(
        ".sdk.sensors.moments", "DateTimeSensor DateTimeSensorAsync", f"{_STANDARD_SENSORS}.date_time"
    ),
    "airflow.sensors.date_time_sensor": old(
        ".sdk.sensors.moments", "DateTimeSensor", f"{_STANDARD_SENSORS}.date_time", since="2.0", removed_in="3.0"
    ),
    "airflow.sensors.external_task": old(
        ".sdk.sensors.external_task",
        f"{_EXTERNAL_TASK} ExternalDagLink {_EXTERNAL_LINK}",
        f"{_STANDARD_SENSORS}.external_task",
    ),
    "airflow.sensors.external_task_sensor": old(
        ".sdk.sensors.external_task",
        f"{_EXTERNAL_TASK} {_EXTERNAL_LINK}",
        f"{_STANDARD_SENSORS}.external_task",
        since="2.0",
        removed_in="3.0",
    ),
    "airflow.sensors.filesystem": old(".sdk.sensors.filesystem", "FileSensor", f"{_STANDARD_SENSORS}.filesystem"),
    "airflow.sensors.python": old(".sdk.sensors.python", "PythonSensor", f"{_STANDARD_SENSORS}.python"),
    "airflow.sensors.time_delta": old(
        ".sdk.sensors.moments",
        "TimeDeltaSensor TimeDeltaSensorAsync WaitSensor",
        f"{_STANDARD_SENSORS}.time_delta",
    ),
    "airflow.sensors.time_delta_sensor": old(
        ".sdk.sensors.moments", "TimeDeltaSensor", f"{_STANDARD_SENSORS}.time_delta", since="2.0", removed_in="3.0"
    ),
    "airflow.sensors.time_sensor": old(
        ".sdk.sensors.moments", "TimeSensor TimeSensorAsync", f"{_STANDARD_SENSORS}.time"
    ),
    "airflow.sensors.weekday": old(".sdk.sensors.weekday", "DayOfWeekSensor", f"{_STANDARD_SENSORS}.weekday"),
}

_STANDARD_TRIGGERS = "airflow.providers.standard.triggers"
_TRIGGER_BASES = "BaseTrigger BaseEventTrigger"
_TRIGGER_EVENTS = (
    "TriggerEvent BaseTaskEndEvent TaskSuccessEvent TaskFailedEvent TaskSkippedEvent StartTriggerArgs "
    "DiscrimatedTriggerEvent=TriggerEvent"
)
_TEMPORAL_TRIGGERS = "DateTimeTrigger TimeDeltaTrigger"

_FILE_TRIGGERS = "FileTrigger FileDeleteTrigger DirectoryFileDeleteTrigger"
_EXTERNAL_TRIGGERS = "WorkflowTrigger DagStateTrigger"

TRIGGERS: dict[str, Names] = {
    "airflow.triggers": {},
    "airflow.triggers.base": {
        **now(".sdk.triggers.trigger", _TRIGGER_BASES),
        **now(".sdk.triggers.events", _TRIGGER_EVENTS),
    },
    "airflow.triggers.external_task": {
        **old(".sdk.triggers.external_task", _EXTERNAL_TRIGGERS, f"{_STANDARD_TRIGGERS}.external_task"),
        **old(
            ".sdk.triggers.external_task",
            "TaskStateTrigger",
            f"=WorkflowTrigger of {_STANDARD_TRIGGERS}.external_task",
            removed_in="3.0",
        ),
    },
    "airflow.triggers.file": old(".sdk.triggers.filesystem", "FileTrigger", f"{_STANDARD_TRIGGERS}.file"),
    "airflow.triggers.temporal": old(".sdk.triggers.temporal", _TEMPORAL_TRIGGERS, f"{_STANDARD_TRIGGERS}.temporal"),
    "airflow.providers.standard.triggers": {},
    "airflow.providers.standard.triggers.external_task": now(".sdk.triggers.external_task", _EXTERNAL_TRIGGERS),
    "airflow.providers.standard.triggers.file": now(".sdk.triggers.filesystem", _FILE_TRIGGERS),
    "airflow.providers.standard.triggers.hitl": missing(
        "HITLTrigger", "a task that asks a person waits without a trigger, as in Airflow 3.3: use HITLOperator"
    ),
    "airflow.providers.standard.triggers.temporal": now(".sdk.triggers.temporal", _TEMPORAL_TRIGGERS),
}
