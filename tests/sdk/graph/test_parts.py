"""A part of a DAG: which setups and teardowns come with its tasks."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind import DAG, EmptyOperator
from tradewind.sdk.document import DagDocumentError, to_document


def a_dag() -> DAG:
    """`s1` and `t1` around `w1 >> w2`, `s2` and `t2` around `w2`; `w3` after `t1`; `s3` has no teardown."""
    with DAG("d") as dag:
        tasks = {name: EmptyOperator(task_id=name) for name in ("s1", "s2", "s3", "w1", "w2", "w3", "t1", "t2")}
        tasks["s1"] >> tasks["w1"] >> tasks["w2"] >> tasks["t1"].as_teardown(setups=tasks["s1"]) >> tasks["w3"]
        tasks["s2"] >> tasks["w2"] >> tasks["t2"].as_teardown(setups=tasks["s2"])
        tasks["s3"].as_setup() >> tasks["w1"]
    return dag


@pytest.mark.parametrize(
    ("task_ids", "relatives", "expected"),
    [
        (["w2"], {}, "s1 s2 s3 t1 t2 w1 w2"),
        (["w2"], {"include_upstream": False}, "s1 s2 s3 t1 t2 w2"),
        (["w1"], {"include_upstream": False}, "s1 s3 t1 w1"),
        (["w3"], {"include_upstream": False}, "s3 w3"),
        (["s1"], {"include_upstream": False}, "s1 t1"),
        (["s3"], {"include_upstream": False}, "s3"),
        (["t1"], {"include_upstream": False}, "t1"),
        (["w1"], {"include_upstream": False, "include_downstream": True}, "s1 s2 s3 t1 t2 w1 w2 w3"),
        (["w3"], {"include_upstream": False, "include_direct_upstream": True}, "s3 t1 w3"),
    ],
)
def test_a_part_has_the_setups_and_teardowns_that_it_needs(
    task_ids: list[str], relatives: dict[str, Any], expected: str
) -> None:
    assert sorted(a_dag().partial_subset(task_ids, **relatives).task_ids) == expected.split()


def test_a_document_is_refused_for_what_a_setup_cannot_have_after_it() -> None:
    with DAG("d") as dag:
        EmptyOperator(task_id="s").as_setup() >> EmptyOperator(task_id="w", trigger_rule="all_done")
    with pytest.raises(DagDocumentError, match=r"^DAG 'd': tasks after setup task 's' need trigger rule all_success$"):
        to_document(dag, dag_folder=".")
