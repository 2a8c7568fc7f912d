from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tradewind import DAG, EmptyOperator, Label, TaskGroup, task, task_group
from tradewind.sdk.exceptions import (
    AirflowDagCycleException,
    DuplicateTaskIdFound,
    NodeNotFound,
    TaskAlreadyInTaskGroup,
)


def empty(task_id: str, **kwargs: Any) -> EmptyOperator:
    return EmptyOperator(task_id=task_id, **kwargs)


def test_ids_are_prefixed_by_each_group_that_wants_it() -> None:
    with DAG("d") as made, TaskGroup("a") as a:
        empty("t")
        with TaskGroup("b", prefix_group_id=False) as b:
            empty("u")
            with TaskGroup("c") as c:
                empty("v")
    assert made.task_ids == ["a.t", "u", "c.v"]
    assert (a.group_id, b.group_id, c.group_id) == ("a", "a.b", "c")
    assert (b.label, c.label) == ("b", "c")
    assert made.task_group_dict == {"a": a, "a.b": b, "c": c}
    assert made["a.b"] is b
    assert [one.task_id for one in a] == ["a.t", "u", "c.v"]


def test_groups_stand_for_their_first_and_last_tasks() -> None:
    with DAG("d"):
        start, end = empty("start"), empty("end")
        with TaskGroup("g") as group:
            one, two, three = empty("one"), empty("two"), empty("three")
            one >> two
        start >> group >> end
    assert start.downstream_task_ids == {"g.one", "g.three"}
    assert end.upstream_task_ids == {"g.two", "g.three"}
    assert (group.upstream_task_ids, group.downstream_task_ids) == ({"start"}, {"end"})
    assert (group.roots, group.leaves) == ([one, three], [two, three])


def test_group_after_group() -> None:
    with DAG("d"):
        with TaskGroup("a") as a:
            x, y = empty("x"), empty("y")
        with TaskGroup("b") as b:
            z = empty("z")
        a >> b
    assert z.upstream_task_ids == {"a.x", "a.y"}
    assert (x.downstream_task_ids, y.downstream_task_ids) == ({"b.z"}, {"b.z"})
    assert (a.downstream_group_ids, b.upstream_group_ids) == ({"b"}, {"a"})


def test_lists_and_groups() -> None:
    with DAG("d"):
        x, y = empty("x"), empty("y")
        with TaskGroup("g") as group:
            z = empty("z")
        [x, y] >> group
    assert z.upstream_task_ids == {"x", "y"}


def test_an_empty_group_passes_on_what_stands_before_it() -> None:
    with DAG("d"):
        before, after = empty("before"), empty("after")
        hollow = TaskGroup("hollow")
        before >> hollow
        hollow >> after
    assert after.upstream_task_ids == {"before"}


def test_the_task_before_a_teardown_is_the_leaf() -> None:
    with DAG("d"):
        with TaskGroup("g") as group:
            up, work, down = empty("up"), empty("work"), empty("down")
            up >> work >> down.as_teardown(setups=up)
        end = empty("end")
        group >> end
    assert end.upstream_task_ids == {"g.work"}


@pytest.mark.parametrize("group_id", ["a.b", "a b", "x" * 201])
def test_group_ids_have_no_dots(group_id: str) -> None:
    with DAG("d"), pytest.raises(ValueError, match="id"):
        TaskGroup(group_id)


def test_ids_of_groups_and_tasks_differ() -> None:
    with DAG("d"):
        empty("t")
        TaskGroup("g")
        with pytest.raises(DuplicateTaskIdFound, match="Task group id 't' has already been added to the Dag"):
            TaskGroup("t")
        with pytest.raises(DuplicateTaskIdFound, match="Task id 'g' has already been added to the Dag"):
            empty("g")
        with pytest.raises(DuplicateTaskIdFound, match="'g'"):
            TaskGroup("g")


def test_suffixes_are_added_on_collision() -> None:
    with DAG("d"), TaskGroup("outer"):
        groups = [TaskGroup("g", add_suffix_on_collision=True) for _ in range(3)]
    assert [group.group_id for group in groups] == ["outer.g", "outer.g__1", "outer.g__2"]


def test_a_group_needs_a_dag() -> None:
    with pytest.raises(RuntimeError, match="'g' needs a DAG"):
        TaskGroup("g")
    made = DAG("d")
    group = TaskGroup("g", dag=made)
    assert group.parent_group is made.task_group
    assert empty("t", task_group=group, dag=made).task_id == "g.t"


def test_a_task_has_one_group() -> None:
    with DAG("d"):
        one = empty("one")
        group, other = TaskGroup("g"), TaskGroup("h")
        with pytest.raises(TaskAlreadyInTaskGroup, match="the DAG's root group"):
            group.add(one)
        with other:
            moved = empty("moved")
    assert moved.task_group is other
    with DAG("e"), TaskGroup("x") as elsewhere, pytest.raises(ValueError, match="cannot join one of DAG"):
        elsewhere.add(group)


def test_children_by_label() -> None:
    with DAG("d"), TaskGroup("g") as group:
        one = empty("one")
    assert group["one"] is group.get_child_by_label("one") is one
    assert "one" not in group
    assert "g.one" in group
    assert group.has_task(one)
    with pytest.raises(NodeNotFound, match="'g' has no task or group 'two'"):
        group["two"]


def test_children_in_order() -> None:
    with DAG("d") as made:
        end, start = empty("end"), empty("start")
        with TaskGroup("m") as middle:
            empty("x")
        start >> middle >> end
        assert made.task_group.topological_sort() == [start, middle, end]
        assert made.task_group.hierarchical_alphabetical_sort() == [middle, end, start]
        assert [one.task_id for one in made.topological_sort()] == ["start", "m.x", "end"]
        end >> start
    with DAG("e") as other:
        t0, t1, t2 = empty("t0"), empty("t1"), empty("t2")
        t1 >> t0
        t2 >> t1
    assert other.task_group.topological_sort() == [t2, t1, t0]
    with pytest.raises(AirflowDagCycleException, match="Cycle detected in DAG: d"):
        made.task_group.topological_sort()


def test_the_decorator_makes_a_group_for_each_call() -> None:
    @task
    def double(x: int) -> int:
        return x * 2

    @task_group
    def twice(x: int):  # noqa: ANN202
        """Doubles."""
        return double(double(x))

    @task_group(group_id="named", tooltip="t", prefix_group_id=False)
    def nothing_back() -> None:
        empty("inside")

    with DAG("d") as made:
        result = twice(1)
        twice(result)
        group = nothing_back()
        twice.override(group_id="other")(2)
        assert result.operator.task_id == "twice.double__1"
    assert made.task_ids[:4] == ["twice.double", "twice.double__1", "twice__1.double", "twice__1.double__1"]
    assert isinstance(group, TaskGroup)
    assert (group.group_id, group.tooltip) == ("named", "t")
    assert made.task_group_dict["twice"].tooltip == "Doubles."
    assert made.has_task("inside")
    assert made.has_task_group("other")
    assert made.get_task("twice__1.double").upstream_task_ids == {"twice.double__1"}
    assert twice.__name__ == "twice"


def test_a_label_between_groups_is_kept_at_their_joints() -> None:
    with DAG("d") as made:
        start = empty("start")
        with TaskGroup("g") as group:
            empty("x")
        start >> Label("go") >> group
    assert made.get_edge_info("start", "g.upstream_join_id") == {"label": "go"}
    assert made.get_edge_info("start", "g.x") == {"label": "go"}
    assert made.get_task("g.x").upstream_task_ids == {"start"}


def test_a_subset_drops_groups_that_are_empty_then() -> None:
    with DAG("d") as made:
        with TaskGroup("g"):
            empty("x")
        with TaskGroup("h"):
            empty("y")
    part = made.partial_subset("x")
    assert list(part.task_group_dict) == ["g"]
    assert list(made.task_group_dict) == ["g", "h"]


def test_its_documentation_may_be_a_file(tmp_path: Path) -> None:
    page = tmp_path / "group.md"
    page.write_text("# About it")
    with DAG("d"):
        assert TaskGroup("g", doc_md=str(page)).doc_md == "# About it"
        assert TaskGroup("h", doc_md="no such file.md").doc_md == "no such file.md"


def test_wrong_arguments() -> None:
    with DAG("d"), pytest.raises(TypeError, match="'ui_color' must be <class 'str'>"):
        TaskGroup("g", ui_color=123)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="@task_group does not take the argument\\(s\\) 'colour'"):

        @task_group(colour="red")
        def group() -> None: ...
