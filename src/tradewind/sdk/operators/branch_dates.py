"""Branches by the time and by the day of the week."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from tradewind.core.clock import SystemClock
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.branch import BaseBranchOperator
from tradewind.sdk.spellings.old_arguments import note_class_argument
from tradewind.sdk.timezone import coerce_datetime
from tradewind.sdk.toolkit.kinds import WeekDay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class _BranchByDate(BaseBranchOperator):
    """Follows one of two branches by a date: now, or with `use_task_logical_date` the run's."""

    def __init__(
        self,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        use_task_logical_date: bool = False,
        use_task_execution_date: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if use_task_execution_date is not None:
            note_class_argument(self, "use_task_execution_date")
            use_task_logical_date = use_task_execution_date
        self.follow_task_ids_if_true = follow_task_ids_if_true
        self.follow_task_ids_if_false = follow_task_ids_if_false
        self.use_task_logical_date = use_task_logical_date

    def is_true(self, context: Any) -> bool:
        """Say which branch it is."""
        raise NotImplementedError(f"{type(self).__name__} has no is_true(context) method")

    def choose_branch(self, context: Any) -> str | Iterable[str]:
        """Return the ids of the branch to follow."""
        return self.follow_task_ids_if_true if self.is_true(context) else self.follow_task_ids_if_false

    def _run_date(self, context: Any) -> Any:
        return context.get("logical_date") or context["dag_run"].run_after


class BranchDateTimeOperator(_BranchByDate):
    """Follows a branch while the time is between `target_lower` and `target_upper`, another one otherwise.

    Either may be None; dates without a zone, and times of the day, are in the DAG's zone. An upper time of the day that
    is before the lower one is of the day after. Raises `AirflowException` when both are None.
    """

    def __init__(
        self, *, target_lower: datetime | time | None, target_upper: datetime | time | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if target_lower is None and target_upper is None:
            raise AirflowException(f"{self!r}: give target_lower, target_upper or both to compare the time with")
        self.target_lower = target_lower
        self.target_upper = target_upper

    def is_true(self, context: Any) -> bool:
        """Say whether the time is between the two."""
        now = self._run_date(context) if self.use_task_logical_date else SystemClock().now()
        lower, upper = target_times_as_dates(now, self.target_lower, self.target_upper)
        zone = self.dag.timezone
        lower, upper = coerce_datetime(lower, zone), coerce_datetime(upper, zone)
        return (upper is None or now <= upper) and (lower is None or lower <= now)


def target_times_as_dates(
    base_date: datetime, lower: datetime | time | None, upper: datetime | time | None
) -> tuple[datetime | None, datetime | None]:
    """Return both as dates: times of the day on the day of `base_date`, the upper one not before the lower one."""
    if isinstance(lower, datetime) and isinstance(upper, datetime):
        return lower, upper
    lower = datetime.combine(base_date, lower) if isinstance(lower, time) else lower
    upper = datetime.combine(base_date, upper) if isinstance(upper, time) else upper
    if lower is not None and upper is not None and upper < lower:
        upper += timedelta(days=1)
    return lower, upper


class BranchDayOfWeekOperator(_BranchByDate):
    """Follows a branch on the days `week_day` (an English name, a `WeekDay`, or several), another one otherwise.

    Now is taken in the DAG's zone, the run's date in UTC.
    """

    def __init__(
        self,
        *,
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_execution_day: bool | None = None,
        **kwargs: Any,
    ) -> None:
        if use_task_execution_day is not None:
            kwargs["use_task_execution_date"] = use_task_execution_day
        super().__init__(**kwargs)
        self.week_day = week_day
        self._week_day_num = WeekDay.validate_week_day(week_day)

    def is_true(self, context: Any) -> bool:
        """Say whether it is one of the days."""
        if self.use_task_logical_date:
            return self._run_date(context).isoweekday() in self._week_day_num
        return SystemClock().now().astimezone(self.dag.timezone).isoweekday() in self._week_day_num
