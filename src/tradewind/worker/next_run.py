"""Ask an author's timetable class for the next runs of its DAG: the scheduler imports no author code."""

from __future__ import annotations

import inspect
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tradewind.core.timetables.protocol import DataInterval, TimeRestriction
from tradewind.sdk.runtime.dates import as_pendulum
from tradewind.serialization.messages import NextRunComputed, RunDates
from tradewind.worker.tries.outcome import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.serialization.messages import ComputeNextRun


def compute_next_run(
    order: ComputeNextRun, find_dag: Callable[[], DAG], limit: AbstractContextManager[None]
) -> NextRunComputed:
    """Return the timetable's answer, or what went wrong. Dates reach the author as `pendulum.DateTime`.

    Inside `limit` the timetable thinks: it may end that with an exception.
    """
    last: Any = None
    if order.last_interval_start is not None and order.last_interval_end is not None:
        last = _interval(as_pendulum(order.last_interval_start), as_pendulum(order.last_interval_end))
    restriction = TimeRestriction(
        earliest=as_pendulum(order.earliest), latest=as_pendulum(order.latest), catchup=order.catchup
    )
    found: list[RunDates] = []
    try:
        timetable = find_dag().timetable
        with limit:
            while len(found) < order.count and (info := _ask(timetable, last, restriction, order)) is not None:
                last = info.data_interval
                found.append(_dates(info))
    except BaseException as error:  # noqa: BLE001 - author code, its import included, ends the question only
        return NextRunComputed(request_id=order.request_id, error=one_line(error))
    if not found:
        return NextRunComputed(request_id=order.request_id)
    first, *following = found
    return NextRunComputed(
        request_id=order.request_id,
        run_after=first.run_after,
        interval_start=first.interval_start,
        interval_end=first.interval_end,
        following=tuple(following),
    )


def _ask(timetable: Any, last: Any, restriction: TimeRestriction, order: ComputeNextRun) -> Any:
    """Ask as Airflow does; a timetable of this package is told the time too."""
    arguments: dict[str, Any] = {"last_automated_data_interval": last, "restriction": restriction}
    ask = timetable.next_dagrun_info
    if "now" in inspect.signature(ask).parameters:
        arguments["now"] = order.now
    return ask(**arguments)


def _dates(info: Any) -> RunDates:
    interval = info.data_interval
    return RunDates(
        run_after=_plain(info.run_after),
        interval_start=None if interval is None else _plain(interval.start),
        interval_end=None if interval is None else _plain(interval.end),
    )


def _interval(start: Any, end: Any) -> DataInterval:
    return DataInterval(start, end)


def _plain(date: datetime) -> datetime:
    """Return an author's date as a plain one in UTC. Raises ValueError for one without a time zone."""
    if date.tzinfo is None:
        raise ValueError(f"the timetable gave {date}, which has no time zone")
    return datetime.fromtimestamp(date.timestamp(), timezone.utc)
