"""Sensors of functions, commands, files and days."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import time_machine

from tradewind import DAG, task
from tradewind.sdk.exceptions import AirflowNotFoundException
from tradewind.sdk.sensors.bash import BashSensor
from tradewind.sdk.sensors.filesystem import FileSensor, FSHook
from tradewind.sdk.sensors.python import PythonSensor
from tradewind.sdk.sensors.sensor import PokeReturnValue
from tradewind.sdk.sensors.weekday import DayOfWeekSensor
from tradewind.sdk.toolkit.kinds import WeekDay
from tradewind.serialization.messages import Resumption
from tradewind.serialization.records import ConnectionRecord

from tests.sdk.stage import DAY, Stage


def test_a_function_gets_its_arguments_and_the_context(stage: Stage) -> None:
    seen: list[Any] = []

    def look(first: int, ds: str, other: str, templates_dict: dict[str, str], **context: Any) -> int:
        seen.append((first, ds, other, templates_dict, context["ti"].task_id))
        return len(seen) - 1

    sensor = PythonSensor(
        task_id="s",
        dag=stage.dag,
        python_callable=look,
        op_args=[1],
        op_kwargs={"other": "{{ ds_nodash }}"},
        templates_dict={"a": "{{ ds }}"},
        poke_interval=0,
    )
    assert stage.run(sensor).outcome == "success"
    assert seen == [(1, "2024-03-05", "20240305", {"a": "2024-03-05"}, "s")] * 2


def test_a_function_may_leave_a_value(stage: Stage) -> None:
    sensor = PythonSensor(
        task_id="s", dag=stage.dag, python_callable=lambda: PokeReturnValue(is_done=True, xcom_value="v")
    )
    assert stage.run(sensor).xcoms[0].value == b'"v"'


def test_the_decorator_makes_a_sensor() -> None:
    with DAG("d", start_date=DAY, schedule=None) as dag:

        @task.sensor(poke_interval=0, timeout=10, mode="reschedule")
        def look(least: int) -> PokeReturnValue:
            """Looks."""
            return PokeReturnValue(is_done=least < 3, xcom_value=least)

        @task
        def after(value: int) -> int:
            return value + 1

        after(look(2))
        look(1)
    made: Any = dag.get_task("look")
    assert (made.mode, made.operator_name, made.doc_md) == ("reschedule", "@task.sensor", "Looks.")
    assert dag.task_ids == ["look", "after", "look__1"]
    run = dag.test()
    assert run.get_task_instance("after").xcom_pull(task_ids="after") == 3


@pytest.mark.parametrize(
    ("command", "arguments", "outcome"),
    [
        ("exit 0", {}, "success"),
        ("exit 3", {}, "reschedule"),
        ("exit 3", {"retry_exit_code": 3}, "reschedule"),
        ("exit 4", {"retry_exit_code": 3}, "fail_without_retry"),
        ("test {{ ds }} = 2024-03-05", {}, "success"),
        ("test $A = b", {"env": {"A": "b"}}, "success"),
        ('test -n "$PATH"', {}, "success"),
    ],
)
def test_a_command_answers_by_its_exit_code(stage: Stage, command: str, arguments: Any, outcome: str) -> None:
    sensor = BashSensor(task_id="s", dag=stage.dag, bash_command=command, mode="reschedule", **arguments)
    assert stage.run(sensor, max_tries=1).outcome == outcome


def test_a_command_that_is_killed_is_stopped(stage: Stage) -> None:
    sensor = BashSensor(task_id="s", dag=stage.dag, bash_command="exit 0")
    sensor.on_kill()
    sensor.poke({})
    sensor.on_kill()


def is_there(stage: Stage, path: Any, **arguments: Any) -> bool:
    name = f"s{len(stage.dag.task_ids)}"
    sensor = FileSensor(task_id=name, dag=stage.dag, filepath=path, mode="reschedule", **arguments)
    outcome = stage.run(sensor).outcome
    assert outcome in {"success", "reschedule"}
    return outcome == "success"


def test_a_file_is_found_by_path_and_pattern(stage: Stage, tmp_path: Path) -> None:
    assert not is_there(stage, str(tmp_path / "a.csv"))
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    assert not is_there(stage, str(tmp_path / "sub"))
    (tmp_path / "sub" / "deep" / "2024-03-05.csv").touch()
    assert is_there(stage, str(tmp_path / "sub"))
    assert is_there(stage, f"{tmp_path}/sub/deep/{{{{ ds }}}}.csv")
    assert is_there(stage, f"{tmp_path}/*/*/*.csv")
    assert not is_there(stage, f"{tmp_path}/*/*.csv")
    assert not is_there(stage, f"{tmp_path}/**/*.csv")
    assert is_there(stage, f"{tmp_path}/**/*.csv", recursive=True)


def test_a_file_lies_below_the_folder_of_its_connection(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    stage.store.connections["here"] = ConnectionRecord(
        conn_id="here", conn_type="fs", extra=f'{{"path": "{tmp_path}"}}'
    )
    assert is_there(stage, "a", fs_conn_id="here")
    sensor = FileSensor(task_id="s", dag=stage.dag, filepath="a", fs_conn_id="nowhere")
    assert str(stage.run(sensor).error).startswith("AirflowNotFoundException: The conn_id `nowhere` isn't defined")


def test_a_file_sensor_can_wait_outside_the_worker(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    sensor = FileSensor(task_id="s", dag=stage.dag, filepath="/nowhere/at/all", deferrable=True)
    end = stage.run(sensor)
    assert end.deferral is not None
    assert end.deferral.classpath == "airflow.providers.standard.triggers.file.FileTrigger"
    assert end.deferral.due_at is not None
    there = Resumption(next_method="execute_complete", event=b"true")
    assert stage.run(sensor, resumption=there).outcome == "success"
    gone = Resumption(next_method="execute_complete", event=b"null")
    assert stage.run(sensor, resumption=gone).error == "AirflowException: s task failed as /nowhere/at/all not found."
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "true")
    assert FileSensor(task_id="t", filepath="/a").deferrable


def test_the_hook_knows_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FS_DEFAULT", f'{{"conn_type": "fs", "extra": {{"path": "{tmp_path}"}}}}')
    assert FSHook().get_path() == str(tmp_path)
    assert FSHook().test_connection() == (True, f"Path {tmp_path} is existing.")
    monkeypatch.setenv("AIRFLOW_CONN_GONE", '{"conn_type": "fs", "extra": {"path": "/nowhere/at/all"}}')
    assert FSHook("gone").test_connection() == (False, "Path /nowhere/at/all does not exist.")
    monkeypatch.setenv("AIRFLOW_CONN_EMPTY", '{"conn_type": "fs"}')
    assert FSHook("empty").test_connection() == (False, "File Path is undefined.")
    assert FSHook().get_conn() is None


def test_a_hook_without_its_connection(stage: Stage) -> None:
    paths: list[str] = []

    def look() -> bool:
        paths.append(FSHook().get_path())
        with pytest.raises(AirflowNotFoundException):
            FSHook("nowhere")
        return True

    assert stage.run(PythonSensor(task_id="s", dag=stage.dag, python_callable=look)).outcome == "success"
    assert paths == ["/"]


@pytest.mark.parametrize(
    ("days", "is_date", "outcome"),
    [
        ("tuesday", True, "success"),
        ({"Monday", "TUESDAY"}, True, "success"),
        (WeekDay.TUESDAY, True, "success"),
        ([WeekDay.MONDAY], True, "reschedule"),
        ("Thursday", False, "success"),
        ("Tuesday", False, "reschedule"),
    ],
)
def test_a_day_of_the_week(stage: Stage, days: Any, is_date: bool, outcome: str) -> None:
    sensor = DayOfWeekSensor(
        task_id="s", dag=stage.dag, week_day=days, use_task_logical_date=is_date, mode="reschedule"
    )
    with time_machine.travel("2024-03-07T12:00:00+00:00"):
        assert stage.run(sensor).outcome == outcome
        without_date = {"logical_date": None, "run_after": DAY}
        assert stage.run(sensor, run=without_date).outcome == outcome


def test_a_day_of_the_week_in_the_words_of_airflow_2() -> None:
    with pytest.warns(DeprecationWarning, match="use_task_logical_date"):
        sensor = DayOfWeekSensor(task_id="s", week_day="Monday", use_task_execution_day=True)
    assert sensor.use_task_logical_date
    with pytest.raises(AttributeError, match='Invalid Week Day passed: "Noday"'):
        DayOfWeekSensor(task_id="s", week_day="Noday")
