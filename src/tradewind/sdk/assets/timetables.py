"""Schedules with assets, as authors write them."""

from __future__ import annotations

from tradewind.core.timetables import asset_schedules, partitioned
from tradewind.core.timetables.codec import register_author_class
from tradewind.core.timetables.partitions.mappers import IdentityMapper
from tradewind.sdk.assets.asset import AssetAll, BaseAsset
from tradewind.sdk.assets.writing import plain_condition
from tradewind.sdk.exceptions import AirflowTimetableInvalid
from tradewind.sdk.timetables.classes import ForAuthors, OfCron
from tradewind.sdk.toolkit.timetables import Timetable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any


class AssetTriggeredTimetable(ForAuthors, asset_schedules.AssetTriggeredTimetable, Timetable):
    """What `schedule=` becomes when it is an asset, several, or an expression of them."""

    def __init__(self, assets: Collection[BaseAsset] | BaseAsset) -> None:
        self.asset_condition = as_condition(assets)
        super().__init__(plain_condition(self.asset_condition))


class DatasetTriggeredTimetable(AssetTriggeredTimetable):
    """Airflow 2's name of the same thing."""


class AssetOrTimeSchedule(ForAuthors, asset_schedules.AssetOrTimeTimetable, Timetable):
    """Runs when the assets are there, and besides when the timetable says so."""

    def __init__(self, *, timetable: Any, assets: Collection[BaseAsset] | BaseAsset) -> None:
        self.asset_condition = as_condition(assets)
        super().__init__(plain_condition(self.asset_condition), timetable)

    def validate(self) -> None:
        """Raise `AirflowTimetableInvalid` for a schedule with assets inside this one."""
        if isinstance(self.timetable, asset_schedules.AssetTriggeredTimetable):
            raise AirflowTimetableInvalid(
                "cannot nest asset timetables: the timetable= of this one waits for assets too"
            )
        validate = getattr(self.timetable, "validate", None)
        if validate is not None:
            validate()


class DatasetOrTimeSchedule(AssetOrTimeSchedule):
    """Airflow 2's name of the same thing."""

    def __init__(self, *, timetable: Any, datasets: Collection[BaseAsset] | BaseAsset) -> None:
        super().__init__(timetable=timetable, assets=datasets)


class PartitionedAssetTimetable(ForAuthors, partitioned.PartitionedAssetTimetable, Timetable):
    """A run for each partition of which the assets have events; mappers say which event is for which partition."""

    def __init__(
        self,
        *,
        assets: Collection[BaseAsset] | BaseAsset,
        partition_mapper_config: dict[Any, Any] | None = None,
        default_partition_mapper: Any = None,
    ) -> None:
        self.asset_condition = as_condition(assets)
        self.partition_mapper_config = partition_mapper_config or {}
        self.default_partition_mapper = default_partition_mapper or IdentityMapper()
        super().__init__(
            plain_condition(self.asset_condition),
            [(plain_condition(asset), mapper) for asset, mapper in self.partition_mapper_config.items()],
            self.default_partition_mapper,
        )


class PartitionedAtRuntime(ForAuthors, partitioned.PartitionedAtRuntime, Timetable):
    """No schedule: runs are triggered, and tasks decide on partitions."""

    partitioned_at_runtime = True


class CronPartitionTimetable(OfCron, partitioned.CronPartitionTimetable, Timetable):
    """A run for each time of a cron expression, each on a partition of its own."""


def as_condition(assets: Any) -> BaseAsset:
    """Return assets as one expression, several as all of them. Raises TypeError for what is no asset."""
    if isinstance(assets, BaseAsset):
        return assets
    return AssetAll(*assets)


for _class in (
    AssetTriggeredTimetable,
    DatasetTriggeredTimetable,
    AssetOrTimeSchedule,
    DatasetOrTimeSchedule,
    PartitionedAssetTimetable,
    PartitionedAtRuntime,
    CronPartitionTimetable,
):
    register_author_class(_class, _class.type_name)
