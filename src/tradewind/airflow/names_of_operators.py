"""Operators and sensors below `airflow.operators`, in the spellings of 1.10 and 2."""

from __future__ import annotations

from tradewind.airflow.entries import Names, missing, old

_STANDARD = "airflow.providers.standard.operators"
_SUBDAG = "SubDAGs are gone since Airflow 3.0: use a TaskGroup"
_LATER = "not in this release of Tradewind"

_BASH = "BashOperator"
_BRANCH = "BaseBranchOperator"
_EMPTY = "DummyOperator=EmptyOperator"
_LATEST = "LatestOnlyOperator"
_PYTHON = "PythonOperator BranchPythonOperator ShortCircuitOperator"

OPERATORS: dict[str, Names] = {
    "airflow.operators": {
        # Airflow 1.10: `from airflow.operators import BashOperator`
        **old(".sdk.operators.bash", _BASH, f"{_STANDARD}.bash", since="1.10", removed_in="2.0"),
        **old(".sdk.operators.empty", _EMPTY, f"{_STANDARD}.empty", since="1.10", removed_in="2.0"),
        **old(".sdk.operators.latest_only", _LATEST, f"{_STANDARD}.latest_only", since="1.10", removed_in="2.0"),
        **old(".sdk.operators.python", _PYTHON, f"{_STANDARD}.python", since="1.10", removed_in="2.0"),
        **old(".sdk.definitions.operator", "BaseOperator", "airflow.sdk", since="1.10", removed_in="2.0"),
        **missing("SubDagOperator", _SUBDAG),
    },
    "airflow.operators.bash": old(".sdk.operators.bash", _BASH, f"{_STANDARD}.bash"),
    "airflow.operators.bash_operator": old(
        ".sdk.operators.bash", _BASH, f"{_STANDARD}.bash", since="2.0", removed_in="3.0"
    ),
    "airflow.operators.branch": old(".sdk.operators.branch", f"{_BRANCH} BranchMixIn", "airflow.sdk.bases.branch"),
    "airflow.operators.branch_operator": old(
        ".sdk.operators.branch", _BRANCH, "airflow.sdk", since="2.0", removed_in="3.0"
    ),
    "airflow.operators.dagrun_operator": missing("TriggerDagRunOperator DagRunOrder", _LATER),
    "airflow.operators.datetime": missing("BranchDateTimeOperator", _LATER),
    "airflow.operators.dummy": old(".sdk.operators.empty", _EMPTY, f"{_STANDARD}.empty", since="2.4", removed_in="3.0"),
    "airflow.operators.dummy_operator": old(
        ".sdk.operators.empty", _EMPTY, f"{_STANDARD}.empty", since="2.0", removed_in="3.0"
    ),
    "airflow.operators.email": missing("EmailOperator", f"{_LATER}; the smtp provider has one"),
    "airflow.operators.empty": old(".sdk.operators.empty", "EmptyOperator", f"{_STANDARD}.empty"),
    "airflow.operators.latest_only": old(".sdk.operators.latest_only", _LATEST, f"{_STANDARD}.latest_only"),
    "airflow.operators.latest_only_operator": old(
        ".sdk.operators.latest_only", _LATEST, f"{_STANDARD}.latest_only", since="2.0", removed_in="3.0"
    ),
    "airflow.operators.python": {
        **old(".sdk.operators.python", _PYTHON, f"{_STANDARD}.python"),
        **old(".sdk.runtime.current", "get_current_context", "airflow.sdk"),
        **old(".sdk.definitions.taskflow", "task", "airflow.sdk", since="2.0", removed_in="2.0"),
        **missing("PythonVirtualenvOperator ExternalPythonOperator BranchPythonVirtualenvOperator", _LATER),
        **missing("BranchExternalPythonOperator is_venv_installed", _LATER),
    },
    "airflow.operators.python_operator": {
        **old(".sdk.operators.python", _PYTHON, f"{_STANDARD}.python", since="2.0", removed_in="3.0"),
        **missing("PythonVirtualenvOperator", _LATER),
    },
    "airflow.operators.subdag": missing("SubDagOperator", _SUBDAG),
    "airflow.operators.subdag_operator": missing("SubDagOperator", _SUBDAG),
    "airflow.operators.trigger_dagrun": missing("TriggerDagRunOperator", _LATER),
    "airflow.operators.weekday": missing("BranchDayOfWeekOperator", _LATER),
}
