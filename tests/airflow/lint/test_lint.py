"""Deprecated spellings in the text of DAG files: what is found, and what a rewritten file looks like."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.airflow.lint.files import declare, find, fix, is_of_airflow_2
from tradewind.airflow.lint.finding import Edit, apply_edits
from tradewind.airflow.lint.report import Row, as_github, as_json, as_text, merged, row_of

HEAD = "from airflow import DAG\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "from airflow.operators.dummy_operator import DummyOperator  # why\nDummyOperator(task_id='é')\n",
            "from airflow.providers.standard.operators.empty import EmptyOperator  # why\nEmptyOperator(task_id='é')\n",
        ),
        (
            "from airflow.operators.dummy import DummyOperator as Dummy\nDummy()\n",
            "from airflow.providers.standard.operators.empty import EmptyOperator as Dummy\nDummy()\n",
        ),
        (
            "from airflow.operators.dummy import DummyOperator\nEmptyOperator = 1\nDummyOperator(task_id='a')\n",
            (
                "from airflow.providers.standard.operators.empty import EmptyOperator as DummyOperator\n"
                "EmptyOperator = 1\nDummyOperator(task_id='a')\n"
            ),
        ),
        (
            "from airflow.operators.python_operator import (\n    PythonOperator,  # one\n    BranchPythonOperator,\n)\n",
            "from airflow.providers.standard.operators.python import (\n    PythonOperator,  # one\n    BranchPythonOperator,\n)\n",
        ),
        (
            "if 1:\n    from airflow.models import DagBag, Variable\n",
            "if 1:\n    from airflow.models import DagBag\n    from airflow.sdk import Variable\n",
        ),
        (f"{HEAD}DAG('d', schedule_interval=None)\n", f"{HEAD}DAG('d', schedule=None)\n"),
        (
            f"{HEAD}DAG(\n    'd',\n    orientation='TB',\n    concurrency=4,  # few\n)\n",
            f"{HEAD}DAG(\n    'd',\n    max_active_tasks=4,  # few\n)\n",
        ),
        (f"{HEAD}DAG('d', orientation='TB')\n", f"{HEAD}DAG('d')\n"),
        (
            (
                "from airflow.providers.standard.operators.bash import BashOperator\n"
                "BashOperator(task_id='é', trigger_rule='dummy', bash_command='{{ triggering_dataset_events }}')\n"
            ),
            (
                "from airflow.providers.standard.operators.bash import BashOperator\n"
                "BashOperator(task_id='é', trigger_rule='always', bash_command='{{ triggering_asset_events }}')\n"
            ),
        ),
        (
            "from airflow.sdk import TriggerRule, task\n@task(task_concurrency=1, trigger_rule=TriggerRule.DUMMY)\ndef f(): ...\n",
            "from airflow.sdk import TriggerRule, task\n@task(max_active_tis_per_dag=1, trigger_rule=TriggerRule.ALWAYS)\ndef f(): ...\n",
        ),
        (
            f"{HEAD}default_args = {{'task_concurrency': 2, 'x': 1}}\n",
            f"{HEAD}default_args = {{'max_active_tis_per_dag': 2, 'x': 1}}\n",
        ),
        (
            "import airflow\ndef f(**context):\n    return context['prev_execution_date_success']\n",
            "import airflow\ndef f(**context):\n    return context['prev_data_interval_start_success']\n",
        ),
    ],
)
def test_what_is_safe_is_rewritten_and_nothing_else(old: str, new: str) -> None:
    assert find(old.encode())
    assert fix(old.encode()).decode() == new
    assert fix(new.encode()).decode() == new


@pytest.mark.parametrize(
    ("source", "old"),
    [
        ("from airflow.utils.dates import days_ago\n", "airflow.utils.dates.days_ago"),
        ("from airflow.operators.email import EmailOperator\n", "airflow.operators.email.EmailOperator"),
        (f"{HEAD}DAG('d', default_view='tree',  # why\n    tags=[])\n", "DAG(default_view=...)"),
        (f"{HEAD}DAG('d', schedule=None, schedule_interval=None)\n", "DAG(schedule_interval=...)"),
        (f"{HEAD}DAG('d', default_view=look())\n", "DAG(default_view=...)"),
        ("import airflow.operators.dummy_operator\n", "airflow.operators.dummy_operator"),
        (
            "from airflow.sdk import task\n@task(sla=1)\ndef f(): ...\n",
            "@task(sla=...)",
        ),
        ("import airflow\ncontext['execution_date']\n", "context key execution_date"),
    ],
)
def test_what_somebody_has_to_think_about_is_only_told(source: str, old: str) -> None:
    [finding] = find(source.encode())
    assert finding.old == old
    assert finding.edits == ()
    assert old in finding.message
    assert fix(source.encode()) == source.encode()


def test_places_are_lines_and_characters() -> None:
    source = f"{HEAD}# é\nDAG('é', schedule_interval=None)\n"
    [finding] = find(source.encode())
    assert (finding.line, finding.column, finding.since, finding.removed_in) == (3, 10, "2.4", "3.0")


@pytest.mark.parametrize(
    "source",
    [
        "from elsewhere import DAG, days_ago\nDAG('d', schedule_interval=None)\n",
        "x = DummyOperator(provide_context=True)\n",
        f"{HEAD}with DAG('d', schedule=None):\n    pass\n",
        f"{HEAD}print('{{{{ execution_date }}}}')\n",
        "",
    ],
)
def test_what_is_current_or_not_airflows_is_left_alone(source: str) -> None:
    assert find(source.encode()) == []


def test_a_file_that_is_no_python_says_so() -> None:
    with pytest.raises(SyntaxError):
        find(b"from airflow import (\n")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"{HEAD}DAG('d', schedule_interval=None)\n", True),
        ("# airflow-defaults: 2\n", True),
        ("from airflow.models import Variable\n", False),
        ("import airflow\ncontext['execution_date']\n", False),
    ],
)
def test_what_loading_would_meet_decides_over_defaults(source: str, expected: bool) -> None:
    assert is_of_airflow_2(source.encode()) is expected


def test_a_declaration_stands_below_what_has_to_stand_first() -> None:
    top = b"#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n"
    assert declare(top + b"x = 1\n", 2) == top + b"# airflow-defaults: 2\nx = 1\n"
    assert declare(b"x = 1\n", 2) == b"# airflow-defaults: 2\nx = 1\n"


@given(st.binary(max_size=20), st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=5))
def test_edits_leave_alone_what_is_around_them(source: bytes, places: list[tuple[int, int]]) -> None:
    edits = [Edit(min(at, len(source)), min(at + size, len(source)), "") for at, size in places]
    left = apply_edits(source, edits)
    removed = {n for edit in edits for n in range(edit.start, edit.end)}
    assert len(left) >= len(source) - len(removed)
    if not removed:
        assert left == source


def test_reports_tell_each_thing_once() -> None:
    [finding] = find(f"{HEAD}DAG(\n    'd', schedule_interval=None)\n".encode())
    found = row_of("a,b.py", finding)
    same = found._replace(line=2, column=1, is_fixable=False, since="", removed_in="", modern="")
    other = Row("a,b.py", 1, 1, "it cannot be loaded: 100% broken\nreally")
    rows = merged([found], [same, other])
    assert rows == [other, found]
    assert as_text(rows).splitlines()[-1].startswith("a,b.py:3:10: DAG(schedule_interval=...) is deprecated since")
    assert as_text([found]).endswith("[--fix]")
    assert json.loads(as_json(rows))[1]["modern"] == "schedule="
    first, second = as_github(rows).splitlines()
    assert first == (
        "::error file=a%2Cb.py,line=1,col=1,title=tradewind dags lint::it cannot be loaded: 100%25 broken%0Areally"
    )
    assert second.startswith("::warning file=a%2Cb.py,line=3,col=10,")
