"""Which assets are active where several have one name or one URI."""

from __future__ import annotations

from tradewind.core.assets.conflicts import inactive


def test_the_first_that_is_in_use_keeps_its_name_and_uri() -> None:
    assets = [("a", "s3://a"), ("a", "s3://b"), ("b", "s3://a"), ("b", "s3://b"), ("c", "c")]
    assert inactive(assets) == {
        ("a", "s3://b"): "its name is that of the asset with the URI 's3://a'",
        ("b", "s3://a"): "its URI is that of the asset with the name 'a'",
    }, "what is not active is in nobody's way"


def test_an_asset_that_is_told_of_twice_is_no_conflict() -> None:
    assert inactive([("a", "a"), ("a", "a")]) == {}
