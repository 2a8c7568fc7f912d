"""`.map`, `.zip` and `.concat` of XComs: what they refer to, and the items that they come to."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind import DAG, XComArg, task
from tradewind.sdk.mapping.items import ConcatResult, LazyItems, MapResult, SharedItems, ZipResult, item_of
from tradewind.sdk.mapping.references import ConcatXComArg, MapXComArg, ZipXComArg

_LISTS = st.lists(st.lists(st.integers(), max_size=4), min_size=1, max_size=4)


@task
def listing() -> list[int]:
    return [1, 2]


def two() -> tuple[Any, Any]:
    with DAG("d"):
        return listing(), listing.override(task_id="other")()


def plus_one(value: int) -> int:
    return value + 1


class Run:
    """A task instance that can be asked for XComs."""

    dag_id, run_id, map_index = "d", "r", -1

    def __init__(self, **values: Any) -> None:
        self.values = values

    def xcom_pull(self, *, task_ids: str, default: Any, **_how: Any) -> Any:
        """Return what the test says that the task returned."""
        return self.values.get(task_ids, default)


def test_they_show_what_they_are_made_of() -> None:
    one, other = two()
    assert repr(one.map(plus_one).map(str)) == f"{one!r}.map(plus_one).map(str)"
    assert repr(one.zip(other, fillvalue=0)) == f"{one!r}.zip({other!r}, fillvalue=0)"
    assert repr(one.zip(other)) == f"{one!r}.zip({other!r})"
    assert repr(one.concat(other).concat(one)) == f"{one!r}.concat({other!r}, {one!r})"
    assert isinstance(one.map(plus_one).map(str), MapXComArg)
    assert isinstance(one.concat(other).concat(one), ConcatXComArg)
    assert len(one.concat(other).concat(one).args) == 3


def test_they_refer_to_every_task_in_them() -> None:
    one, other = two()
    combined = one.zip(other.map(str)).concat(one)
    assert [operator.task_id for operator, _ in XComArg.iter_xcom_references([combined])] == [
        "listing",
        "other",
        "listing",
    ]
    with one.operator.dag:
        after = listing.override(task_id="after")()
    combined >> after
    assert after.operator.upstream_task_ids == {"listing", "other"}


def test_they_are_resolved_item_by_item() -> None:
    one, other = two()
    context = {"ti": Run(listing=[1, 2, 3], other=["a", "b"])}
    assert list(one.map(plus_one).map(str).resolve(context)) == ["2", "3", "4"]
    assert list(one.zip(other).resolve(context)) == [(1, "a"), (2, "b")]
    assert one.zip(other, fillvalue=None).resolve(context)[-1] == (3, None)
    assert one.concat(other).resolve(context) == [1, 2, 3, "a", "b"]
    assert one.concat(other).resolve(context)[2:4] == [3, "a"]


@pytest.mark.parametrize("verb", ["map", "zip", "concat"])
def test_what_is_no_list_is_refused_when_it_is_known(verb: str) -> None:
    one, other = two()
    arg = one.map(str) if verb == "map" else getattr(one, verb)(other)
    with pytest.raises(ValueError, match=f"XCom {verb} expects sequence or dict, not int"):
        arg.resolve({"ti": Run(listing=5, other=[])})


def test_only_what_a_task_returned_can_be_combined() -> None:
    one, other = two()
    for refused in (lambda: one["k"].map(str), lambda: one["k"].zip(other)):
        with pytest.raises(ValueError, match="cannot map against non-return XCom"):
            refused()
    with pytest.raises(ValueError, match="cannot concatenate non-return XCom"):
        one["k"].concat(other)
    with pytest.raises(TypeError, match=r"zip\(\) takes XComs, such as task.output; got list"):
        one.zip([1, 2])
    with pytest.raises(ValueError, match="must be a plain function"):
        one.map(listing)


def test_a_zip_fills_with_what_it_is_given() -> None:
    arg = ZipXComArg(list(two()), fillvalue=None)
    assert list(arg.over([[1], [2, 3]])) == [(1, 2), (None, 3)]


@given(_LISTS)
def test_sequences_are_those_of_python(lists: list[list[int]]) -> None:
    assert list(ConcatResult(lists)) == list(itertools.chain(*lists))
    assert list(ZipResult(lists)) == list(zip(*lists))  # noqa: B905 - the shortest
    assert list(ZipResult(lists, fillvalue=-1)) == list(itertools.zip_longest(*lists, fillvalue=-1))
    assert list(MapResult(ConcatResult(lists), [plus_one])) == [n + 1 for inner in lists for n in inner]


@given(_LISTS, st.integers(-6, 6), st.slices(6))
def test_places_and_slices_are_those_of_a_list(lists: list[list[int]], place: int, part: slice) -> None:
    lazy, plain = ConcatResult(lists), [n for inner in lists for n in inner]
    assert lazy[part] == plain[part]
    if -len(plain) <= place < len(plain):
        assert lazy[place] == plain[place]
    else:
        with pytest.raises(IndexError):
            _ = lazy[place]


def test_dicts_give_their_entries_and_to_concat_their_keys() -> None:
    entries = {"a": 1, "b": 2}
    assert item_of(entries, 1) == ("b", 2)
    with pytest.raises(IndexError, match="over mapped length"):
        item_of(entries, 2)
    assert list(SharedItems(entries)) == [("a", 1), ("b", 2)]
    for source in (entries, SharedItems(entries)):
        assert list(ConcatResult([source, [3]])) == ["a", "b", 3]
        assert list(MapResult(source, [repr])) == ["('a', 1)", "('b', 2)"]


def test_shared_items_are_copies() -> None:
    kept = [{"n": [1]}, "text"]
    shared = SharedItems(kept)
    shared[0]["n"].append(2)
    assert kept == [{"n": [1]}, "text"]


def test_lazy_sequences_compare_as_lists_and_become_lists() -> None:
    import pickle

    lazy: LazyItems = MapResult([1, 2], [plus_one])
    assert lazy == [2, 3]
    assert lazy == (2, 3)
    assert lazy != [2]
    assert lazy != "23"
    assert pickle.loads(pickle.dumps(lazy)) == [2, 3]
    with pytest.raises(TypeError):
        _ = lazy["a"]
