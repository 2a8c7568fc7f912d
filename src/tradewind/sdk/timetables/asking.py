"""Asking any timetable for its next run: of this package, or of an author's class."""

from __future__ import annotations

from inspect import signature

from tradewind.core.clock import SystemClock
from tradewind.core.timetables.protocol import DataInterval, TimeRestriction
from tradewind.sdk.runtime.dates import as_pendulum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any


def next_run_of(
    timetable: Any, last: DataInterval, *, earliest: datetime | None = None, latest: datetime | None = None
) -> Any:
    """Return the `DagRunInfo` of the run after the interval `last`, between two dates, as with catchup; None without.

    Dates reach the timetable as `pendulum.DateTime`, as in Airflow.
    """
    ask = timetable.next_dagrun_info
    told = {"now": SystemClock().now()} if "now" in signature(ask).parameters else {}
    start, end, first, final = map(as_pendulum, (last.start, last.end, earliest, latest))
    interval: Any = (start, end)
    return ask(
        last_automated_data_interval=DataInterval(*interval),
        restriction=TimeRestriction(first, final, catchup=True),
        **told,
    )
