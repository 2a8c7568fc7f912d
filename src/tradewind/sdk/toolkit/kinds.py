"""Sentinels and small enumerations that author code compares with."""

from __future__ import annotations

from enum import Enum, IntEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from typing import Any


class ArgNotSet:
    """Type of `NOTSET`, for arguments where None is a value."""

    def __repr__(self) -> str:
        return "NOTSET"

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> ArgNotSet:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ArgNotSet:
        return self

    def __reduce__(self) -> str:
        return "NOTSET"


NOTSET = ArgNotSet()


class SetDuringExecution(ArgNotSet):
    """Type of `SET_DURING_EXECUTION`, for arguments that have a value only while the task runs."""

    def __repr__(self) -> str:
        return "SET_DURING_EXECUTION"

    def __reduce__(self) -> str:
        return "SET_DURING_EXECUTION"


SET_DURING_EXECUTION = SetDuringExecution()


def is_arg_set(value: Any) -> bool:
    """Return whether an argument was given."""
    return not isinstance(value, ArgNotSet)


class DagRunType(str, Enum):
    """Why a DAG run exists."""

    BACKFILL_JOB = "backfill"
    SCHEDULED = "scheduled"
    MANUAL = "manual"
    OPERATOR_TRIGGERED = "operator_triggered"
    ASSET_TRIGGERED = "asset_triggered"
    ASSET_MATERIALIZATION = "asset_materialization"
    DATASET_TRIGGERED = "asset_triggered"  # noqa: PIE796 - Airflow 2's name of the same thing

    def __str__(self) -> str:
        """Return the plain value."""
        return self.value

    def generate_run_id(self, logical_date: datetime | None = None, *, suffix: str | None = None) -> str:
        """Return the run_id of a run of this type at that date, or with that suffix."""
        return f"{self}__{suffix if logical_date is None else logical_date.isoformat()}"

    @staticmethod
    def from_run_id(run_id: str) -> DagRunType:
        """Return the type that a run_id names; one that names none is a manual run's."""
        for run_type in DagRunType:
            if run_id and run_id.startswith(f"{run_type.value}__"):
                return run_type
        return DagRunType.MANUAL


class DagRunTriggeredByType(Enum):
    """Through which door a DAG run was asked for."""

    CLI = "cli"
    OPERATOR = "operator"
    REST_API = "rest_api"
    UI = "ui"
    TEST = "test"
    TIMETABLE = "timetable"
    ASSET = "asset"
    BACKFILL = "backfill"


class WeightRule(str, Enum):
    """How the weights of other tasks add to a task's own."""

    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"
    ABSOLUTE = "absolute"

    def __str__(self) -> str:
        """Return the plain value."""
        return self.value

    @classmethod
    def is_valid(cls, weight_rule: str) -> bool:
        """Say whether a text is one of them."""
        return weight_rule in cls.all_weight_rules()

    @classmethod
    def all_weight_rules(cls) -> set[str]:
        """Return the values of all."""
        return {rule.value for rule in cls}


class WeekDay(IntEnum):
    """Days of the week by their ISO numbers."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7

    @classmethod
    def get_weekday_number(cls, week_day_str: str) -> WeekDay:
        """Return the day of that English name, in any case. Raises AttributeError for another word."""
        day = cls.__members__.get(week_day_str.upper())
        if day is None:
            raise AttributeError(f'Invalid Week Day passed: "{week_day_str}"')
        return day

    @classmethod
    def convert(cls, day: str | WeekDay) -> int:
        """Return the number of a day or of its name."""
        return day if isinstance(day, WeekDay) else cls.get_weekday_number(day)

    @classmethod
    def validate_week_day(cls, week_day: str | WeekDay | Iterable[str | WeekDay]) -> set[int]:
        """Return the numbers of one day or several."""
        days = [week_day] if isinstance(week_day, (str, WeekDay)) else week_day
        return {cls.convert(day) for day in days}
