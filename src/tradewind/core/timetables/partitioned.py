"""Schedules whose runs work on partitions: made by events of assets, by a cron expression, or by hand."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from tradewind.core.assets import ArrivedAsset, is_met, leaves
from tradewind.core.timetables.asset_schedules import AssetTriggeredTimetable
from tradewind.core.timetables.partitions.codec import decode_mapper, encode_part
from tradewind.core.timetables.partitions.mappers import IdentityMapper, PartitionMapper, RollupMapper, keys_of
from tradewind.core.timetables.protocol import DagRunInfo, DataInterval, TimeRestriction, TimetableError, to_utc
from tradewind.core.timetables.simple import NullTimetable
from tradewind.core.timetables.trigger import CronTriggerTimetable, RunImmediately, decode_options, encode_options
from tradewind.core.timetables.zones import at_wall

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tradewind.core.assets import Condition

_KEY_FORMAT = "%Y-%m-%dT%H:%M:%S"
MAX_DOWNSTREAM_KEYS = 1000
"""An event is for at most so many runs, unless its mapper says otherwise."""


class PartitionEvent(NamedTuple):
    """An event that has come for a partition."""

    asset: ArrivedAsset
    key: str
    """Its own partition key."""


class PartitionedAssetTimetable(AssetTriggeredTimetable):
    """`schedule=PartitionedAssetTimetable(...)`: a run for each partition of which the condition's assets have events."""

    type_name = "partitioned_asset"
    partitioned = True

    def __init__(
        self,
        condition: Condition,
        mappers: Iterable[tuple[Condition, PartitionMapper]] = (),
        default_mapper: PartitionMapper | None = None,
    ) -> None:
        """Take the condition, the mappers of assets that have one of their own, and the mapper of the others."""
        super().__init__(condition)
        self.mappers = list(mappers)
        self.default_mapper = default_mapper or IdentityMapper()
        self._by_asset = [(kind, told, mapper) for part, mapper in self.mappers for kind, told in leaves(part)]

    @property
    def summary(self) -> str:
        """What Airflow shows for it."""
        return "Partitioned Asset"

    def mapper_of(self, asset: ArrivedAsset) -> PartitionMapper:
        """Return the mapper of an asset."""
        for kind, told, mapper in self._by_asset:
            if kind != "alias" and all(told.get(field) in {None, getattr(asset, field)} for field in ("name", "uri")):
                return mapper
        return self.default_mapper

    def keys_for(self, asset: ArrivedAsset, key: str) -> list[str]:
        """Give the partitions that an event with this key is for. Raises ValueError, or what a mapper raises."""
        mapper = self.mapper_of(asset)
        keys = keys_of(mapper, key)
        most = mapper.max_downstream_keys or MAX_DOWNSTREAM_KEYS
        if len(keys) > most:
            raise ValueError(f"{type(mapper).__name__} makes {len(keys)} partitions of one event, more than {most}")
        return keys

    def is_ready(self, partition_key: str, events: Collection[PartitionEvent]) -> bool:
        """Say whether the events that have come for a partition are enough for its run.

        Raises what a mapper raises for a key that it cannot read.
        """
        return is_met(
            self.condition, [asset for asset in _assets(events) if self._has_enough(partition_key, asset, events)]
        )

    def missing_keys(self, partition_key: str, asset: ArrivedAsset, events: Iterable[PartitionEvent]) -> list[str]:
        """Give the keys of the events of one asset that a partition still expects; raises what a mapper raises."""
        mapper = self.mapper_of(asset)
        if not isinstance(mapper, RollupMapper):
            return []
        return sorted(mapper.to_upstream(partition_key) - _keys_of_asset(asset, events))

    def partition_date_of(
        self, partition_key: str, assets: Iterable[ArrivedAsset], carried: datetime | None
    ) -> datetime | None:
        """Give the date that a partition stands for: what the mappers of its assets read off its key.

        None where they disagree, and `carried` where none of them reads a date.
        """
        dates = {
            date for asset in assets if (date := self.mapper_of(asset).to_partition_date(partition_key)) is not None
        }
        if not dates:
            return carried
        return to_utc(dates.pop()) if len(dates) == 1 else None

    def resolve_partition_date(self, partition_key: str | None) -> datetime | None:
        """Give the date that the key of a run stands for that somebody triggers. Raises ValueError for a wrong key."""
        if partition_key is None:
            return None
        told = [ArrivedAsset(told.get("name", ""), told.get("uri", "")) for _, told in leaves(self.condition)]
        return self.partition_date_of(partition_key, told, None)

    def serialize(self) -> dict[str, Any]:
        """Give the condition and the mappers."""
        return {
            **super().serialize(),
            "mappers": [[part, encode_part(mapper)] for part, mapper in self.mappers],
            "default_mapper": encode_part(self.default_mapper),
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PartitionedAssetTimetable:
        """Make the timetable again."""
        mappers = [(part, decode_mapper(mapper)) for part, mapper in data["mappers"]]
        return cls(data["condition"], mappers, decode_mapper(data["default_mapper"]))

    def _has_enough(self, partition_key: str, asset: ArrivedAsset, events: Iterable[PartitionEvent]) -> bool:
        mapper = self.mapper_of(asset)
        if not isinstance(mapper, RollupMapper):
            return True
        found = _keys_of_asset(asset, events)
        answer = mapper.wait_policy.is_satisfied_by_keys(matched=found, expected=mapper.to_upstream(partition_key))
        return answer.satisfied and not answer.unreachable


class PartitionedAtRuntime(NullTimetable):
    """`schedule=PartitionedAtRuntime()`: runs come when they are triggered, and tasks decide on partitions."""

    type_name = "partitioned_at_runtime"
    partitioned_at_runtime = True
    description = "Never, partition key(s) set at runtime"

    @property
    def summary(self) -> str:
        """What Airflow shows for it."""
        return "PartitionedAtRuntime"


class CronPartitionTimetable(CronTriggerTimetable):
    """A run for each time of a cron expression, on the partition of that time or `run_offset` times after it."""

    type_name = "cron_partition"
    partitioned = True
    goes_by_run_after = True

    def __init__(
        self,
        cron: str,
        *,
        timezone: str | float | tzinfo,
        run_offset: int | None = None,
        run_immediately: RunImmediately = False,
        key_format: str = _KEY_FORMAT,
    ) -> None:
        """Read the expression; raises CronError or TimetableError naming what is wrong."""
        super().__init__(cron, timezone=timezone, run_immediately=run_immediately)
        if run_offset is not None and not isinstance(run_offset, int):  # pyright: ignore[reportUnnecessaryIsInstance] - authors write anything
            raise TimetableError("Run offset other than integer not supported yet: give a number of cron intervals")
        self.run_offset = run_offset or 0
        self.key_format = key_format

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
        now: datetime,
    ) -> DagRunInfo | None:
        """Give the run at the first moment after the last run, with its partition."""
        info = super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction, now=now
        )
        if info is None:
            return None
        date = info.run_after
        step = self.schedule.next_after if self.run_offset > 0 else self.schedule.prev_before
        for _ in range(abs(self.run_offset)):
            date = step(date)
        return DagRunInfo(info.run_after, None, date, date.astimezone(self.timezone).strftime(self.key_format))

    def resolve_partition_date(self, partition_key: str | None) -> datetime | None:
        """Give the date that the key of a run stands for that somebody triggers. Raises ValueError for a wrong key."""
        if partition_key is None:
            return None
        try:
            date = datetime.strptime(partition_key, self.key_format)  # noqa: DTZ007 - the zone follows
        except ValueError:
            msg = f"partition key {partition_key!r} does not match the key_format {self.key_format!r} of the schedule"
            raise ValueError(msg) from None
        return to_utc(at_wall(date, self.timezone))

    def serialize(self) -> dict[str, Any]:
        """Give what the constructor takes."""
        return {
            "expression": self.expression,
            **encode_options(self),
            "run_offset": self.run_offset,
            "key_format": self.key_format,
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> CronPartitionTimetable:
        """Make the timetable again."""
        options = decode_options(data)
        options.pop("interval", None)
        return cls(data["expression"], **options, run_offset=data["run_offset"], key_format=data["key_format"])


def _assets(events: Iterable[PartitionEvent]) -> list[ArrivedAsset]:
    return list(dict.fromkeys(event.asset for event in events))


def _keys_of_asset(asset: ArrivedAsset, events: Iterable[PartitionEvent]) -> frozenset[str]:
    return frozenset(event.key for event in events if event.asset == asset)
