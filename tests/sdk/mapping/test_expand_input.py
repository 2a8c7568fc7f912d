"""The arguments that one map index stands for."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind import DAG, task
from tradewind.sdk.mapping.expand_input import (
    DictOfListsExpandInput,
    ListOfDictsExpandInput,
    MappedArgument,
    NotFullyPopulated,
    is_mappable,
)
from tradewind.sdk.mapping.items import is_mappable_value


def at(index: int) -> dict[str, Any]:
    """Return the context of an index."""
    return {"ti": SimpleNamespace(map_index=index, task=SimpleNamespace(iter_mapped_task_groups=lambda: iter(())))}


@given(st.lists(st.lists(st.integers(), min_size=1, max_size=4), min_size=1, max_size=4))
def test_indexes_go_through_all_combinations_the_last_keyword_fastest(lists: list[list[int]]) -> None:
    keys = [f"k{number}" for number in range(len(lists))]
    over = DictOfListsExpandInput(dict(zip(keys, lists)))  # noqa: B905 - of one length
    combinations = list(itertools.product(*lists))
    assert over.get_parse_time_mapped_ti_count() == len(combinations)
    assert over.size(at(0)) == len(combinations)
    found = [over.resolve(at(index))[0] for index in range(len(combinations))]
    assert [tuple(data[key] for key in keys) for data in found] == combinations


def test_dicts_are_mapped_over_by_their_entries() -> None:
    over = DictOfListsExpandInput({"a": {"x": 1, "y": 2}, "b": [3]})
    assert [over.resolve(at(index))[0] for index in range(2)] == [{"a": ("x", 1), "b": 3}, {"a": ("y", 2), "b": 3}]


def test_no_value_of_a_literal_is_kept_from_being_a_template() -> None:
    assert DictOfListsExpandInput({"a": ["{{ ds }}"]}).resolve(at(0)) == ({"a": "{{ ds }}"}, set())


def test_outside_a_mapped_instance_there_is_no_index() -> None:
    for over in (DictOfListsExpandInput({"a": [1]}), ListOfDictsExpandInput([{"a": 1}])):
        with pytest.raises(RuntimeError, match="without expanding"):
            over.resolve(at(-1))


def test_an_index_beyond_what_there_is_says_so() -> None:
    for over in (DictOfListsExpandInput({"a": [1, 2]}), ListOfDictsExpandInput([{"a": 1}, {}])):
        with pytest.raises(RuntimeError, match=r"map index 2 has nothing to run for: .* has 2 items by now"):
            over.resolve(at(2))
    with pytest.raises(RuntimeError, match="cannot expand field mapped to length 0"):
        DictOfListsExpandInput({"a": []}).resolve(at(0))


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (5, r"expects a list\[dict\], not list\[int\]"),
        (None, r"not list\[None\]"),
        ({1: 2}, "keys must all be str, but 1 is of type int"),
    ],
)
def test_items_of_expand_kwargs_are_dicts(item: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ListOfDictsExpandInput([item]).resolve(at(0))


def test_lengths_that_a_run_decides_are_not_known_before() -> None:
    @task
    def listing() -> list[int]:
        return []

    with DAG("d"):
        arg = listing()
    with pytest.raises(NotFullyPopulated, match="missing: 'a', 'c'"):
        DictOfListsExpandInput({"c": arg, "a": arg, "b": [1]}).get_parse_time_mapped_ti_count()
    with pytest.raises(NotFullyPopulated, match="expand_kwargs"):
        ListOfDictsExpandInput(arg).get_parse_time_mapped_ti_count()
    assert DictOfListsExpandInput({}).get_parse_time_mapped_ti_count() == 0


def test_what_can_be_mapped_over() -> None:
    over = DictOfListsExpandInput({"a": [1]})
    assert all(map(is_mappable, ([], (), {}, range(2), MappedArgument(input=over, key="a"))))
    assert not any(map(is_mappable, ("a", 1, None, {1}, iter([]))))
    assert all(map(is_mappable_value, ([], (), {}, range(2))))
    assert not any(map(is_mappable_value, ("a", b"a", bytearray(), 1, None, {1})))


def test_an_argument_of_a_mapped_group_is_that_of_the_index() -> None:
    over = DictOfListsExpandInput({"a": [1, 2], "b": ["x", "y"]})
    assert [MappedArgument(input=over, key="b").resolve(at(index)) for index in range(4)] == ["x", "y", "x", "y"]
    assert repr(MappedArgument(input=over, key="b")) == "MappedArgument('b')"
    assert {MappedArgument(input=over, key="b")} == {MappedArgument(input=over, key="b")}
    assert MappedArgument(input=over, key="b") != MappedArgument(input=over, key="a")
