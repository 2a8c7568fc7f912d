"""A task after which only the newest run goes on."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tradewind.core.clock import SystemClock
from tradewind.core.timetables.protocol import DataInterval
from tradewind.sdk.operators.branch import BaseBranchOperator
from tradewind.sdk.timetables.asking import next_run_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MANUAL = "manual"


class LatestOnlyOperator(BaseBranchOperator):
    """Skips what comes directly after it when the run is not the newest one that the schedule has due.

    A run that somebody triggered always goes on.
    """

    ui_color = "#e9ffdb"

    def choose_branch(self, context: Any) -> Any:
        """Return all tasks directly after it, or none of them."""
        if self._is_latest(context["dag_run"]):
            return sorted(self.downstream_task_ids)
        self.log.info("Not the latest run, skipping downstream.")
        return []

    def _is_latest(self, dag_run: Any) -> bool:
        if str(dag_run.run_type) == _MANUAL:
            self.log.info("The run was triggered by hand: going on.")
            return True
        window = self._window(dag_run)
        if window is None:
            self.log.info("The schedule has no later run: going on.")
            return True
        left, right = window
        now = _now()
        self.log.info("The run is the latest from %s (excluded) to %s; now it is %s", left, right, now)
        return left < now <= right

    def _window(self, dag_run: Any) -> tuple[datetime, datetime] | None:
        """Return from when to when the run is the newest: until the next one is due. None without a next one."""
        date: Any = dag_run.logical_date or dag_run.run_after
        interval = DataInterval(
            _plain(dag_run.data_interval_start or date),
            _plain(dag_run.data_interval_end or date),
        )
        following = next_run_of(self.dag.timetable, interval, earliest=interval.end)
        if following is None:
            return None
        same = next_run_of(self.dag.timetable, interval, latest=interval.end - timedelta(microseconds=1))
        return (same.data_interval.end if same is not None else interval.start, following.data_interval.end)


def _plain(moment: datetime) -> datetime:
    return datetime.fromtimestamp(moment.timestamp(), timezone.utc)


def _now() -> datetime:
    return SystemClock().now()
