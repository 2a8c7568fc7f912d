"""Partition classes of authors: those with other defaults are kept as what they derive from, others are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tradewind.core.timetables.partitions.codec import decode_mapper, encode_part
from tradewind.core.timetables.partitions.mappers import IdentityMapper, PartitionMapper, RollupMapper
from tradewind.core.timetables.partitions.policies import WaitPolicy
from tradewind.core.timetables.partitions.temporal import StartOfDayMapper
from tradewind.core.timetables.partitions.windows import DayWindow, Window
from tradewind.core.timetables.protocol import TimetableError


class EuropeanDay(StartOfDayMapper):
    """Days as they are written in Europe."""

    default_output_format = "%d.%m.%Y"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(timezone="Europe/Amsterdam", **arguments)


class DayBefore(DayWindow):
    """The day before."""

    def __init__(self) -> None:
        super().__init__(direction=Window.Direction.BACKWARD)


class Upper(IdentityMapper):
    """Keys in capital letters."""

    def to_downstream(self, key: str) -> str:
        """Give the key."""
        return key.upper()


class Own(PartitionMapper):
    """All of it is the author's."""

    def to_downstream(self, key: str) -> str:
        """Give the key."""
        return key


class Patient(WaitPolicy):
    """Waits for ever."""

    def is_satisfied(self, matched: int, expected: int) -> bool:
        """Say no."""
        del matched, expected
        return False


def test_a_class_with_other_defaults_is_kept_as_what_it_derives_from() -> None:
    mapper = RollupMapper(upstream_mapper=EuropeanDay(), window=DayBefore())
    document = encode_part(mapper)
    assert (document["upstream_mapper"]["type"], document["window"]["type"]) == ("StartOfDayMapper", "DayWindow")
    made = decode_mapper(document)
    for key in ("2024-03-13T10:42:15", "2024-03-31T02:30:00"):
        assert made.to_downstream(key) == mapper.to_downstream(key)
    assert made.to_downstream("2024-03-13T10:42:15") == "13.03.2024"
    assert made.to_partition_date("13.03.2024") == mapper.to_partition_date("13.03.2024")
    assert isinstance(made, RollupMapper)
    assert made.to_upstream("13.03.2024") == mapper.to_upstream("13.03.2024")
    assert datetime(2024, 3, 12, 1).isoformat() in made.to_upstream("13.03.2024")  # noqa: DTZ001 - of the wall


@pytest.mark.parametrize(
    ("part", "brought"), [(Upper(), "to_downstream"), (Own(), "all of it"), (Patient(), "all of it")]
)
def test_methods_of_authors_are_refused(part: Any, brought: str) -> None:
    with pytest.raises(TimetableError, match=rf"{type(part).__name__} is author code \(.*{brought}.*\)"):
        encode_part(part)
