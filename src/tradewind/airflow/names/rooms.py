"""Modules below `airflow.sdk` in which few files look: where classes are defined, rather than where they are promised."""

from __future__ import annotations

from tradewind.airflow.entries import Names, now

_RESOURCES = now(
    ".sdk.policies.operator_resources",
    "CpuResource DiskResource EB GB GpuResource MB PB RamResource Resource Resources TB",
)
# Lineage of providers asks whether a task is of one of these: what it gets here is the task itself.
_OPERATOR = now(".sdk.definitions.operator", "SerializedBaseOperator=BaseOperator")
_DAG = now(".sdk.definitions.dag", "SerializedDAG=DAG")

ROOMS: dict[str, Names] = {
    "airflow.sdk.crypto": now(
        ".sdk.secrets.crypto", "get_fernet _NullFernet=NullFernet _RealFernet=RealFernet FernetProtocol=RealFernet"
    ),
    "airflow.sdk.definitions._internal.decorators": now(".sdk.toolkit.callables", "remove_task_decorator"),
    "airflow.sdk.definitions._internal.logging_mixin": now(".sdk.toolkit.log", "LoggingMixin"),
    "airflow.sdk.definitions.decorators.condition": now(".sdk.operators.conditions", "run_if skip_if"),
    "airflow.sdk.definitions.decorators.task_group": now(".sdk.definitions.task_group", "task_group"),
    "airflow.sdk.definitions.operator_resources": _RESOURCES,
    "airflow.sdk.definitions.timetables.events": now(".sdk.timetables.classes", "EventsTimetable"),
    "airflow.sdk.definitions.timetables.interval": now(
        ".sdk.timetables.classes", "CronDataIntervalTimetable DeltaDataIntervalTimetable"
    ),
    "airflow.sdk.definitions.timetables.simple": now(
        ".sdk.timetables.classes", "ContinuousTimetable NullTimetable OnceTimetable"
    ),
    "airflow.serialization.definitions": {},
    "airflow.serialization.definitions.baseoperator": _OPERATOR,
    "airflow.serialization.definitions.dag": _DAG,
    "airflow.serialization.definitions.mappedoperator": now(
        ".sdk.mapping.mapped_operator", "SerializedMappedOperator=MappedOperator"
    ),
    "airflow.serialization.serialized_objects": {**_OPERATOR, **_DAG},
    "airflow.utils.operator_resources": _RESOURCES,
}
