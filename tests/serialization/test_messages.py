"""What a message can carry of author code."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pendulum
import pytest

from tradewind.serialization.messages import FrameBuffer, StoreCall, decode_report, frame


def carried(value: Any) -> Any:
    (body,) = FrameBuffer().feed(frame(StoreCall(call_id=1, method="m", arguments={"value": [value]})))
    report = decode_report(body)
    assert isinstance(report, StoreCall)
    return report.arguments["value"][0]


@pytest.mark.parametrize("year", [1, 2024, 9999])
def test_dates_of_other_classes_are_carried_as_plain_ones(year: int) -> None:
    moment = datetime(year, 6, 5, 12, 30, 1, 123457, tzinfo=timezone.utc)
    assert carried(pendulum.instance(moment)) == carried(moment) == moment
    assert carried(pendulum.instance(moment).in_timezone("Asia/Tokyo")) == moment


@pytest.mark.parametrize("value", [object(), pendulum.naive(2024, 1, 1)], ids=["object", "naive"])
def test_what_cannot_be_carried_is_named(value: Any) -> None:
    with pytest.raises(TypeError, match=f"cannot carry what is of type {type(value).__name__}"):
        carried(value)
