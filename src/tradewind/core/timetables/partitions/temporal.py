"""Mappers of keys that are dates: to the hour, day, week, month, quarter or year that a date lies in, and back."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind.core.timetables.partitions.key_formats import key_pattern
from tradewind.core.timetables.partitions.mappers import PartitionMapper
from tradewind.core.timetables.zones import at_wall, encode_zone, parse_zone

if TYPE_CHECKING:
    from tradewind.core.timetables.partitions.windows import Window

_INPUT_FORMAT = "%Y-%m-%dT%H:%M:%S"


class TemporalMapper(PartitionMapper):
    """A key is a date in `input_format`, read in `timezone`; it becomes the beginning of its period in `output_format`."""

    expected_decoded_type = datetime
    default_output_format: ClassVar[str]

    def __init__(
        self,
        *,
        timezone: str | float | tzinfo = "UTC",
        input_format: str = _INPUT_FORMAT,
        output_format: str | None = None,
        max_downstream_keys: int | None = None,
    ) -> None:
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.timezone = parse_zone(timezone)
        self.input_format = input_format
        self.output_format = output_format or self.default_output_format

    @abstractmethod
    def normalize(self, dt: datetime) -> datetime:
        """Give the beginning of the period that a date lies in."""

    def format(self, dt: datetime) -> str:
        """Give the key of a run for the beginning of its period."""
        return dt.strftime(self.output_format)

    def to_downstream(self, key: str) -> str:
        """Give the key of the period. Raises ValueError for a key that is no date in the input format."""
        date = datetime.strptime(key, self.input_format)  # noqa: DTZ007 - the zone follows
        date = at_wall(date, self.timezone) if date.tzinfo is None else date.astimezone(self.timezone)
        return self.format(self.normalize(date))

    def decode_downstream(self, downstream_key: str) -> datetime:
        """Give the beginning of the period of a run's key, on the clock of the mapper's zone."""
        return datetime.strptime(downstream_key, self.output_format)  # noqa: DTZ007 - of the wall

    def encode_upstream(self, decoded: datetime) -> str:
        """Give the key of an event for a date."""
        if decoded.tzinfo is not None:
            decoded = decoded.astimezone(self.timezone)
        return at_wall(decoded, self.timezone).strftime(self.input_format)

    def to_partition_date(self, downstream_key: str) -> datetime:
        """Give the beginning of the period of a run's key."""
        anchor = self.normalize(self.decode_downstream(downstream_key))
        return at_wall(anchor, self.timezone) if anchor.tzinfo is None else anchor

    def serialize(self) -> dict[str, Any]:
        """Give the zone and the formats."""
        return {
            "timezone": encode_zone(self.timezone),
            "input_format": self.input_format,
            "output_format": self.output_format,
            **super().serialize(),
        }


class StartOfHourMapper(TemporalMapper):
    """`2024-03-13T10:42:15` becomes `2024-03-13T10`."""

    default_output_format = "%Y-%m-%dT%H"

    def normalize(self, dt: datetime) -> datetime:
        """Give the beginning of the hour."""
        return dt.replace(minute=0, second=0, microsecond=0)


class StartOfDayMapper(TemporalMapper):
    """`2024-03-13T10:42:15` becomes `2024-03-13`."""

    default_output_format = "%Y-%m-%d"

    def normalize(self, dt: datetime) -> datetime:
        """Give midnight."""
        return _midnight(dt)


class StartOfWeekMapper(TemporalMapper):
    """`2024-03-13T10:42:15` becomes `2024-03-11 (W11)`: the Monday. To be read back, the format needs %Y, %m and %d."""

    default_output_format = "%Y-%m-%d (W%V)"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._pattern = key_pattern(self.output_format)

    def normalize(self, dt: datetime) -> datetime:
        """Give midnight of the Monday."""
        return _midnight(dt - timedelta(days=dt.weekday()))

    def decode_downstream(self, downstream_key: str) -> datetime:
        """Give the Monday of a run's key. Raises ValueError for a key that cannot be read."""
        found = self._pattern.search(downstream_key)
        if found is None or not {"Y", "m", "d"} <= found.groupdict().keys():
            raise _unreadable(self, downstream_key, "the %Y, %m and %d directives")
        return datetime(int(found["Y"]), int(found["m"]), int(found["d"]))  # noqa: DTZ001 - of the wall


class StartOfMonthMapper(TemporalMapper):
    """`2024-03-13T10:42:15` becomes `2024-03`."""

    default_output_format = "%Y-%m"

    def normalize(self, dt: datetime) -> datetime:
        """Give midnight of the first."""
        return _midnight(dt.replace(day=1))


class StartOfQuarterMapper(TemporalMapper):
    """`2024-03-13T10:42:15` becomes `2024-Q1`. To be read back, the format needs %Y and {quarter}."""

    default_output_format = "%Y-Q{quarter}"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._pattern = key_pattern(self.output_format, {"quarter": "[1-4]"})

    def normalize(self, dt: datetime) -> datetime:
        """Give midnight of the first of the quarter."""
        return _midnight(dt.replace(month=(dt.month - 1) // 3 * 3 + 1, day=1))

    def format(self, dt: datetime) -> str:
        """Give the key of a run for the beginning of its quarter."""
        return dt.strftime(self.output_format).format(quarter=(dt.month - 1) // 3 + 1)

    def decode_downstream(self, downstream_key: str) -> datetime:
        """Give the first of the quarter of a run's key. Raises ValueError for a key that cannot be read."""
        found = self._pattern.search(downstream_key)
        if found is None or not {"Y", "quarter"} <= found.groupdict().keys():
            raise _unreadable(self, downstream_key, "the %Y directive and the {quarter} placeholder")
        return datetime(int(found["Y"]), int(found["quarter"]) * 3 - 2, 1)  # noqa: DTZ001 - of the wall


class StartOfYearMapper(TemporalMapper):
    """`2024-03-13T10:42:15` becomes `2024`."""

    default_output_format = "%Y"

    def normalize(self, dt: datetime) -> datetime:
        """Give midnight of the first of January."""
        return _midnight(dt.replace(month=1, day=1))


class FanOutMapper(PartitionMapper):
    """One event is for many runs: one for each member of the period that its key stands for.

    Raises ValueError without a `downstream_mapper` for a window whose members have no usual key.
    """

    default_downstream_mapper_by_window_name: ClassVar[dict[str, type[TemporalMapper]]] = {
        "DayWindow": StartOfHourMapper,
        "WeekWindow": StartOfDayMapper,
        "MonthWindow": StartOfDayMapper,
        "QuarterWindow": StartOfMonthMapper,
        "YearWindow": StartOfMonthMapper,
    }

    def __init__(
        self,
        *,
        upstream_mapper: PartitionMapper,
        window: Window,
        downstream_mapper: PartitionMapper | None = None,
        max_downstream_keys: int | None = None,
    ) -> None:
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.upstream_mapper = upstream_mapper
        self.window = window
        usual = self.default_downstream_mapper_by_window_name.get(type(window).__name__)
        if downstream_mapper is None and usual is None:
            raise ValueError(
                f"{type(self).__name__} has no default downstream_mapper for window type {type(window).__name__}: "
                "pass downstream_mapper="
            )
        self.downstream_mapper: PartitionMapper = downstream_mapper or usual()  # type: ignore[misc] - one of the two

    def to_downstream(self, key: str) -> list[str]:
        """Give the key of each member. Raises TypeError where the mapper gives several keys itself."""
        coarse = self.upstream_mapper.to_downstream(key)
        if not isinstance(coarse, str):
            raise TypeError(
                f"FanOutMapper.upstream_mapper must produce a single key; {self.upstream_mapper!r} gave several"
            )
        return [
            self._key_of(member) for member in self.window.to_upstream(self.upstream_mapper.decode_downstream(coarse))
        ]

    def to_partition_date(self, downstream_key: str) -> datetime | None:
        """Give what the mapper of the members gives."""
        return self.downstream_mapper.to_partition_date(downstream_key)

    def serialize(self) -> dict[str, Any]:
        """Give the parts."""
        return {
            "upstream_mapper": self.upstream_mapper,
            "window": self.window,
            "downstream_mapper": self.downstream_mapper,
            **super().serialize(),
        }

    def _key_of(self, member: Any) -> str:
        formatter = getattr(self.downstream_mapper, "format", None)
        if callable(formatter):
            return str(formatter(member))
        return member.isoformat() if isinstance(member, datetime) else str(member)


def _midnight(date: datetime) -> datetime:
    return date.replace(hour=0, minute=0, second=0, microsecond=0)


def _unreadable(mapper: TemporalMapper, key: str, needed: str) -> ValueError:
    return ValueError(
        f"{type(mapper).__name__}.decode_downstream could not parse {key!r} with output_format {mapper.output_format!r}; "
        f"output_format must include {needed}"
    )
