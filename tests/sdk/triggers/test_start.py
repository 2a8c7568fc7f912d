"""Tasks that begin with a trigger: those that are not mapped, as in Airflow 3.3."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tradewind import DAG, BaseOperator, task_group
from tradewind.sdk.document import DagDocumentError, to_document
from tradewind.sdk.triggers.events import StartTriggerArgs

from tests.sdk.stage import DAY


class Starts(BaseOperator):
    """Begins with a trigger."""

    start_from_trigger = True
    start_trigger_args = StartTriggerArgs(
        trigger_cls="x.Trigger",
        trigger_kwargs={"of": "class"},
        next_method="finish",
        next_kwargs={"a": 1},
        timeout=timedelta(minutes=1),
    )

    def __init__(self, trigger_kwargs: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.trigger_kwargs = trigger_kwargs


def test_the_trigger_stands_in_the_document() -> None:
    with DAG("d", start_date=DAY, schedule=None) as dag:
        Starts(task_id="a")
    start = to_document(dag, dag_folder=".").tasks[0].start_trigger
    assert start is not None
    assert (start.classpath, start.kwargs, start.next_method) == ("x.Trigger", {"of": "class"}, "finish")
    assert (start.next_kwargs, start.timeout_s) == ({"a": 1}, 60.0)


def test_a_mapped_task_begins_in_a_worker() -> None:
    with DAG("d", start_date=DAY, schedule=None) as dag:
        Starts.partial(task_id="a").expand(trigger_kwargs=[{"of": "0"}, {"of": "1"}])
    assert to_document(dag, dag_folder=".").tasks[0].start_trigger is None


def test_a_task_in_a_mapped_group_begins_with_its_trigger() -> None:
    with DAG("d", start_date=DAY, schedule=None) as dag:

        @task_group
        def group(_number: int) -> None:
            Starts(task_id="a")

        group.expand(_number=[1, 2])
    (one,) = to_document(dag, dag_folder=".").tasks
    assert one.start_trigger is not None


def test_each_instance_may_be_asked_for_its_trigger() -> None:
    with DAG("d", start_date=DAY, schedule=None):
        mapped = Starts.partial(task_id="a").expand(trigger_kwargs=[{"of": "0"}, {"of": "1"}])
        plain = Starts(task_id="b")
    instance = type("Instance", (), {"map_index": 1})()
    start = mapped.expand_start_trigger_args(context={"ti": instance})
    assert (start.trigger_kwargs, start.next_kwargs, start.timeout) == ({"of": "1"}, {"a": 1}, timedelta(minutes=1))
    assert plain.expand_start_trigger_args(context={}) is Starts.start_trigger_args
    with DAG("e", start_date=DAY, schedule=None):
        without = BaseOperator.partial(task_id="c").expand(email=["a", "b"])
    assert without.expand_start_trigger_args(context={"ti": instance}) is None


@pytest.mark.parametrize(
    ("value", "said"), [(print, "trigger_kwargs has a callable named 'k'"), (object(), "trigger_kwargs k")]
)
def test_arguments_that_cannot_be_written_are_an_import_error(value: object, said: str) -> None:
    with DAG("d", start_date=DAY, schedule=None) as dag:
        task = Starts(task_id="a")
    task.start_trigger_args = StartTriggerArgs(trigger_cls="x.T", trigger_kwargs={"k": value}, next_method="m")
    with pytest.raises((DagDocumentError, ValueError), match=said):
        to_document(dag, dag_folder=".")
