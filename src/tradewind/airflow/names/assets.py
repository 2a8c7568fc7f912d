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
    **now(".sdk.assets.decorators", "asset"),
}
"""For `airflow.sdk`."""

ACCESSORS: Names = _ACCESSORS
"""For `airflow.sdk.execution_time.context` and `airflow.utils.context`."""

SIMPLE_TIMETABLES: Names = {
    **now(".sdk.assets.timetables", "AssetTriggeredTimetable"),
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
        **missing("AssetModel AssetAliasModel AssetDagRunQueue AssetActive expand_alias_to_assets", _NO_DATABASE),
        **missing("DagScheduleAssetReference TaskOutletAssetReference TaskInletAssetReference", _NO_DATABASE),
    },
    "airflow.models.dataset": {
        **now(".sdk.assets.inlet_events", "DatasetEvent=AssetEvent"),
        **missing("DatasetModel DatasetAliasModel DatasetDagRunQueue", _NO_DATABASE),
        **missing("DagScheduleDatasetReference TaskOutletDatasetReference", _NO_DATABASE),
    },
    "airflow.providers.common.compat.assets": {
        **_ASSETS,
        **missing("AssetDetails AssetManager expand_alias_to_assets", _NO_DATABASE),
    },
    "airflow.sdk.definitions.asset": {**_ASSETS, **_PARTS, **_KEYS},
    "airflow.sdk.definitions.asset.access_control": now(".sdk.assets.asset", "AssetAccessControl"),
    "airflow.sdk.definitions.asset.decorators": now(
        ".sdk.assets.decorators", "AssetDefinition MultiAssetDefinition asset"
    ),
    "airflow.sdk.definitions.asset.metadata": _METADATA,
    "airflow.sdk.definitions.timetables": {},
    "airflow.sdk.definitions.timetables.assets": {
        **_TIMETABLES,
        **now(".sdk.assets.timetables", "AssetTriggeredTimetable"),
    },
    "airflow.timetables.assets": _TIMETABLES,
    "airflow.timetables.datasets": old(
        ".sdk.assets.timetables", "DatasetOrTimeSchedule", "=AssetOrTimeSchedule of airflow.sdk"
    ),
}
