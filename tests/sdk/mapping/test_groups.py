"""Mapped task groups: made, refused, and what their tasks get."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind import DAG, TaskGroup, task, task_group
from tradewind.sdk.mapping.expand_input import MappedArgument, NotFullyPopulated
from tradewind.sdk.mapping.groups import MappedTaskGroup

from tests.sdk.stage import Stage


@task
def listing() -> list[int]:
    return [3, 4, 5]


@task
def add(value: int, more: int = 0) -> int:
    return value + more


def group_of(dag: DAG, group_id: str = "both") -> MappedTaskGroup:
    group = dag.task_group_dict[group_id]
    assert isinstance(group, MappedTaskGroup)
    return group


def test_a_group_is_mapped() -> None:
    @task_group
    def both(value: int, more: int = 1) -> Any:
        """Say what it is for."""
        first = add(value, more)
        with TaskGroup("inner"):
            return add(first)

    with DAG("d") as dag:
        result = both.partial(more=2).expand(value=listing())
        add.override(task_id="after")(result)
    group = group_of(dag)
    assert group.is_mapped
    assert group.tooltip == "Say what it is for."
    assert dag.task_dict["listing"].downstream_task_ids == {"both.add"}
    inner = dag.task_dict["both.inner.add"]
    assert inner.get_closest_mapped_task_group() is group
    assert inner.get_needs_expansion()
    assert not inner.is_mapped
    assert dag.task_dict["after"].upstream_task_ids == {"both.inner.add"}
    assert list(dag.task_dict["listing"].iter_mapped_dependants()) == [group]
    with pytest.raises(NotFullyPopulated):
        inner.get_parse_time_mapped_ti_count()


def test_a_group_over_literals_knows_how_often_it_runs() -> None:
    @task_group
    def both(value: int) -> None:
        add(value)

    with DAG("d") as dag:
        both.expand(value=[1, 2, 3])
    assert dag.task_dict["both.add"].get_parse_time_mapped_ti_count() == 3


def test_every_argument_of_expand_kwargs_stands_for_that_of_the_index() -> None:
    seen: list[Any] = []

    @task_group
    def both(value: int, more: int, fixed: int) -> None:
        seen.extend([value, more, fixed])

    with DAG("d"):
        both.partial(fixed=9).expand_kwargs([{"value": 1, "more": 2}])
    assert isinstance(seen[0], MappedArgument)
    assert isinstance(seen[1], MappedArgument)
    assert seen[2] == 9


_REFUSED: list[Any] = [
    (lambda f: f.expand(), TypeError, "no arguments to expand against"),
    (lambda f: f.expand(other=[1]), TypeError, "unexpected keyword argument 'other'"),
    (lambda f: f.expand(value=1), ValueError, "unexpected type 'int' for keyword argument 'value'"),
    (lambda f: f.partial(other=1), TypeError, "unexpected keyword argument 'other'"),
    (lambda f: f.partial(value=1).partial(value=1), TypeError, "duplicate partial argument: value"),
    (lambda f: f.partial(value=1).expand(value=[1]), TypeError, "mapping already partial argument: value"),
    (lambda f: f.expand_kwargs(3), TypeError, r"expected XComArg or list\[dict\], not int"),
    (lambda f: f.expand(value=listing()["k"]), ValueError, "XCom with custom key 'k'"),
    (lambda f: f.expand_kwargs(listing()["k"]), ValueError, "XCom with custom key 'k'"),
]


@pytest.mark.parametrize(("make", "kind", "message"), _REFUSED, ids=range(len(_REFUSED)))
@pytest.mark.filterwarnings("ignore:Partial task group .* was never mapped:UserWarning")
def test_what_makes_no_sense_is_refused(make: Any, kind: type[Exception], message: str) -> None:
    @task_group
    def both(value: int) -> None:
        add(value)

    with DAG("d"), pytest.raises(kind, match=message):
        make(both)


def test_functions_with_open_arguments_take_no_list_of_dicts() -> None:
    @task_group
    def both(**values: int) -> None:
        add(1)

    with DAG("d"), pytest.raises(TypeError, match=r"function with \* or \*\* is not supported"):
        both.expand_kwargs([{"value": 1}])


def test_a_group_over_an_argument_of_a_mapped_group_is_refused() -> None:
    @task_group
    def inner(value: int) -> None:
        add(value)

    @task_group
    def outer(value: int) -> None:
        inner.expand(value=value)

    with DAG("d"), pytest.raises(ValueError, match="Nested Mapped TaskGroups are not yet supported"):
        outer.expand(value=[[1], [2]])


def test_a_task_that_runs_in_any_case_is_refused_in_a_mapped_group() -> None:
    @task_group
    def both(value: int) -> None:
        add.override(trigger_rule="always")(value)

    with DAG("d"), pytest.raises(ValueError, match="not allowed with trigger rule 'always'"):
        both.expand(value=listing())


def test_partial_arguments_that_lead_to_no_group_warn() -> None:
    @task_group
    def both(value: int) -> None:
        add(value)

    with DAG("d"), pytest.warns(UserWarning, match="Partial task group 'both' was never mapped!"):
        both.partial(value=1)


def test_tasks_of_one_index_see_each_other_and_outside_sees_all() -> None:
    @task
    def total(values: Any) -> Any:
        return list(values)

    @task_group
    def both(value: int) -> Any:
        return add.override(task_id="second")(add(value, 10))

    stage = Stage()
    with stage.dag as dag:
        total(both.expand(value=listing()))
    stage.keep(dag.task_dict["listing"])
    for task_id in ("both.add", "both.second"):
        for index in range(3):
            stage.keep(dag.task_dict[task_id], map_index=index)
    assert stage.run(dag.task_dict["total"]).xcoms[0].value == b"[13,14,15]"


def test_a_missing_argument_names_the_item() -> None:
    @task_group
    def both(value: int, more: int = 0) -> None:
        add(value, more)

    stage = Stage()
    with stage.dag as dag:
        both.expand_kwargs([{"value": 1, "more": 2}, {"value": 1}])
    end = stage.run(dag.task_dict["both.add"], map_index=1)
    assert end.error == "ValueError: item 1 that the task group is expanded over has no 'more': it has value"


def test_groups_within_groups_multiply() -> None:
    @task
    def pair(one: Any, two: Any) -> Any:
        return [one, two]

    @task
    def collect(values: Any) -> Any:
        return values

    @task_group
    def inner(value: Any, above: Any) -> Any:
        return pair(above, value)

    @task_group
    def outer(value: Any) -> Any:
        top = add(value)
        collect(inner.partial(above=value).expand(value=["a", "b", "c"]))
        return top

    stage = Stage()
    with stage.dag as dag:
        outer.expand(value=[1, 2])
    found = [stage.keep(dag.task_dict["outer.inner.pair"], map_index=index) for index in range(6)]
    assert found == [b'[1,"a"]', b'[1,"b"]', b'[1,"c"]', b'[2,"a"]', b'[2,"b"]', b'[2,"c"]']
    assert stage.keep(dag.task_dict["outer.collect"], map_index=1) == b'[[2,"a"],[2,"b"],[2,"c"]]'
