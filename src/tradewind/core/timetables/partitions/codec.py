"""Mappers, windows and wait policies as plain JSON types, the form in which the DAG document holds them.

Those of this package only: the scheduler asks them, and it runs no author code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.core.timetables.partitions import mappers, policies, temporal, windows
from tradewind.core.timetables.protocol import TimetableError

if TYPE_CHECKING:
    from tradewind.core.timetables.partitions.mappers import PartitionMapper

_CLASSES: dict[str, type[Any]] = {
    known.__name__: known
    for known in (
        mappers.AllowedKeyMapper,
        mappers.ChainMapper,
        mappers.FixedKeyMapper,
        mappers.IdentityMapper,
        mappers.ProductMapper,
        mappers.RollupMapper,
        policies.MinimumCount,
        policies.WaitForAll,
        temporal.FanOutMapper,
        temporal.StartOfDayMapper,
        temporal.StartOfHourMapper,
        temporal.StartOfMonthMapper,
        temporal.StartOfQuarterMapper,
        temporal.StartOfWeekMapper,
        temporal.StartOfYearMapper,
        windows.DayWindow,
        windows.HourWindow,
        windows.MonthWindow,
        windows.QuarterWindow,
        windows.SegmentWindow,
        windows.WeekWindow,
        windows.YearWindow,
    )
}
_WITHOUT_MEANING = frozenset(
    [
        "__init__",
        "__module__",
        "__qualname__",
        "__doc__",
        "__annotations__",
        "__annotate__",
        "__annotations_cache__",
        "__static_attributes__",
        "__firstlineno__",
        "__abstractmethods__",
        "_abc_impl",
        "default_output_format",
        "default_downstream_mapper_by_window_name",
    ]
)
"""What a subclass may bring: its instances have said by then, in the fields that are kept, what comes of it."""
_PARTS = (mappers.PartitionMapper, policies.WaitPolicy, windows.Window)


def encode_part(part: Any) -> dict[str, Any]:
    """Give a mapper, window or policy as plain JSON types.

    One of an author's class that brings other defaults only, and no method, becomes one of the class it derives from.
    Raises TimetableError for another class of an author's: the scheduler, which asks it, runs no author code.
    """
    part_class: type[Any] = part.__class__
    return {"type": _type_name(part_class), **{key: _plain(value) for key, value in part.serialize().items()}}


def decode_mapper(document: dict[str, Any]) -> PartitionMapper:
    """Make a mapper again. Raises TimetableError for what is none."""
    made = _made(document)
    if not isinstance(made, mappers.PartitionMapper):
        raise TimetableError(f"{document!r} is no partition mapper")
    return made


def _type_name(part_class: type[Any]) -> str:
    brought: set[str] = set()
    known = False
    for ancestor in part_class.__mro__:
        known = _CLASSES.get(ancestor.__name__) is ancestor
        if known and not brought:
            return ancestor.__name__
        if known:
            break
        brought |= vars(ancestor).keys() - _WITHOUT_MEANING
    if not known:
        brought = {"all of it"}
    raise TimetableError(
        f"partition class {part_class.__module__}.{part_class.__name__} is author code ({', '.join(sorted(brought))}), "
        f"which the scheduler does not run; use {', '.join(sorted(_CLASSES))}, or a subclass with other defaults"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, _PARTS):
        return encode_part(value)
    return [_plain(one) for one in value] if isinstance(value, list) else value  # type: ignore[reportUnknownVariableType] - lists of parts


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return [_made(one) for one in value]  # type: ignore[reportUnknownVariableType] - as above
    if not isinstance(value, dict):
        return value
    fields: dict[str, Any] = {key: _made(one) for key, one in value.items()}  # type: ignore[reportUnknownVariableType] - JSON
    name = fields.pop("type", None)
    known = _CLASSES.get(str(name))
    if known is None:
        raise TimetableError(f"unknown partition class {name!r}; known are {', '.join(sorted(_CLASSES))}")
    return known.deserialize(fields)
