"""`DayOfWeekSensor`: waits for a day of the week."""

from __future__ import annotations

from tradewind.core.clock import SystemClock
from tradewind.sdk.sensors.sensor import BaseSensorOperator
from tradewind.sdk.spellings.old_arguments import note_class_argument
from tradewind.sdk.toolkit.kinds import WeekDay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class DayOfWeekSensor(BaseSensorOperator):
    """Waits until today (UTC) is one of `week_day`: an English name, a `WeekDay`, or several.

    With `use_task_logical_date` the day of the run's logical date counts. Raises AttributeError for a word that is no
    day, TypeError for what is neither.
    """

    def __init__(
        self,
        *,
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        use_task_execution_day: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if use_task_execution_day is not None:
            note_class_argument(self, "use_task_execution_day")
            use_task_logical_date = use_task_execution_day
        self.week_day = week_day
        self.use_task_logical_date = use_task_logical_date
        self._week_day_num = WeekDay.validate_week_day(week_day)

    def poke(self, context: Any) -> bool:
        """Say whether it is one of the days."""
        day: Any = SystemClock().now()
        if self.use_task_logical_date:
            day = context.get("logical_date") or context["dag_run"].run_after
        self.log.info("Poking until weekday is in %s, it is %s", self.week_day, WeekDay(day.isoweekday()).name)
        return day.isoweekday() in self._week_day_num
