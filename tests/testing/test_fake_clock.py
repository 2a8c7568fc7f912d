from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from tradewind.core.clock import Clock
from tradewind.testing.clock import DEFAULT_START_AT, FakeClock


def test_it_stands_still_until_it_is_moved() -> None:
    clock: Clock = FakeClock()
    assert clock.now() == clock.now() == DEFAULT_START_AT
    assert clock.monotonic() == 0.0


def test_both_times_move_together() -> None:
    clock = FakeClock()
    assert clock.advance(timedelta(hours=1)) == DEFAULT_START_AT + timedelta(hours=1)
    assert clock.advance(0.5) == clock.now()
    assert clock.monotonic() == 3600.5


def test_it_moves_to_a_moment_given_in_any_zone() -> None:
    clock = FakeClock(datetime(2026, 1, 1, 1, tzinfo=ZoneInfo("Europe/Amsterdam")))
    assert clock.now() == DEFAULT_START_AT
    assert clock.now().tzinfo is timezone.utc
    moment = datetime(2026, 1, 1, 2, tzinfo=ZoneInfo("Europe/Amsterdam"))
    assert clock.advance_to(moment) == moment
    assert clock.monotonic() == 3600


def test_it_refuses_to_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        FakeClock().advance(-1)


def test_it_refuses_a_start_without_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        FakeClock(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused
