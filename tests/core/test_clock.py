from __future__ import annotations

from datetime import timedelta, timezone

from tradewind.core.clock import Clock, SystemClock


def test_the_system_clock_tells_utc_and_never_goes_back() -> None:
    clock: Clock = SystemClock()
    assert clock.now().tzinfo is timezone.utc
    first, second = clock.monotonic(), clock.monotonic()
    assert second >= first
    assert abs(clock.now() - clock.now()) < timedelta(minutes=1)
