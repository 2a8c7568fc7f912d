"""Every name of the table leads to something, and the names of DAG files in the wild are in it."""

from __future__ import annotations

import pytest

from tradewind.airflow import table
from tradewind.airflow.entries import Entry
from tradewind.airflow.utils.deprecation_tools import load

NAMES = [(module, name) for module, names in table.TABLE.items() for name in names]
WILD = """
airflow:DAG airflow.models:DAG airflow.models.dag:DAG airflow.decorators:dag airflow.decorators:task
airflow.decorators:task_group airflow:XComArg airflow.operators.python:PythonOperator
airflow.operators.empty:EmptyOperator airflow.operators.bash:BashOperator airflow.operators.dummy:DummyOperator
airflow.operators.python:BranchPythonOperator airflow.operators.python:ShortCircuitOperator
airflow.operators.python:get_current_context airflow.operators.latest_only:LatestOnlyOperator
airflow.operators.python_operator:PythonOperator airflow.operators.bash_operator:BashOperator
airflow.operators.dummy_operator:DummyOperator airflow.hooks.base_hook:BaseHook
airflow.utils.decorators:apply_defaults airflow.operators.latest_only_operator:LatestOnlyOperator
airflow.models:Variable airflow.models:BaseOperator airflow.models.baseoperator:BaseOperator
airflow.models.param:Param airflow.models:Param airflow.models:TaskInstance airflow.models:DagRun
airflow.models:Connection airflow.models.connection:Connection airflow.models:XCom
airflow.models.taskinstance:Context airflow.models:DagBag airflow.hooks.base:BaseHook
airflow.utils.trigger_rule:TriggerRule airflow.utils.dates:days_ago airflow.utils.task_group:TaskGroup
airflow.utils.context:Context airflow.utils.state:State airflow.utils.timezone:utcnow
airflow.utils.session:provide_session airflow.utils.log.logging_mixin:LoggingMixin airflow.utils.edgemodifier:Label
airflow.exceptions:AirflowException airflow.exceptions:AirflowSkipException airflow.exceptions:AirflowFailException
airflow.models.baseoperator:chain airflow.configuration:conf airflow.settings:Session
airflow.plugins_manager:AirflowPlugin airflow.timetables.trigger:CronTriggerTimetable airflow.macros:ds_add
airflow.sdk:dag airflow.sdk:task airflow.sdk:DAG airflow.sdk:chain airflow.sdk:get_current_context
airflow.sdk:Variable airflow.sdk:TaskGroup airflow.sdk:Param airflow.sdk:Label airflow.sdk.bases.operator:BaseOperator
airflow.sdk.bases.hook:BaseHook airflow.sdk.definitions.context:Context
airflow.providers.standard.operators.python:PythonOperator airflow.providers.standard.operators.bash:BashOperator
airflow.providers.standard.operators.empty:EmptyOperator airflow.utils.helpers:exactly_one airflow.version:version
airflow.sensors.external_task:ExternalTaskSensor airflow.sensors.external_task_sensor:ExternalTaskSensor
airflow.sensors.base:BaseSensorOperator airflow.sensors.python:PythonSensor airflow.sensors.filesystem:FileSensor
airflow.sensors.time_delta:TimeDeltaSensor airflow.sensors.weekday:DayOfWeekSensor airflow.sdk:BaseSensorOperator
airflow.sdk.bases.sensor:PokeReturnValue airflow.providers.standard.sensors.external_task:ExternalTaskSensor
airflow.utils.types:NOTSET airflow.utils.strings:to_boolean airflow.sdk:literal airflow.template.templater:Templater
"""


def entry(module: str, name: str) -> Entry:
    found = table.entry_of(module, name)
    assert found is not None, f"{module}:{name}"
    return found


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[f"{module}:{name}" for module, name in NAMES])
def test_every_name_leads_to_something(module: str, name: str) -> None:
    found = entry(module, name)
    if not found.target:
        assert found.modern
        return
    if name == "*":
        pytest.importorskip(found.target if not found.target.startswith(".") else f"tradewind{found.target}")
        return
    assert load(module, name, found) is not None or name == "NEW_SESSION"


@pytest.mark.parametrize("spelling", WILD.split())
def test_what_files_in_the_wild_import_is_there(spelling: str) -> None:
    module, _, name = spelling.partition(":")
    found = entry(module, name)
    assert found.target
    assert load(module, name, found) is not None


def test_every_spelling_of_one_thing_is_one_object() -> None:
    for name, modules in {
        "DAG": ["airflow", "airflow.models", "airflow.models.dag", "airflow.sdk"],
        "BaseOperator": ["airflow.models", "airflow.models.baseoperator", "airflow.sdk", "airflow.sdk.bases.operator"],
        "AirflowException": ["airflow.exceptions", "airflow.sdk.exceptions", "airflow"],
        "PythonOperator": ["airflow.operators.python_operator", "airflow.providers.standard.operators.python"],
    }.items():
        assert len({id(load(module, name, entry(module, name))) for module in modules}) == 1


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[f"{module}:{name}" for module, name in NAMES])
def test_a_deprecated_name_says_what_is_modern_and_since_when(module: str, name: str) -> None:
    found = entry(module, name)
    if found.is_deprecated:
        assert found.modern
        assert found.since <= found.removed_in or found.since.startswith("1.10")
    else:
        assert not found.target or not found.modern


def test_modern_forms_are_in_the_table_themselves() -> None:
    for module, name in NAMES:
        found = entry(module, name)
        spelled, _, last = found.modern.rpartition(".")
        if found.is_deprecated and spelled in table.TABLE:
            modern = table.entry_of(spelled, last)
            assert modern is not None, f"{module}:{name} -> {found.modern}"
            assert (modern.target, modern.attribute) == (found.target, found.attribute) or name == "*"
