"""What a task says of the events of its outlets."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.sdk.assets.asset import Asset, AssetAlias
from tradewind.sdk.assets.outlet_events import Metadata, OutletEventAccessors, events_of, take_yielded
from tradewind.sdk.runtime.current import set_current_context

A, B, ALIAS = Asset("a", "s3://a/k"), Asset("b"), AssetAlias("some")


def told(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "uri": "s3://a/k", "extra": {}, "aliases": [], "partition_key": None} | fields


def test_an_outlet_that_nothing_is_said_of_has_an_event_all_the_same() -> None:
    assert events_of([A, "a file"], None) == [told()]
    assert events_of([A, A], OutletEventAccessors([A])) == [told()]


def test_extra_and_partitions() -> None:
    events = OutletEventAccessors([A])
    events[A].extra = {"k": 1}
    events["s3://a/k"].add_partitions(["q", "p"])
    assert events_of([A], events) == [told(extra={"k": 1}, partition_key=key) for key in ("p", "q")]
    assert events_of([Asset.ref(name="a")], events)[0]["extra"] == {"k": 1}
    assert events_of([B], events) == [told(name="b", uri="b")], "what is no outlet has no event"


def test_events_through_aliases_are_one_for_asset_and_extra() -> None:
    other = AssetAlias("other")
    events = OutletEventAccessors([ALIAS, other])
    events[ALIAS].add(A, extra={"k": 1})
    events[other].add(A, extra={"k": 1})
    events[other].add(B)
    assert [(one["name"], one["aliases"]) for one in events_of([ALIAS, other], events)] == [
        ("a", ["some", "other"]),
        ("b", ["other"]),
    ]
    assert [one["name"] for one in events_of([ALIAS], events)] == ["a"]


def test_what_cannot_be_a_partition() -> None:
    events = OutletEventAccessors([A, ALIAS])
    with pytest.raises(ValueError, match="must not be empty"):
        events[A].add_partitions(" ")
    with pytest.raises(ValueError, match="at most 250"):
        events[A].add_partitions("k" * 251)
    with pytest.raises(TypeError, match="not supported on asset alias"):
        events[ALIAS].add_partitions("k")


def test_metadata_that_a_generator_yields_is_taken() -> None:
    events = OutletEventAccessors([A, ALIAS])

    def work() -> Any:
        yield Metadata(A, {"k": 1}, alias=ALIAS)
        return "result"

    with set_current_context({"outlet_events": events}):  # type: ignore[arg-type] - the one key that is read
        assert take_yielded(work()) == "result"
        assert take_yielded(iter([1, 2])) == [1, 2]  # type: ignore[arg-type] - yields and returns nothing
    assert events[A].extra == {"k": 1}
    assert events[ALIAS].asset_alias_events[0].extra == {"k": 1}
