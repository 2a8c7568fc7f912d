"""Tradewind: runs Apache Airflow DAG files on a control plane of its own."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tradewind._version import __version__ as __version__
    from tradewind.core.trigger_rules import TriggerRule as TriggerRule
    from tradewind.sdk.connection import Connection as Connection
    from tradewind.sdk.definitions.dag import DAG as DAG
    from tradewind.sdk.definitions.dag import dag as dag
    from tradewind.sdk.definitions.edges import EdgeModifier as EdgeModifier
    from tradewind.sdk.definitions.edges import Label as Label
    from tradewind.sdk.definitions.edges import chain as chain
    from tradewind.sdk.definitions.edges import chain_linear as chain_linear
    from tradewind.sdk.definitions.edges import cross_downstream as cross_downstream
    from tradewind.sdk.definitions.operator import BaseOperator as BaseOperator
    from tradewind.sdk.definitions.param import Param as Param
    from tradewind.sdk.definitions.param import ParamsDict as ParamsDict
    from tradewind.sdk.definitions.task_group import TaskGroup as TaskGroup
    from tradewind.sdk.definitions.task_group import task_group as task_group
    from tradewind.sdk.definitions.taskflow import task as task
    from tradewind.sdk.definitions.xcom_arg import XComArg as XComArg
    from tradewind.sdk.hooks import BaseHook as BaseHook
    from tradewind.sdk.mail.operator import EmailOperator as EmailOperator
    from tradewind.sdk.operators.bash import BashOperator as BashOperator
    from tradewind.sdk.operators.branch import BaseBranchOperator as BaseBranchOperator
    from tradewind.sdk.operators.branch_dates import BranchDateTimeOperator as BranchDateTimeOperator
    from tradewind.sdk.operators.branch_dates import BranchDayOfWeekOperator as BranchDayOfWeekOperator
    from tradewind.sdk.operators.empty import EmptyOperator as EmptyOperator
    from tradewind.sdk.operators.latest_only import LatestOnlyOperator as LatestOnlyOperator
    from tradewind.sdk.operators.python import BranchPythonOperator as BranchPythonOperator
    from tradewind.sdk.operators.python import PythonOperator as PythonOperator
    from tradewind.sdk.operators.python import ShortCircuitOperator as ShortCircuitOperator
    from tradewind.sdk.operators.setup_teardown import setup as setup
    from tradewind.sdk.operators.setup_teardown import teardown as teardown
    from tradewind.sdk.operators.trigger_dag_run import TriggerDagRunOperator as TriggerDagRunOperator
    from tradewind.sdk.runtime.current import get_current_context as get_current_context
    from tradewind.sdk.sensors.bash import BashSensor as BashSensor
    from tradewind.sdk.sensors.external_task import ExternalTaskMarker as ExternalTaskMarker
    from tradewind.sdk.sensors.external_task import ExternalTaskSensor as ExternalTaskSensor
    from tradewind.sdk.sensors.filesystem import FileSensor as FileSensor
    from tradewind.sdk.sensors.moments import DateTimeSensor as DateTimeSensor
    from tradewind.sdk.sensors.moments import TimeDeltaSensor as TimeDeltaSensor
    from tradewind.sdk.sensors.moments import TimeSensor as TimeSensor
    from tradewind.sdk.sensors.moments import WaitSensor as WaitSensor
    from tradewind.sdk.sensors.python import PythonSensor as PythonSensor
    from tradewind.sdk.sensors.sensor import BaseSensorOperator as BaseSensorOperator
    from tradewind.sdk.sensors.sensor import PokeReturnValue as PokeReturnValue
    from tradewind.sdk.sensors.weekday import DayOfWeekSensor as DayOfWeekSensor
    from tradewind.sdk.variable import Variable as Variable
    from tradewind.sdk.virtualenvs.operators import ExternalPythonOperator as ExternalPythonOperator
    from tradewind.sdk.virtualenvs.operators import PythonVirtualenvOperator as PythonVirtualenvOperator

_MODULES = {
    "BaseBranchOperator": "sdk.operators.branch",
    "BaseHook": "sdk.hooks",
    "BaseOperator": "sdk.definitions.operator",
    "BaseSensorOperator": "sdk.sensors.sensor",
    "BashOperator": "sdk.operators.bash",
    "BashSensor": "sdk.sensors.bash",
    "BranchDateTimeOperator": "sdk.operators.branch_dates",
    "BranchDayOfWeekOperator": "sdk.operators.branch_dates",
    "BranchPythonOperator": "sdk.operators.python",
    "Connection": "sdk.connection",
    "DAG": "sdk.definitions.dag",
    "DateTimeSensor": "sdk.sensors.moments",
    "DayOfWeekSensor": "sdk.sensors.weekday",
    "EdgeModifier": "sdk.definitions.edges",
    "EmailOperator": "sdk.mail.operator",
    "EmptyOperator": "sdk.operators.empty",
    "ExternalPythonOperator": "sdk.virtualenvs.operators",
    "ExternalTaskMarker": "sdk.sensors.external_task",
    "ExternalTaskSensor": "sdk.sensors.external_task",
    "FileSensor": "sdk.sensors.filesystem",
    "Label": "sdk.definitions.edges",
    "LatestOnlyOperator": "sdk.operators.latest_only",
    "Param": "sdk.definitions.param",
    "ParamsDict": "sdk.definitions.param",
    "PokeReturnValue": "sdk.sensors.sensor",
    "PythonOperator": "sdk.operators.python",
    "PythonSensor": "sdk.sensors.python",
    "PythonVirtualenvOperator": "sdk.virtualenvs.operators",
    "ShortCircuitOperator": "sdk.operators.python",
    "TaskGroup": "sdk.definitions.task_group",
    "TimeDeltaSensor": "sdk.sensors.moments",
    "TimeSensor": "sdk.sensors.moments",
    "TriggerDagRunOperator": "sdk.operators.trigger_dag_run",
    "TriggerRule": "core.trigger_rules",
    "Variable": "sdk.variable",
    "WaitSensor": "sdk.sensors.moments",
    "XComArg": "sdk.definitions.xcom_arg",
    "__version__": "_version",
    "chain": "sdk.definitions.edges",
    "chain_linear": "sdk.definitions.edges",
    "cross_downstream": "sdk.definitions.edges",
    "dag": "sdk.definitions.dag",
    "get_current_context": "sdk.runtime.current",
    "setup": "sdk.operators.setup_teardown",
    "task": "sdk.definitions.taskflow",
    "task_group": "sdk.definitions.task_group",
    "teardown": "sdk.operators.setup_teardown",
}
"""Public name -> module, below this package. A name is loaded when it is first used: this file imports nothing."""


def __getattr__(name: str) -> "Any":
    module_name = _MODULES.get(name)
    if module_name is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{module_name}"), name)
    globals()[name] = value
    return value


def __dir__() -> "list[str]":
    return sorted({*globals(), *_MODULES})
