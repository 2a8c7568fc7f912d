"""What partition mappers, windows and wait policies are asked; the same questions for Airflow's and for Tradewind's.

A part is named by its class and arguments, `["StartOfDayMapper", {"timezone": "UTC"}]`, which mean the same on both sides.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ZONES = ("UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
DATES = (
    *("2024-03-31T00:59:59", "2024-03-31T01:30:00", "2024-03-31T02:30:00", "2024-03-31T03:00:00"),
    *("2024-10-27T00:30:00", "2024-10-27T01:30:00", "2024-10-27T02:30:00", "2024-10-27T03:30:00"),
    *("2024-03-10T02:30:00", "2024-03-10T07:30:00", "2024-11-03T01:30:00", "2024-11-03T06:30:00"),
    *("2024-04-07T01:45:00", "2024-10-06T02:15:00", "2020-09-27T03:00:00", "2021-04-04T03:30:00"),
    *("2023-02-28T23:59:59", "2024-02-28T12:00:00", "2024-02-29T00:00:00", "2024-02-29T23:59:59"),
    *("2024-01-31T10:42:15", "2024-03-01T00:00:00", "2024-04-30T23:59:59", "2024-06-30T18:30:00"),
    *("2023-12-31T23:59:59", "2024-01-01T00:00:00", "2024-12-30T00:00:00", "2021-01-03T12:00:00"),
    *("2020-12-31T19:00:00", "2100-02-28T01:00:00", "1969-12-31T23:00:00", "2024-03-13T10:42:15"),
)
ODD_KEYS = ("", "a", "2024-02-30T00:00:00", "2024-03-13", "a|b", "a|b|c", "2024-03-13T10:42:15|a")
PERIODS = ("Hour", "Day", "Week", "Month", "Quarter", "Year")
WINDOWS = tuple(f"{period}Window" for period in PERIODS)
_WITH_OFFSET = "%Y-%m-%dT%H:%M:%S%z"
_SEGMENTS = ["SegmentWindow", {"segments": ["eu", "us", "asia"]}]

Part = list[Any]


def questions() -> Iterator[tuple[str, Part, tuple[str, ...]]]:
    """Yield the name of each question about a mapper, the mapper and the keys of events."""
    with_offsets = tuple(f"{date}{offset}" for date in DATES[::3] for offset in ("+0000", "-0930"))
    for period in PERIODS:
        name = f"StartOf{period}Mapper"
        for zone in ZONES:
            yield f"{name} {zone}", [name, {"timezone": zone}], DATES + ODD_KEYS
            offset: Part = [name, {"timezone": zone, "input_format": _WITH_OFFSET}]
            yield f"{name} {zone} offsets", offset, with_offsets
        for window in WINDOWS:
            yield from _with_window(name, window)
    for number, (mapper, keys) in enumerate(_others()):
        yield f"other {number} {mapper[0]}", mapper, keys


def _with_window(name: str, window: str) -> Iterator[tuple[str, Part, tuple[str, ...]]]:
    for direction in ("forward", "backward"):
        for zone in ZONES[:3]:
            parts = {
                "upstream_mapper": [name, {"timezone": zone}],
                "window": [window, {"direction": direction}],
            }
            yield f"Rollup {name} {window} {direction} {zone}", ["RollupMapper", parts], DATES[::3]
            yield f"FanOut {name} {window} {direction} {zone}", ["FanOutMapper", parts], DATES[1::3]


def _others() -> Iterator[tuple[Part, tuple[str, ...]]]:
    day: Part = ["StartOfDayMapper", {}]
    same: Part = ["IdentityMapper", {}]
    yield same, ODD_KEYS
    yield ["AllowedKeyMapper", {"allowed_keys": ["a", "b"]}], ODD_KEYS
    yield ["FixedKeyMapper", {"downstream_key": "all"}], ODD_KEYS
    yield ["FixedKeyMapper", {"downstream_key": ""}], ODD_KEYS[:1]
    yield ["IdentityMapper", {"max_downstream_keys": 0}], ODD_KEYS[:1]
    yield ["ProductMapper", {"": [same, same]}], ODD_KEYS
    yield ["ProductMapper", {"": [day, same]}], ODD_KEYS
    yield ["ProductMapper", {"": [day, day]}], ("2024-03-13T10:42:15|2024-03-14T10:42:15",)
    yield ["ProductMapper", {"": [same, day], "delimiter": "::"}], ("a::2024-03-13T10:42:15", "a|b")
    hours: Part = ["StartOfHourMapper", {"input_format": "%Y-%m-%dT%H"}]
    yield (
        ["ChainMapper", {"": [["StartOfHourMapper", {}], ["StartOfDayMapper", {"input_format": "%Y-%m-%dT%H"}]]}],
        DATES,
    )
    yield ["ChainMapper", {"": [hours, same]}], DATES
    fan_out: Part = ["FanOutMapper", {"upstream_mapper": day, "window": ["DayWindow", {}]}]
    yield ["ChainMapper", {"": [fan_out, same]}], DATES[:4]
    yield ["ProductMapper", {"": [fan_out, same]}], ("2024-03-13T10:42:15|a",)
    yield ["FanOutMapper", {"upstream_mapper": same, "window": _SEGMENTS}], ("a",)
    yield ["FanOutMapper", {"upstream_mapper": same, "window": _SEGMENTS, "downstream_mapper": same}], ("a", "")
    monthly: Part = ["StartOfMonthMapper", {"timezone": "Europe/Amsterdam"}]
    yield (
        ["FanOutMapper", {"upstream_mapper": monthly, "window": ["MonthWindow", {}], "downstream_mapper": monthly}],
        DATES[:4],
    )
    yield ["RollupMapper", {"upstream_mapper": same, "window": _SEGMENTS}], ("a", "")
    yield (
        ["RollupMapper", {"upstream_mapper": ["FixedKeyMapper", {"downstream_key": "x"}], "window": _SEGMENTS}],
        ("a",),
    )
    yield ["RollupMapper", {"upstream_mapper": same, "window": ["DayWindow", {}]}], ("a",)
    yield ["RollupMapper", {"upstream_mapper": day, "window": _SEGMENTS}], DATES[:1]
    for output in ("%Y/%m/%d", "%Y-%m", "week %V of %Y from %m-%d", "%d%m%Y", "%Y %Y", "%Y-%m-%d {a}{b}", "{1}"):
        yield ["StartOfWeekMapper", {"output_format": output}], DATES[:6]
        rollup = {"upstream_mapper": ["StartOfWeekMapper", {"output_format": output}], "window": ["WeekWindow", {}]}
        yield ["RollupMapper", rollup], DATES[:3]
    for output in ("{quarter}/%Y", "Q{quarter}", "%Y", "%Y{quarter}", "{quarter}{quarter} %Y", "%Y {other}"):
        yield ["StartOfQuarterMapper", {"output_format": output}], DATES[:6]


def answers_about_mapper(part: Part, keys: tuple[str, ...], classes: Mapping[str, Any]) -> Any:
    """Return, for each key of an event, what the mapper gives for it; one text where it cannot be made."""
    mapper = _asked(lambda: made(part, classes))
    if isinstance(mapper, str):
        return mapper
    return [_about_key(mapper, key) for key in keys]


def _about_key(mapper: Any, key: str) -> Any:
    given = _asked(lambda: mapper.to_downstream(key))
    down = given if isinstance(given, str) else _asked(lambda: sorted(given))
    if isinstance(down, str):
        return [down, *_about_downstream(mapper, down)]
    return [_outline(down), *_about_downstream(mapper, down[0])]


def _about_downstream(mapper: Any, key: str) -> list[Any]:
    found = [_text(_asked(lambda: mapper.to_partition_date(key)))]
    if hasattr(mapper, "to_upstream"):
        return [*found, _outline(_asked(lambda: sorted(mapper.to_upstream(key))))]
    return [*found, _text(_asked(lambda: mapper.decode_downstream(key)))]


def answers_about_windows(classes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of each window, by its name and direction, for dates with a zone and without."""
    found: dict[str, Any] = {}
    plain = [datetime.strptime(date, "%Y-%m-%dT%H:%M:%S") for date in DATES]  # noqa: DTZ007 - of the wall
    dates = [*plain, *(date.replace(day=1) for date in plain), *(date.replace(tzinfo=timezone.utc) for date in plain)]
    for name in WINDOWS:
        for direction in ("forward", "backward"):
            window = made([name, {"direction": direction}], classes)
            found[f"{name} {direction}"] = [_outline(_members(window, date)) for date in dates]
    for bad in ([], [""], ["a", 1]):
        found[f"SegmentWindow {bad}"] = _text(
            _asked(lambda bad=bad: made(["SegmentWindow", {"segments": bad}], classes))
        )
    return found


def answers_about_policies(classes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each policy says of so many keys, of others beside them and of none: satisfied and unreachable."""
    found: dict[str, Any] = {}
    numbers = [("MinimumCount", {"n": n}) for n in (-4, -2, -1, 0, 1, 2, 3, 5)]
    for name, arguments in (("WaitForAll", {}), *numbers):
        policy = _asked(lambda name=name, arguments=arguments: made([name, arguments], classes))
        found[f"{name} {arguments}"] = policy if isinstance(policy, str) else _about_policy(policy)
    return found


def _about_policy(policy: Any) -> list[Any]:
    rows: list[Any] = []
    for expected in range(5):
        for matched in range(expected + 1):
            wanted = {str(number) for number in range(expected)}
            came = {str(number) for number in range(matched)}
            told = [policy.is_satisfied_by_keys(matched=keys, expected=wanted) for keys in (came, came | {"other"})]
            rows.append([expected, matched, *[int(one.satisfied) + 2 * int(one.unreachable) for one in told]])
    return rows


def made(value: Any, classes: Mapping[str, Any]) -> Any:
    """Make a part, with the parts in it; positional arguments stand under an empty name."""
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict)):
        return [made(one, classes) for one in value] if isinstance(value, list) else value
    name, arguments = value
    positional = made(arguments.get("", []), classes)
    if name.endswith("Window") and "direction" in arguments:
        direction = classes["Window"].Direction(arguments["direction"])
        return classes[name](direction=direction)
    return classes[name](*positional, **{key: made(one, classes) for key, one in arguments.items() if key})


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Exception as error:  # noqa: BLE001 - whatever is raised is the answer
        return f"!{type(error).__name__}"


def _members(window: Any, date: datetime) -> Any:
    return _asked(lambda: list(window.to_upstream(date)))


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _outline(values: Any) -> Any:
    """Return the first, the last and the number of values, and a digest of them all."""
    if not isinstance(values, list):
        return values
    texts = [_text(value) for value in values]
    return [texts[0], texts[-1], len(texts), hashlib.sha256("\n".join(texts).encode()).hexdigest()[:8]]
