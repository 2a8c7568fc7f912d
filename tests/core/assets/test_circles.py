"""Circles of DAGs that wait for each other, and assets that nobody makes."""

from __future__ import annotations

from tradewind.core.assets.circles import Use, circles, never_made


def waits(dag_id: str, name: str, kind: str = "asset", uri: str = "") -> Use:
    return Use(dag_id, "schedule", kind, name, uri)


def makes(dag_id: str, name: str, kind: str = "asset", uri: str = "") -> Use:
    return Use(dag_id, "outlet", kind, name, uri)


def test_a_circle_is_named_from_each_of_its_dags() -> None:
    uses = [makes("a", "x"), waits("b", "x"), makes("b", "y"), waits("a", "y"), waits("c", "y")]
    assert circles(uses) == {"a": ["a", "b", "a"], "b": ["b", "a", "b"]}


def test_a_dag_that_waits_for_what_it_makes() -> None:
    assert circles([makes("a", "x"), waits("a", "x")]) == {"a": ["a", "a"]}
    assert circles([makes("a", "x", uri="u"), waits("a", "", "asset_ref", "u")]) == {"a": ["a", "a"]}
    assert circles([makes("a", "x"), waits("b", "x")]) == {}


def test_an_alias_is_no_asset_of_its_name() -> None:
    assert circles([makes("a", "x"), waits("a", "x", "alias")]) == {}
    assert circles([makes("a", "x", "alias"), waits("a", "x", "alias")]) == {"a": ["a", "a"]}


def test_what_nobody_makes() -> None:
    uses = [makes("a", "x"), waits("b", "x"), waits("b", "y"), waits("b", "z"), waits("c", "l", "alias")]
    assert never_made(uses, [("z", "")]) == {"b": ["y"], "c": ["l"]}
