"""Conditions of assets, against a plain reading of what they say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.core.assets import ArrivedAsset, is_met, leaves, missing, words_of

NAMES = ("a", "b", "c", "d")
ASSETS = {name: ArrivedAsset(name, f"s3://{name}") for name in NAMES}


def asset(name: str) -> dict[str, Any]:
    return {"asset": {"name": name, "uri": f"s3://{name}", "group": "asset"}}


LEAVES = st.one_of(
    st.sampled_from(NAMES).map(asset),
    st.sampled_from(NAMES).map(lambda name: {"asset_ref": {"name": name}}),
    st.sampled_from(NAMES).map(lambda name: {"asset_ref": {"uri": f"s3://{name}"}}),
    st.sampled_from(NAMES).map(lambda name: {"alias": {"name": f"alias of {name}", "group": "asset"}}),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=4).map(lambda several: {"all": several}),
        st.lists(parts, min_size=1, max_size=4).map(lambda several: {"any": several}),
    ),
    max_leaves=12,
)
ARRIVED = st.sets(st.sampled_from(NAMES))


def arrived(names: set[str]) -> list[ArrivedAsset]:
    return [ASSETS[name]._replace(aliases=frozenset({f"alias of {name}"})) for name in sorted(names)]


def read(condition: dict[str, Any], names: set[str]) -> bool:
    """Read a condition as a person does."""
    ((kind, value),) = condition.items()
    if kind in {"all", "any"}:
        return (all if kind == "all" else any)([read(part, names) for part in value])
    told = value.get("name") or value["uri"]
    return told.removeprefix("alias of ").removeprefix("s3://") in names


@given(CONDITIONS, ARRIVED)
def test_it_is_met_by_what_it_says(condition: dict[str, Any], names: set[str]) -> None:
    assert is_met(condition, arrived(names)) == (bool(names) and read(condition, names))


@given(CONDITIONS, ARRIVED)
def test_something_is_missing_until_it_is_met(condition: dict[str, Any], names: set[str]) -> None:
    assert bool(missing(condition, arrived(names))) == (not read(condition, names))


@given(CONDITIONS, ARRIVED, st.sampled_from(NAMES))
def test_one_more_event_never_undoes_it(condition: dict[str, Any], names: set[str], more: str) -> None:
    if is_met(condition, arrived(names)):
        assert is_met(condition, arrived(names | {more}))


@given(CONDITIONS)
def test_all_its_leaves_meet_it(condition: dict[str, Any]) -> None:
    kinds = [kind for kind, _ in leaves(condition)]
    assert set(kinds) <= {"asset", "alias", "asset_ref"}
    assert is_met(condition, arrived(set(NAMES)))


def test_in_words() -> None:
    condition = {"all": [asset("a"), {"any": [asset("b"), {"alias": {"name": "x", "group": "asset"}}]}]}
    assert words_of(condition) == "a & (b | x)"
    assert missing(condition, []) == ["asset 'a'", "asset 'b' or alias 'x'"]
    assert missing(condition, arrived({"a"})) == ["asset 'b' or alias 'x'"]
    assert missing(condition, arrived({"b"})) == ["asset 'a'"]
    assert missing({"any": [{"all": [asset("a"), asset("b")]}, asset("c")]}, arrived({"a"})) == [
        "asset 'b' or asset 'c'"
    ]


@pytest.mark.parametrize("nonsense", [{}, {"all": [], "any": []}, {"assets": []}])
def test_what_is_no_condition_is_said_so(nonsense: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no condition of assets"):
        is_met(nonsense, [ASSETS["a"]])
