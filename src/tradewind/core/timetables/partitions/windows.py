"""Windows: which smaller periods, or which of a set of names, make up one larger one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class Direction(str, Enum):
    """Where a window lies, seen from its key."""

    BACKWARD = "backward"
    """It ends with the key."""
    FORWARD = "forward"
    """It begins with the key."""


class Window(ABC):
    """The members of one period, in the form to which the mapper beside it decodes a key."""

    Direction = Direction
    expected_decoded_type: ClassVar[type] = str
    """What `to_upstream` takes; `RollupMapper` refuses a mapper that decodes to something else."""

    def __init__(self, *, direction: Direction = Direction.FORWARD) -> None:
        self.direction = Direction(direction)

    @abstractmethod
    def to_upstream(self, decoded_downstream: Any) -> Iterable[Any]:
        """Give the members of the period that begins (or ends) with the decoded key."""

    def serialize(self) -> dict[str, Any]:
        """Give what `deserialize` needs, as plain JSON types."""
        return {"direction": self.direction.value}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Window:
        """Make the window again."""
        return cls(direction=Direction(data["direction"]))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.serialize() == other.serialize()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), repr(self.serialize())))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.serialize().items())
        return f"{type(self).__name__}({told})"


class _StepWindow(Window):
    """A number of equal steps. They are steps of the calendar; where a clock jumps, two of a day's 24 hours come to have one key."""

    expected_decoded_type = datetime
    _count: ClassVar[int]

    def to_upstream(self, decoded_downstream: datetime) -> Iterable[datetime]:
        """Give the beginning of each step."""
        first = 1 - self._count if self.direction is Direction.BACKWARD else 0
        return (self._stepped(decoded_downstream, first + number) for number in range(self._count))

    def _stepped(self, start: datetime, steps: int) -> datetime:
        raise NotImplementedError


class HourWindow(_StepWindow):
    """The 60 minutes of an hour."""

    _count = 60

    def _stepped(self, start: datetime, steps: int) -> datetime:
        return start + timedelta(minutes=steps)


class DayWindow(_StepWindow):
    """The 24 hours of a day."""

    _count = 24

    def _stepped(self, start: datetime, steps: int) -> datetime:
        return start + timedelta(hours=steps)


class WeekWindow(_StepWindow):
    """The 7 days of a week."""

    _count = 7

    def _stepped(self, start: datetime, steps: int) -> datetime:
        return start + timedelta(days=steps)


class _MonthStepWindow(_StepWindow):
    def to_upstream(self, decoded_downstream: datetime) -> Iterable[datetime]:
        """Give the first of each month. Raises ValueError for a date that is no first of a month."""
        _require_first(self, decoded_downstream)
        return super().to_upstream(decoded_downstream)

    def _stepped(self, start: datetime, steps: int) -> datetime:
        return _months_after(start, steps)


class QuarterWindow(_MonthStepWindow):
    """The 3 months of a quarter."""

    _count = 3


class YearWindow(_MonthStepWindow):
    """The 12 months of a year."""

    _count = 12


class MonthWindow(Window):
    """The days of a month; backward, those after the first of the month before up to the key."""

    expected_decoded_type = datetime

    def to_upstream(self, decoded_downstream: datetime) -> Iterable[datetime]:
        """Give the beginning of each day. Raises ValueError for a date that is no first of a month."""
        _require_first(self, decoded_downstream)
        if self.direction is Direction.BACKWARD:
            first = _months_after(decoded_downstream, -1) + timedelta(days=1)
            return (first + timedelta(days=day) for day in range((decoded_downstream - first).days + 1))
        days = (_months_after(decoded_downstream, 1) - decoded_downstream).days
        return (decoded_downstream + timedelta(days=day) for day in range(days))


class SegmentWindow(Window):
    """A set of names, all of which make up the whole. Raises ValueError for a name that cannot be one, or for none."""

    def __init__(self, segments: Iterable[str]) -> None:
        super().__init__()
        given = list(segments)
        for place, segment in enumerate(given):
            if not isinstance(segment, str):  # pyright: ignore[reportUnnecessaryIsInstance] - authors write anything
                raise ValueError(  # noqa: TRY004 - as Airflow
                    f"SegmentWindow segment keys must be str; got {type(segment).__name__!r} at index {place}: {segment!r}"
                )
            if not segment:
                raise ValueError(f"SegmentWindow segment keys must be non-empty: the one at index {place} is empty")
        if not given:
            raise ValueError("SegmentWindow requires at least one segment key")
        self.segments = frozenset(given)

    def to_upstream(self, decoded_downstream: Any) -> frozenset[str]:
        """Give all names, whatever the key is."""
        del decoded_downstream
        return self.segments

    def serialize(self) -> dict[str, Any]:
        """Give the names."""
        return {"segments": sorted(self.segments)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> SegmentWindow:
        """Make the window again."""
        return cls(data["segments"])


def _require_first(window: Window, date: datetime) -> None:
    if date.day != 1:
        raise ValueError(
            f"{type(window).__name__} expects a period start on day 1 of the month, got {date.isoformat()}: "
            "the mapper beside it has to decode keys to the first of a month"
        )


def _months_after(date: datetime, months: int) -> datetime:
    total = date.month - 1 + months
    return date.replace(year=date.year + total // 12, month=total % 12 + 1)
