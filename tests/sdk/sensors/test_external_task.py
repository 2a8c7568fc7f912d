"""Waiting for other DAGs, their tasks and task groups."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tradewind import DAG, EmptyOperator, TaskGroup
from tradewind.sdk.document import to_document
from tradewind.sdk.runtime.task_instance import TaskInstanceKey
from tradewind.sdk.sensors.errors import DuplicateStateError
from tradewind.sdk.sensors.external_task import ExternalDagLink, ExternalTaskMarker, ExternalTaskSensor
from tradewind.serialization.compile import compile_document
from tradewind.serialization.records import DagRecord, DagRunRecord, TaskInstanceRecord

from tests.sdk.stage import DAY, Stage

World = Callable[..., None]


@pytest.fixture
def other(stage: Stage) -> World:
    """Return a function that gives DAG `other` a run with these states of its tasks."""
    instances: list[TaskInstanceRecord] = []
    stage.store.task_instances = lambda: instances
    stage.store.dags["other"] = DagRecord(
        dag_id="other", task_ids=["a", "g.b", "c"], task_groups={"g": ["g.b", "c"], "empty": []}
    )

    def add(state: str, date: datetime = DAY, **tasks: str | None) -> None:
        run_id = f"r{date}"
        run = DagRunRecord(
            dag_id="other", run_id=run_id, run_type="manual", state=state, logical_date=date, run_after=date
        )
        stage.store.runs["other", run_id] = run
        instances.extend(
            TaskInstanceRecord(
                dag_id="other", run_id=run_id, task_id=name.replace("g_", "g."), state=task, logical_date=date
            )
            for name, task in tasks.items()
        )

    return add


def outcome(stage: Stage, **arguments: Any) -> str:
    name = f"s{len(stage.dag.task_ids)}"
    sensor = ExternalTaskSensor(task_id=name, dag=stage.dag, external_dag_id="other", mode="reschedule", **arguments)
    finished = stage.run(sensor, max_tries=1)
    return finished.error or finished.outcome if finished.outcome == "failed" else finished.outcome


@pytest.mark.parametrize(
    ("state", "arguments", "expected"),
    [
        ("success", {}, "success"),
        ("running", {}, "reschedule"),
        ("failed", {}, "reschedule"),
        ("failed", {"failed_states": ["failed"]}, "ExternalDagFailedError: The external DAG 'other' failed."),
        ("failed", {"failed_states": ["failed"], "soft_fail": True}, "skipped"),
        ("failed", {"skipped_states": ["failed"]}, "skipped"),
        ("failed", {"allowed_states": ["failed", "success"]}, "success"),
    ],
)
def test_a_run(stage: Stage, other: World, state: str, arguments: Any, expected: str) -> None:
    assert outcome(stage, **arguments) == "reschedule"  # there is no such run yet
    other(state)
    assert outcome(stage, **arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"external_task_id": "a"}, "success"),
        ({"external_task_id": "c"}, "reschedule"),
        ({"external_task_ids": ["a", "c"]}, "reschedule"),
        ({"external_task_ids": ("a", "c"), "allowed_states": ["success", "failed"]}, "success"),
        (
            {"external_task_ids": ["a", "c"], "failed_states": ["failed"]},
            "ExternalTaskFailedError: The external tasks ['a', 'c'] of DAG 'other' failed.",
        ),
        ({"external_task_ids": ["a", "c"], "skipped_states": ["failed"]}, "skipped"),
        ({"external_task_ids": []}, "reschedule"),
        (
            {"external_task_ids": ["a", "{{ 'a' }}"]},
            "ValueError: Duplicate task_ids passed in external_task_ids parameter",
        ),
    ],
)
def test_tasks(stage: Stage, other: World, arguments: Any, expected: str) -> None:
    other("running", a="success", c="failed")
    assert outcome(stage, **arguments) == expected


@pytest.mark.parametrize(
    ("states", "arguments", "expected"),
    [
        (("success", "success"), {}, "success"),
        (("success", None), {}, "reschedule"),
        (("success", "skipped"), {"allowed_states": ["success", "skipped"]}, "success"),
        (("success", "skipped"), {"skipped_states": ["skipped"]}, "skipped"),
        (
            (None, "failed"),
            {"failed_states": ["failed"]},
            "ExternalTaskGroupFailedError: The external task group 'g' of DAG 'other' failed.",
        ),
    ],
)
def test_a_group(stage: Stage, other: World, states: tuple[Any, Any], arguments: Any, expected: str) -> None:
    other("running", a="failed", g_b=states[0], c=states[1])
    assert outcome(stage, external_task_group_id="g", **arguments) == expected
    assert outcome(stage, external_task_group_id="empty", **arguments) == "reschedule"


def test_a_run_at_another_date(stage: Stage, other: World) -> None:
    hour = timedelta(hours=1)
    other("success", DAY - hour)
    assert outcome(stage) == "reschedule"
    assert outcome(stage, execution_delta=hour) == "success"
    assert outcome(stage, execution_date_fn=lambda date: date - hour) == "success"
    assert outcome(stage, execution_date_fn=lambda _date, context: context["logical_date"] - hour) == "success"
    assert (
        outcome(stage, execution_date_fn=lambda _date, ds, **more: more["ti"] and [DAY - hour][: len(ds)]) == "success"
    )
    assert outcome(stage, execution_date_fn=lambda date: [date, date - hour]) == "reschedule"
    other("success", DAY)
    assert outcome(stage, execution_date_fn=lambda date: [date, date - hour]) == "success"


def test_a_run_without_a_date_looks_at_when_it_was_due(stage: Stage, other: World) -> None:
    other("success", DAY)
    sensor = ExternalTaskSensor(task_id="s", dag=stage.dag, external_dag_id="other", mode="reschedule")
    assert stage.run(sensor, run={"logical_date": None, "run_after": DAY}).outcome == "success"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"external_dag_id": "none"}, "ExternalDagNotFoundError: The external DAG none does not exist."),
        (
            {"external_task_ids": ["a", "z"]},
            "ExternalTaskNotFoundError: The external task z in DAG other does not exist.",
        ),
        (
            {"external_task_group_id": "z"},
            "ExternalTaskGroupNotFoundError: The external task group 'z' in DAG 'other' does not exist.",
        ),
        ({"external_task_id": "a"}, None),
        ({"external_task_group_id": "g"}, None),
    ],
)
@pytest.mark.usefixtures("other")
def test_what_is_not_there_is_not_waited_for_when_that_is_asked(
    stage: Stage, arguments: Any, error: str | None
) -> None:
    merged = {"external_dag_id": "other", "check_existence": True, "mode": "reschedule", **arguments}
    finished = stage.run(ExternalTaskSensor(task_id="s", dag=stage.dag, **merged))
    assert finished.error == error
    del merged["check_existence"]
    assert stage.run(ExternalTaskSensor(task_id="t", dag=stage.dag, **merged)).outcome == "reschedule"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"external_task_id": "a", "external_task_ids": ["b"]}, ValueError, "exclude each other"),
        ({"external_task_id": "a", "external_task_group_id": "g"}, ValueError, "exclude each other"),
        ({"execution_delta": timedelta(1), "execution_date_fn": print}, ValueError, "exclude each other"),
        ({"allowed_states": ["skipped"]}, ValueError, "'skipped' is no state of a DAG run"),
        ({"external_task_id": "a", "failed_states": ["gone"]}, ValueError, "'gone' is no state of a task instance"),
        ({"failed_states": ["success"]}, DuplicateStateError, "share a state"),
    ],
)
def test_arguments_that_make_no_sense(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ExternalTaskSensor(task_id="s", external_dag_id="other", **arguments)


def test_the_interval_in_the_words_of_airflow_2() -> None:
    with pytest.warns(DeprecationWarning, match="poke_interval"):
        assert ExternalTaskSensor(task_id="s", external_dag_id="o", poll_interval=7).poke_interval == 7


def test_a_marker_needs_no_worker() -> None:
    with DAG("d", start_date=DAY, schedule=None) as dag:
        marker = ExternalTaskMarker(task_id="m", external_dag_id="other", external_task_id="a")
        ExternalTaskSensor(task_id="s", external_dag_id="other")
    compiled = compile_document(to_document(dag, dag_folder="."))
    assert [(node.task_id, node.is_empty) for node in compiled.nodes] == [("m", True), ("s", False)]
    assert (marker.logical_date, marker.recursion_depth) == ("{{ logical_date.isoformat() }}", 10)
    assert [link.name for link in marker.operator_extra_links] == ["External DAG"]
    assert ExternalDagLink().get_link(marker, ti_key=TaskInstanceKey("d", "m", "r 1")) == "/dags/other/runs/r%201"


def test_a_markers_date() -> None:
    marker: Any = ExternalTaskMarker
    assert (
        marker(task_id="m", external_dag_id="o", external_task_id="a", logical_date=DAY).logical_date == DAY.isoformat()
    )
    with pytest.warns(DeprecationWarning, match="logical_date"):
        old = marker(task_id="m", external_dag_id="o", external_task_id="a", execution_date="{{ ts }}")
    assert old.logical_date == "{{ ts }}"
    with pytest.raises(TypeError, match="Got int"):
        marker(task_id="m", external_dag_id="o", external_task_id="a", logical_date=5)
    with pytest.raises(ValueError, match="positive"):
        marker(task_id="m", external_dag_id="o", external_task_id="a", recursion_depth=0)


def test_a_group_of_the_document_has_the_tasks_of_the_groups_in_it() -> None:
    from tradewind.serialization.document import tasks_by_group

    with DAG("d", start_date=DAY, schedule=None) as dag, TaskGroup("g"):
        EmptyOperator(task_id="a")
        with TaskGroup("in", prefix_group_id=False):
            EmptyOperator(task_id="b")
    assert tasks_by_group(to_document(dag, dag_folder=".")) == {"g": ["b", "g.a"], "g.in": ["b"]}
