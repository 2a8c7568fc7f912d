"""The serializer under Airflow's names, for authors who call it."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest

from tradewind.xcom import serde

DAY = dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize("value", [{"a": (1, {2})}, [Decimal("1.5")], uuid.UUID(int=1), None, "x"])
def test_what_is_serialized_comes_back(value: Any) -> None:
    plain = serde.serialize(value)
    assert json.loads(json.dumps(plain)) == plain
    assert serde.deserialize(plain) == value


def test_errors_are_airflows() -> None:
    with pytest.raises(TypeError, match=r"builtins\.object"):
        serde.serialize({"a": object()})
    with pytest.raises(AttributeError, match="reserved key"):
        serde.serialize({serde.CLASSNAME: "x"})
    with pytest.raises(ImportError, match=r"shop\.Thing.*allowed_deserialization_classes"):
        serde.deserialize(serde.encode("shop.Thing", 1, {}))
    with pytest.raises(ValueError, match="cannot decode"):
        serde.decode({serde.CLASSNAME: 1, serde.VERSION: "a"})


def test_a_text_is_made_without_importing_the_class() -> None:
    text = serde.deserialize(serde.encode("shop.Thing", 2, {"price": 3, "tags": serde.serialize((1, 2))}), full=False)
    assert text == "shop.Thing@version=2(price=3,tags=(1,2))"


def test_json_classes() -> None:
    value = {"when": DAY, "pair": (1, 2), "ids": [uuid.UUID(int=3)]}
    text = json.dumps(value, cls=serde.XComEncoder)
    assert json.loads(text, cls=serde.XComDecoder) == value
    assert json.loads(json.dumps((1,), cls=serde.XComEncoder), cls=serde.XComDecoder) == (1,)
