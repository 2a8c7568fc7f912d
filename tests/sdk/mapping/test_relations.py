"""Who is expanded over whom."""

from __future__ import annotations

from typing import Any

from tradewind import DAG, task, task_group
from tradewind.sdk.mapping.relations import common_mapped_group, is_expanded_over, iter_mapped_dependants


@task
def listing() -> list[int]:
    return [1]


@task
def each(value: Any) -> Any:
    return value


def test_tasks_that_decide_a_length_are_known_also_when_more_are_added() -> None:
    with DAG("d") as dag:
        one = listing()
        each(one)
    assert not is_expanded_over(one.operator)
    with dag:
        each.override(task_id="mapped").expand(value=one)
        each.override(task_id="literal").expand(value=[listing.override(task_id="item")()])
    assert is_expanded_over(one.operator)
    assert not is_expanded_over(dag.task_dict["item"])
    assert [node.node_id for node in iter_mapped_dependants(one.operator)] == ["mapped"]


def test_groups_depend_too_and_their_tasks_have_them_in_common() -> None:
    @task_group
    def group(value: Any) -> None:
        each.override(task_id="second")(each(value))

    with DAG("d") as dag:
        one = listing()
        group.expand(value=one.map(str))
        group.override(group_id="other").expand(value=[1])
    assert is_expanded_over(one.operator)
    assert [node.node_id for node in iter_mapped_dependants(one.operator)] == ["group"]
    first, second, elsewhere = (dag.task_dict[name] for name in ("group.each", "group.second", "other.each"))
    assert common_mapped_group(first, second) is dag.task_group_dict["group"]
    assert common_mapped_group(first, elsewhere) is None
    assert common_mapped_group(one.operator, first) is None
