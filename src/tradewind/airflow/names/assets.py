"""Names of assets, which Airflow 2 calls datasets."""

from __future__ import annotations

from tradewind.airflow.entries import Names, missing, now, old

_NO_DATABASE = "DAG files get no database session: use the task context (inlet_events) or the REST API"
_MANAGER = "it is Airflow's own machinery, which Tradewind replaces"

_ASSETS = now(
    ".sdk.assets.asset",
    "Asset AssetAccessControl AssetAlias AssetAll AssetAny AssetWatcher",
)
_PARTS = now(".sdk.assets.asset", "AssetBooleanCondition AssetNameRef AssetRef AssetUriRef BaseAsset Dataset Model")
_KEYS = now(".sdk.assets.keys", "AssetAliasUniqueKey AssetUniqueKey") | now(
    ".sdk.assets.outlet_events", "AssetAliasEvent"
)
_ACCESSORS = now(".sdk.assets.outlet_events", "OutletEventAccessor OutletEventAccessors") | now(
    ".sdk.assets.inlet_events", "InletEventsAccessor InletEventsAccessors TriggeringAssetEventsAccessor"
)
_MAPPERS = now(
    ".core.timetables.partitions.mappers",
    "AllowedKeyMapper ChainMapper FixedKeyMapper IdentityMapper PartitionMapper ProductMapper RollupMapper",
)
_DATE_MAPPERS = now(
    ".core.timetables.partitions.temporal",
    """StartOfDayMapper StartOfHourMapper StartOfMonthMapper StartOfQuarterMapper StartOfWeekMapper
    StartOfYearMapper FanOutMapper""",
)
_WINDOWS = now(
    ".core.timetables.partitions.windows",
    "DayWindow HourWindow MonthWindow QuarterWindow SegmentWindow WeekWindow Window YearWindow",
)
_POLICIES = now(".core.timetables.partitions.policies", "MinimumCount PartitionSatisfaction WaitForAll WaitPolicy")
_PARTITIONED = now(".sdk.assets.timetables", "PartitionedAssetTimetable PartitionedAtRuntime")
_CRON_PARTITION = now(".sdk.assets.timetables", "CronPartitionTimetable")
_METADATA = now(".sdk.assets.outlet_events", "Metadata")
_TIMETABLES = now(".sdk.assets.timetables", "AssetOrTimeSchedule")

_OLD_ASSETS: Names = {
    **old(".sdk.assets.asset", "Dataset", "airflow.sdk.definitions.asset"),
    **old(".sdk.assets.asset", "DatasetAlias=AssetAlias", "=airflow.sdk.AssetAlias"),
    **old(".sdk.assets.asset", "DatasetAll=AssetAll", "=airflow.sdk.AssetAll"),
    **old(".sdk.assets.asset", "DatasetAny=AssetAny", "=airflow.sdk.AssetAny"),
}

ASSETS_AT_TOP: Names = old(".sdk.assets.asset", "Dataset", "airflow.sdk.definitions.asset")
"""For `airflow`."""

ASSETS_OF_SDK: Names = {
    **_ASSETS,
    **_METADATA,
    **_TIMETABLES,
    **_MAPPERS,
    **_DATE_MAPPERS,
    **_WINDOWS,
    **now(".core.timetables.partitions.policies", "MinimumCount WaitForAll"),
    **_PARTITIONED,
    **_CRON_PARTITION,
    **now(".sdk.assets.decorators", "asset"),
}
"""For `airflow.sdk`."""

_PARTITION_MODULES: dict[str, Names] = {
    "allowed_key": now(".core.timetables.partitions.mappers", "AllowedKeyMapper"),
    "base": now(".core.timetables.partitions.mappers", "PartitionMapper RollupMapper"),
    "chain": now(".core.timetables.partitions.mappers", "ChainMapper"),
    "fixed_key": now(".core.timetables.partitions.mappers", "FixedKeyMapper"),
    "identity": now(".core.timetables.partitions.mappers", "IdentityMapper"),
    "product": now(".core.timetables.partitions.mappers", "ProductMapper"),
    "temporal": _DATE_MAPPERS,
    "wait_policy": _POLICIES,
    "window": _WINDOWS,
}

TRIGGER_TIMETABLES: Names = _CRON_PARTITION
"""For `airflow.timetables.trigger`."""

ACCESSORS: Names = _ACCESSORS
"""For `airflow.sdk.execution_time.context` and `airflow.utils.context`."""

SIMPLE_TIMETABLES: Names = {
    **now(".sdk.assets.timetables", "AssetTriggeredTimetable"),
    **_PARTITIONED,
    **old(".sdk.assets.timetables", "DatasetTriggeredTimetable", "=schedule=[Asset(...)]"),
}
"""For `airflow.timetables.simple`."""

ASSETS: dict[str, Names] = {
    "airflow.assets": _ASSETS | _PARTS,
    "airflow.assets.manager": missing("AssetManager asset_manager resolve_asset_manager", _MANAGER),
    "airflow.datasets": {
        **_OLD_ASSETS,
        **old(".sdk.assets.asset", "BaseDataset=BaseAsset", "=airflow.sdk.definitions.asset.BaseAsset"),
        **missing("expand_alias_to_datasets", _NO_DATABASE),
    },
    "airflow.datasets.manager": missing("DatasetManager dataset_manager resolve_dataset_manager", _MANAGER),
    "airflow.datasets.metadata": old(".sdk.assets.outlet_events", "Metadata", "airflow.sdk"),
    "airflow.models.asset": {
        **now(".sdk.assets.inlet_events", "AssetEvent"),
        **missing("AssetModel AssetAliasModel AssetDagRunQueue AssetActive", _NO_DATABASE),
        **now(".sdk.providers.housekeeping", "expand_alias_to_assets"),
        **missing("DagScheduleAssetReference TaskOutletAssetReference TaskInletAssetReference", _NO_DATABASE),
    },
    "airflow.models.dataset": {
        **now(".sdk.assets.inlet_events", "DatasetEvent=AssetEvent"),
        **missing("DatasetModel DatasetAliasModel DatasetDagRunQueue", _NO_DATABASE),
        **missing("DagScheduleDatasetReference TaskOutletDatasetReference", _NO_DATABASE),
    },
    "airflow.providers.common.compat.assets": {
        **_ASSETS,
        **missing("AssetDetails AssetManager", _NO_DATABASE),
        **now(".sdk.providers.housekeeping", "expand_alias_to_assets"),
    },
    "airflow.sdk.definitions.asset": {**_ASSETS, **_PARTS, **_KEYS},
    "airflow.sdk.definitions.asset.access_control": now(".sdk.assets.asset", "AssetAccessControl"),
    "airflow.sdk.definitions.asset.decorators": now(
        ".sdk.assets.decorators", "AssetDefinition MultiAssetDefinition asset"
    ),
    "airflow.sdk.definitions.asset.metadata": _METADATA,
    "airflow.partition_mappers": _MAPPERS | _DATE_MAPPERS | _WINDOWS | _POLICIES,
    **{f"airflow.partition_mappers.{part}": names for part, names in _PARTITION_MODULES.items()},
    "airflow.sdk.definitions.partition_mappers": {},
    **{f"airflow.sdk.definitions.partition_mappers.{part}": names for part, names in _PARTITION_MODULES.items()},
    "airflow.sdk.definitions.timetables": {},
    "airflow.sdk.definitions.timetables.assets": {
        **_TIMETABLES,
        **now(".sdk.assets.timetables", "AssetTriggeredTimetable"),
        **_PARTITIONED,
    },
    "airflow.sdk.definitions.timetables.trigger": {
        **_CRON_PARTITION,
        **now(".sdk.timetables.classes", "CronTriggerTimetable DeltaTriggerTimetable MultipleCronTriggerTimetable"),
    },
    "airflow.timetables.assets": _TIMETABLES,
    "airflow.timetables.datasets": old(
        ".sdk.assets.timetables", "DatasetOrTimeSchedule", "=AssetOrTimeSchedule of airflow.sdk"
    ),
}
