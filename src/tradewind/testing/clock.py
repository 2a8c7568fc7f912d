"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

DEFAULT_START_AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


class FakeClock:
    """A `tradewind.core.clock.Clock` for tests and simulation; both of its times move together, by `advance` only."""

    def __init__(self, start_at: datetime = DEFAULT_START_AT) -> None:
        """Start at `start_at`; raises ValueError when it has no time zone."""
        if start_at.tzinfo is None:
            raise ValueError(f"start_at {start_at.isoformat()} has no time zone; give an aware datetime")
        self._now_at = start_at.astimezone(timezone.utc)
        self._monotonic_s = 0.0

    def now(self) -> datetime:
        """Give the wall time this clock was moved to, aware and in UTC."""
        return self._now_at

    def monotonic(self) -> float:
        """Give the seconds this clock was moved by since it was made."""
        return self._monotonic_s

    def advance(self, by: timedelta | float) -> datetime:
        """Move the clock forward by a timedelta or a number of seconds and give the new wall time.

        Raises ValueError when asked to go back: a test that needs an earlier time starts another clock.
        """
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta(0):
            raise ValueError(f"a clock does not go back, asked to advance by {step}")
        self._now_at += step
        self._monotonic_s += step.total_seconds()
        return self._now_at

    def advance_to(self, moment: datetime) -> datetime:
        """Move the clock forward to an aware moment; raises ValueError when that lies in its past."""
        self.advance(moment - self._now_at)
        return self._now_at
