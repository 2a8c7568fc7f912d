from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.core.graph import DagCycleError, TaskNode
from tradewind.core.retries import RetryPolicy
from tradewind.core.trigger_rules import TriggerRule
from tradewind.serialization.compile import compile_document
from tradewind.serialization.document import DagDocument, TaskDocument, decode_document, encode_document, version_hash


def document(*tasks: TaskDocument, **fields: object) -> DagDocument:
    return msgspec.structs.replace(DagDocument(dag_id="d", tasks=tasks), **fields)


def plain(task_id: str, *downstream: str, **fields: object) -> TaskDocument:
    return msgspec.structs.replace(TaskDocument(task_id=task_id, task_type="X", downstream=downstream), **fields)


def test_everything_a_task_says_arrives() -> None:
    task = TaskDocument(
        task_id="a",
        task_type="BashOperator",
        trigger_rule="one_failed",
        retries=3,
        retry_delay_s=5.0,
        retry_exponential_backoff=2.0,
        max_retry_delay_s=60.0,
        depends_on_past=True,
        ignore_first_depends_on_past=True,
        wait_for_downstream=True,
        wait_for_past_depends_before_skipping=True,
        pool="p",
        pool_slots=2,
        priority_weight=7,
        queue="q",
        executor="celery",
        max_active_tis_per_dag=4,
        max_active_tis_per_dagrun=5,
        is_empty=True,
        is_setup=True,
        is_teardown=True,
        on_failure_fail_dagrun=True,
    )
    assert compile_document(document(task)).nodes == (
        TaskNode(
            index=0,
            task_id="a",
            operator="BashOperator",
            trigger_rule=TriggerRule.ONE_FAILED,
            retry=RetryPolicy(3, 5.0, 2.0, 60.0),
            pool="p",
            pool_slots=2,
            queue="q",
            executor="celery",
            priority_weight=7,
            max_active_tis_per_dag=4,
            max_active_tis_per_dagrun=5,
            depends_on_past=True,
            wait_for_downstream=True,
            ignore_first_depends_on_past=True,
            waits_for_past_before_skipping=True,
            is_empty=True,
            is_setup=True,
            is_teardown=True,
            on_failure_fail_dagrun=True,
            is_leaf=True,
        ),
    )


def test_what_the_dag_says_arrives() -> None:
    dag = compile_document(document(max_active_runs=2, max_active_tasks=3, dagrun_timeout_s=90.0, fail_fast=True))
    assert (dag.dag_id, dag.max_active_runs, dag.max_active_tasks, dag.fail_fast) == ("d", 2, 3, True)
    assert dag.dagrun_timeout == timedelta(seconds=90)
    assert compile_document(document()).dagrun_timeout is None


@st.composite
def documents(draw: st.DrawFn) -> DagDocument:
    """Draw a document of up to eight tasks."""
    names = draw(st.permutations("abcdefgh"))[: draw(st.integers(0, 8))]
    tasks: list[TaskDocument] = []
    for place, name in enumerate(names):
        later = names[place + 1 :]
        downstream = draw(st.lists(st.sampled_from(later), unique=True, max_size=3)) if later else []
        rule = draw(st.sampled_from(TriggerRule)).value
        weight = draw(st.integers(0, 9))
        tasks.append(plain(name, *sorted(downstream), trigger_rule=rule, priority_weight=weight))
    return document(*tasks)


@settings(deadline=None)
@given(documents())
def test_a_stored_document_compiles_to_the_same_graph(one: DagDocument) -> None:
    encoded = encode_document(one)
    again = decode_document(encoded)
    assert again == one
    assert version_hash(encode_document(again)) == version_hash(encoded)
    dag = compile_document(again)
    assert dag == compile_document(one)
    assert [node.task_id for node in dag.nodes] == [task.task_id for task in one.tasks]
    for node, task in zip(dag.nodes, one.tasks, strict=True):
        assert dag.node(task.task_id) is node
        assert tuple(dag.nodes[index].task_id for index in node.downstream) == task.downstream
        assert all(node.index in dag.nodes[index].downstream for index in node.upstream)
        assert all(node.index in dag.nodes[index].upstream for index in node.downstream)
        assert node.is_leaf == (not task.downstream)


@pytest.mark.parametrize(
    ("tasks", "leaves"),
    [
        ((plain("a", "t"), plain("t", is_teardown=True)), {"a"}),
        ((plain("a", "t"), plain("t", is_teardown=True, on_failure_fail_dagrun=True)), {"t"}),
        ((plain("a", "t"), plain("t", "u", is_teardown=True), plain("u", is_teardown=True)), {"a"}),
        ((plain("t", "u", is_teardown=True), plain("u", is_teardown=True)), {"u"}),
    ],
)
def test_teardowns_are_looked_through_for_the_leaves(tasks: tuple[TaskDocument, ...], leaves: set[str]) -> None:
    assert {node.task_id for node in compile_document(document(*tasks)).nodes if node.is_leaf} == leaves


def test_a_circle_is_an_error() -> None:
    with pytest.raises(DagCycleError):
        compile_document(document(plain("a", "b"), plain("b", "a")))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (plain("a", "gone"), "DAG 'd': task 'a' has the unknown task 'gone' downstream"),
        (plain("a", trigger_rule="some"), "unknown trigger rule 'some'"),
    ],
)
def test_what_cannot_be_compiled_says_why(task: TaskDocument, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compile_document(document(task))
