"""One instance of a map: what it runs, what it is called, and what it tells those that are expanded over it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from tradewind.executors.local_protocol import WorkerOptions
from tradewind.sdk.definitions.dag import DAG
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.definitions.taskflow import task
from tradewind.sdk.exceptions import AirflowSkipException
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.ports import install_worker_store
from tradewind.serialization.messages import DagFile, Finished, RunCallback
from tradewind.standalone.memory_store import MemoryStore
from tradewind.worker.calls.order import run_callback_order

from tests.worker.conftest import facts

Run = Callable[..., Finished]


def push(store: MemoryStore, task_id: str, value: Any, map_index: int = -1) -> None:
    encoded = json.dumps(value).encode()
    where: dict[str, Any] = {"dag_id": "d", "run_id": "r", "task_id": task_id, "map_index": map_index}
    store.set_xcom(**where, key="return_value", value=encoded)


class Echo(BaseOperator):
    """Returns what it was given."""

    template_fields = ("text", "more")

    def __init__(self, *, text: Any = None, more: Any = None, plain: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.text = text
        self.more = more
        self.plain = plain

    def execute(self, context: Any) -> Any:  # noqa: ARG002 - Airflow's signature
        """Return it."""
        return [self.text, self.more, self.plain]


MAPPED_OVER = ": other tasks are mapped over it, so it has to return a list or a dict"


def source(dag: DAG, value: Any, **kwargs: Any) -> PythonOperator:
    """Make a task that returns `value` and that another one is expanded over."""
    before = PythonOperator(task_id="before", python_callable=lambda: value, dag=dag, **kwargs)
    Echo.partial(task_id="m", dag=dag).expand(text=before.output)
    return before


@pytest.mark.parametrize(("value", "length"), [([1, 2, 3], 3), ({"a": 1}, 1), ([], 0), ((1, 2), 2)])
def test_a_task_tells_the_length_of_its_result(dag: DAG, run: Run, value: Any, length: int) -> None:
    source(dag, value)
    assert run("before").map_length == length


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (5, "UnmappableXComTypePushed: unmappable return type 'int'" + MAPPED_OVER),
        ("text", "UnmappableXComTypePushed: unmappable return type 'str'" + MAPPED_OVER),
        (None, "XComForMappingNotPushed: did not push XCom for task mapping" + MAPPED_OVER),
        (
            list(range(1025)),
            (
                "UnmappableXComLengthPushed: return value has 1025 items, more than the 1024 a task may be expanded to"
                " ([core] max_map_length)"
            ),
        ),
    ],
)
def test_a_result_that_nothing_can_be_expanded_over_fails_the_task(dag: DAG, run: Run, value: Any, error: str) -> None:
    source(dag, value)
    end = run("before")
    assert (end.outcome, end.error, end.map_length, end.xcoms) == ("failed", error, None, ())


def test_the_installation_says_how_long_a_map_may_be(dag: DAG, run: Run) -> None:
    source(dag, [1, 2, 3])
    assert run("before", options=WorkerOptions(max_map_length=3)).outcome == "success"
    assert run("before", options=WorkerOptions(max_map_length=2)).error is not None


def test_a_result_that_is_not_kept_is_none_for_a_map(dag: DAG, run: Run) -> None:
    source(dag, [1], do_xcom_push=False)
    assert run("before").error == "XComForMappingNotPushed: did not push XCom for task mapping" + MAPPED_OVER


def test_tasks_that_nothing_is_expanded_over_return_what_they_like(dag: DAG, run: Run) -> None:
    PythonOperator(task_id="t", python_callable=lambda: 5, dag=dag)
    end = run("t")
    assert (end.outcome, end.map_length) == ("success", None)


def test_an_instance_counts_as_one_item_when_it_returned_something(dag: DAG, run: Run) -> None:
    @task(dag=dag)
    def first(value: Any) -> Any:
        return value

    with dag:
        Echo.partial(task_id="second").expand(text=first.expand(value=["a", None]))
    assert [run("first", map_index=index).map_length for index in (0, 1)] == [1, None]


def test_an_instance_has_the_arguments_of_its_index(dag: DAG, run: Run, store: MemoryStore) -> None:
    with dag:
        before = PythonOperator(task_id="before", python_callable=list)
        Echo.partial(task_id="m", more="{{ ti.map_index }} of {{ expanded_ti_count }}").expand(
            text=before.output, plain=["{{ ds }}", "y"]
        )
    push(store, "before", ["{{ not a template }}", "b"])
    ends = [run("m", map_index=index, expanded_ti_count=4) for index in range(4)]
    assert [json.loads(end.xcoms[0].value) for end in ends] == [
        ["{{ not a template }}", "0 of 4", "{{ ds }}"],
        ["{{ not a template }}", "1 of 4", "y"],
        ["b", "2 of 4", "{{ ds }}"],
        ["b", "3 of 4", "y"],
    ]
    assert json.loads(ends[0].rendered_fields or b"") == {"text": "{{ not a template }}", "more": "0 of 4"}


def test_literals_are_templates(dag: DAG, run: Run) -> None:
    with dag:
        Echo.partial(task_id="m").expand(text=["{{ ti.map_index + 1 }}"])
    assert json.loads(run("m", map_index=0).xcoms[0].value)[0] == "1"


def test_the_context_has_the_operator_that_runs(dag: DAG, run: Run) -> None:
    seen: list[Any] = []

    @task(dag=dag, params={"a": 1}, inlets=["in"])
    def look(value: int, **context: Any) -> None:
        ti = context["ti"]
        seen.append((value, type(context["task"]).__name__, ti.task is context["task"], ti.map_index, ti.is_mapped))
        seen.append((dict(context["params"]), context["inlets"], ti.key.map_index))

    with dag:
        look.expand(value=[7])
    assert run("look", map_index=0).outcome == "success"
    assert seen == [(7, "_PythonDecoratedOperator", True, 0, True), ({"a": 1}, ["in"], 0)]


def test_a_map_of_params_is_merged_over_those_of_all(dag: DAG, run: Run) -> None:
    seen: list[Any] = []
    with dag:
        PythonOperator.partial(
            task_id="m", params={"a": 1, "b": 2}, python_callable=lambda params: seen.append(dict(params))
        ).expand(params=[{"b": 3}])
    assert run("m", map_index=0).outcome == "success"
    assert seen == [{"a": 1, "b": 3}]


def test_a_function_over_items_may_skip_an_instance(dag: DAG, run: Run, store: MemoryStore) -> None:
    def even(value: int) -> int:
        if value % 2:
            raise AirflowSkipException("odd")
        return value

    with dag:
        before = PythonOperator(task_id="before", python_callable=list)
        Echo.partial(task_id="m").expand(text=before.output.map(even))
    push(store, "before", [1, 2])
    assert [run("m", map_index=index).outcome for index in (0, 1)] == ["skipped", "success"]


def test_items_of_a_written_list_may_be_results(dag: DAG, run: Run, store: MemoryStore) -> None:
    with dag:
        before = PythonOperator(task_id="before", python_callable=list)
        Echo.partial(task_id="m").expand_kwargs([{"text": before.output}, {"text": [before.output, "{{ ds }}"]}])
    push(store, "before", 4)
    values = [json.loads(run("m", map_index=index).xcoms[0].value)[0] for index in (0, 1)]
    assert values == [4, [4, "2026-11-22"]]


def test_arguments_that_the_operator_refuses_fail_the_instance(dag: DAG, run: Run) -> None:
    with dag:
        Echo.partial(task_id="m").expand_kwargs([{"nothing": 1}])
    end = run("m", map_index=0)
    assert end.outcome == "failed"
    assert "does not take the argument(s) 'nothing'" in (end.error or "")


def test_callbacks_of_an_instance_see_it(dag: DAG, run: Run) -> None:
    seen: list[Any] = []

    def note(context: Any) -> None:
        seen.append((context["ti"].map_index, context["ti"].rendered_map_index, context["task"].op_kwargs))

    @task(dag=dag, on_failure_callback=note, map_index_template="{{ task.op_kwargs['value'] }}")
    def fail(value: int) -> None:
        raise RuntimeError(value)

    with dag:
        fail.expand(value=[5, 6])
    end = run("fail", map_index=1)
    assert (end.outcome, end.rendered_map_index) == ("failed", "6")
    assert seen == [(1, "6", {"value": 6})]


def test_callbacks_of_a_lost_instance_see_the_arguments_of_its_index(dag: DAG, store: MemoryStore) -> None:
    seen: list[Any] = []

    @task(dag=dag, on_failure_callback=lambda context: seen.append(context["task"].op_kwargs))
    def lost(value: int) -> None: ...

    with dag:
        lost.expand(value=[5, 6])
    for index in (1, 7):
        order = RunCallback(
            callback_pk=1,
            dag_file=DagFile(path="/dags/a.py", folder="/dags", fingerprint="1"),
            dag_id="d",
            dag_run=facts(),
            task_id="lost",
            map_index=index,
            name="on_failure_callback",
            reason="its process was killed",
            log_path="",
        )
        before = install_worker_store(store)
        try:
            done = run_callback_order(order, lambda: dag, WorkerOptions(), "host", lambda _name: nullcontext())
        finally:
            install_worker_store(before)
        # The second index is beyond the list by now; its mapped task has no op_kwargs.
        assert (done.error is None) == (index == 1)
    assert seen == [{"value": 6}]


def test_a_label_may_use_what_the_task_computes(dag: DAG, run: Run) -> None:
    @task(dag=dag, map_index_template="{{ name }}")
    def name_it(value: int, **context: Any) -> None:
        from tradewind.sdk.runtime.current import get_current_context

        del context
        get_current_context()["name"] = f"number {value}"

    with dag:
        name_it.expand(value=[5])
    assert run("name_it", map_index=0).rendered_map_index == "number 5"


def test_a_label_that_cannot_be_filled_in_fails_what_succeeded_only(dag: DAG, run: Run) -> None:
    @task(dag=dag, map_index_template="{{ 1 / 0 }}")
    def fine() -> None: ...

    @task(dag=dag, map_index_template="{{ 1 / 0 }}")
    def skipped() -> None:
        raise AirflowSkipException("no")

    with dag:
        fine()
        skipped()
    assert (run("fine").outcome, run("fine").error) == ("failed", "ZeroDivisionError: division by zero")
    assert (run("skipped").outcome, run("skipped").rendered_map_index) == ("skipped", None)


def test_a_long_label_is_cut(dag: DAG, run: Run) -> None:
    @task(dag=dag, map_index_template="{{ 'x' * 300 }}")
    def long() -> None: ...

    with dag:
        long()
    assert run("long").rendered_map_index == "x" * 250


def test_values_of_a_mapped_task_are_passed_as_they_are_read(dag: DAG, run: Run, store: MemoryStore) -> None:
    kinds: list[str] = []

    @task(dag=dag)
    def first(value: int) -> int:
        return value

    @task(dag=dag)
    def total(values: Any) -> Any:
        kinds.append(type(values).__name__)
        return values

    with dag:
        total(first.expand(value=[1, 2]))
    push(store, "first", 4, 0)
    push(store, "first", 5, 1)
    assert run("total").xcoms[0].value == b"[4,5]"
    assert kinds == ["LazyXComSequence"]


def test_pulling_by_hand(dag: DAG, run: Run, store: MemoryStore) -> None:
    found: list[Any] = []

    def pull(ti: Any) -> None:
        found.extend(
            ti.xcom_pull(task_ids="m", **how)
            for how in ({}, {"map_indexes": 1}, {"map_indexes": [2, 0]}, {"map_indexes": [1, 5], "default": "none"})
        )

    PythonOperator(task_id="t", python_callable=pull, dag=dag)
    for index in range(3):
        push(store, "m", index * 10, index)
    assert run("t").outcome == "success"
    assert found == [[0, 10, 20], 10, [20, 0], [10, "none"]]
