"""Spellings of Airflow 1.10 and 2: they work, are noted with their modern form, and bring Airflow 2's defaults."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tradewind import DAG, BashOperator, EmptyOperator, PythonOperator, task
from tradewind.sdk.author_defaults import AuthorDefaults, airflow_of, install_author_defaults
from tradewind.sdk.deprecations import (
    drain_deprecations,
    forget_file,
    is_written_for_airflow_2,
    note_deprecated,
    spelling_of_airflow_2,
)
from tradewind.sdk.exceptions import RemovedInAirflow3Warning, RemovedInAirflow4Warning
from tradewind.sdk.timetables.classes import CronDataIntervalTimetable, DeltaDataIntervalTimetable, OnceTimetable

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
pytestmark = pytest.mark.filterwarnings("ignore::tradewind.sdk.exceptions.RemovedInAirflow3Warning")


def notes() -> dict[str, str]:
    return {note.old: note.modern for note in drain_deprecations()}


@pytest.mark.parametrize(
    ("argument", "value", "attribute", "means", "modern"),
    [
        ("schedule_interval", "@hourly", "schedule", "@hourly", "schedule="),
        ("schedule_interval", None, "schedule", None, "schedule="),
        ("concurrency", 3, "max_active_tasks", 3, "max_active_tasks="),
        ("fail_stop", True, "fail_fast", True, "fail_fast="),
        ("default_view", "tree", "dag_id", "d", ""),
        ("orientation", "LR", "dag_id", "d", ""),
        ("full_filepath", "/x.py", "fileloc", __file__, ""),
        ("sla_miss_callback", print, "dag_id", "d", "deadline="),
    ],
)
def test_arguments_that_airflow_3_has_dropped(
    argument: str, value: object, attribute: str, means: object, modern: str
) -> None:
    made = DAG("d", **{argument: value})  # type: ignore[arg-type]
    assert getattr(made, attribute) == means
    assert notes() == {f"DAG({argument}=...)": modern}


def test_a_timetable_argument_is_the_schedule() -> None:
    timetable = OnceTimetable()
    assert DAG("d", timetable=timetable).timetable is timetable


def test_old_names_of_attributes() -> None:
    made = DAG("d", schedule="@daily", max_active_tasks=4, fail_fast=True)
    assert (made.schedule_interval, made.concurrency, made.fail_stop) == ("@daily", 4, True)
    assert (made.filepath, made.is_subdag) == (__file__, False)


def test_an_old_argument_brings_the_defaults_of_airflow_2() -> None:
    made = DAG("d", default_view="graph", start_date=START)
    assert made.airflow_defaults == 2
    assert made.schedule == timedelta(days=1)
    assert isinstance(made.timetable, DeltaDataIntervalTimetable)
    assert made.catchup is True
    assert EmptyOperator(task_id="t", dag=made).ignore_first_depends_on_past is True
    assert isinstance(DAG("e", schedule_interval="@daily").timetable, CronDataIntervalTimetable)


def test_a_modern_file_gets_the_defaults_of_airflow_3() -> None:
    made = DAG("d", start_date=START)
    assert (made.airflow_defaults, made.schedule, made.catchup) == (3, None, False)
    assert EmptyOperator(task_id="t", dag=made).ignore_first_depends_on_past is False


def test_an_old_import_makes_the_whole_file_one_of_airflow_2() -> None:
    note_deprecated("airflow.operators.python_operator", "airflow.providers.standard.operators.python")
    assert is_written_for_airflow_2(__file__)
    assert DAG("d").airflow_defaults == 2
    forget_file(__file__)
    assert DAG("d").airflow_defaults == 3
    assert notes() == {}


def test_an_old_spelling_in_a_module_of_the_authors_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "old_helpers.py"
    helper.write_text("from tradewind.sdk.deprecations import note_deprecated\nnote_deprecated('a.b', 'c.d')\n")
    (tmp_path / "new_helpers.py").write_text("import old_helpers\n\ndef name(): return 'by_helper'\n")
    file = tmp_path / "written_with_helpers.py"
    file.write_text("from new_helpers import name\nfrom tradewind import DAG\nmade = DAG(name())\n")
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {"__name__": "written_with_helpers"}
    exec(compile(file.read_text(), str(file), "exec"), names)
    assert names["made"].airflow_defaults == 2
    assert names["made"].airflow_2_spelling == (str(helper), 2, "a.b")


def test_the_installation_may_choose_for_every_file() -> None:
    install_author_defaults(AuthorDefaults(airflow=3))
    assert DAG("d", default_view="tree").airflow_defaults == 3
    install_author_defaults(AuthorDefaults(airflow=2, catchup=False))
    made = DAG("d")
    assert (made.airflow_defaults, made.catchup) == (2, False)
    assert airflow_of("any file") == 2


def test_author_defaults_are_spelled_right() -> None:
    with pytest.raises(TypeError, match="no author default 'retrys'"):
        AuthorDefaults(retrys=1)


@pytest.mark.parametrize(
    ("argument", "value", "attribute", "means", "modern"),
    [
        ("task_concurrency", 2, "max_active_tis_per_dag", 2, "max_active_tis_per_dag="),
        ("xcom_push", False, "do_xcom_push", False, "do_xcom_push="),
        ("provide_context", True, "task_id", "t", ""),
        ("sla", timedelta(1), "task_id", "t", "deadline alerts"),
        ("schedule_interval", "@daily", "task_id", "t", "the DAG's schedule"),
    ],
)
def test_arguments_of_old_operators(argument: str, value: Any, attribute: str, means: object, modern: str) -> None:
    made = BashOperator(task_id="t", bash_command="true", **{argument: value})
    assert getattr(made, attribute) == means
    assert notes() == {f"BashOperator({argument}=...)": modern}


def test_old_trigger_rules() -> None:
    assert EmptyOperator(task_id="t", trigger_rule="dummy").trigger_rule == "always"
    assert (
        EmptyOperator(task_id="u", trigger_rule="none_failed_or_skipped").trigger_rule == "none_failed_min_one_success"
    )
    assert list(notes()) == ["trigger_rule='dummy'", "trigger_rule='none_failed_or_skipped'"]


def test_old_arguments_in_default_args_and_decorators() -> None:
    with DAG("d", default_args={"provide_context": True, "depends_on_past": True, "unknown": 1}):
        made = PythonOperator(task_id="t", python_callable=print, provide_context=True)

        @task(provide_context=True)
        def decorated() -> None:
            pass

        other = decorated().operator
    assert made.depends_on_past
    assert other.depends_on_past
    assert set(notes()) == {"PythonOperator(provide_context=...)", "_PythonDecoratedOperator(provide_context=...)"}


def test_a_note_says_where_and_warns_there() -> None:
    line = sys._getframe().f_lineno + 2
    with pytest.warns(RemovedInAirflow3Warning, match="old.thing is deprecated since Airflow 2.2") as caught:
        note_deprecated("old.thing", "new.thing", since="2.2")
    (note,) = drain_deprecations()
    assert (note.file, note.line, note.old, note.modern) == (__file__, line, "old.thing", "new.thing")
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)
    assert note.message == "old.thing is deprecated since Airflow 2.2 and gone in 3.0: use new.thing"
    assert Path(__file__).name in repr(note)


def test_a_place_is_noted_once() -> None:
    for _ in range(3):
        note_deprecated("again")
    (note,) = drain_deprecations()
    assert note.message.endswith("it has no effect: leave it out")


@pytest.mark.filterwarnings("default")
def test_what_airflow_4_will_drop_says_nothing_about_airflow_2() -> None:
    with pytest.warns(RemovedInAirflow4Warning):
        note_deprecated("later", removed_in="4.0")
    assert not is_written_for_airflow_2(__file__)


@pytest.mark.parametrize(("said", "airflow"), [("2", 2), ("3", 3), ("4", 3)])
def test_a_comment_at_the_top_of_a_file_stands_above_its_spellings(tmp_path: Path, said: str, airflow: int) -> None:
    file = tmp_path / "dags.py"
    file.write_text(f"#!/usr/bin/env python\n# airflow-defaults: {said}\n")
    assert airflow_of(str(file)) == airflow
    assert airflow_of(str(file), uses_airflow_2_argument=True) == (3 if said == "3" else 2)
    expected = (str(file), 2, "# airflow-defaults: 2") if said == "2" else None
    assert spelling_of_airflow_2(str(file)) == expected
    file.write_text("# airflow-defaults: 3\n")
    forget_file(str(file))
    assert airflow_of(str(file)) == 3
