"""`inlet_events` and `triggering_asset_events` in the task context: what has happened to assets, fetched when it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tradewind.sdk.assets.asset import Asset, AssetAlias, AssetNameRef, AssetRef, AssetUriRef, BaseAsset
from tradewind.sdk.assets.keys import AssetAliasUniqueKey, AssetUniqueKey
from tradewind.sdk.assets.outlet_events import asset_of, resolved
from tradewind.sdk.ports import worker_store
from tradewind.sdk.runtime.dates import as_pendulum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from typing import Any

    from pendulum import DateTime

    from tradewind.sdk.assets.outlet_events import Key
    from tradewind.sdk.runtime.dag_run import DagRun
    from tradewind.serialization.records import AssetEventRecord

    _EventSequence = Sequence["AssetEvent"]
    _ByAsset = Mapping[Any, Sequence["AssetEvent"]]
else:
    _EventSequence = Sequence
    _ByAsset = Mapping


class AssetEvent:
    """One event of an asset, with Airflow's attributes."""

    def __init__(self, record: AssetEventRecord) -> None:
        self._record = record
        self.id = record.id
        self.extra = record.extra
        self.partition_key = record.partition_key
        self.source_dag_id = record.source_dag_id
        self.source_task_id = record.source_task_id
        self.source_run_id = record.source_run_id
        self.source_map_index = record.source_map_index

    @property
    def timestamp(self) -> DateTime | None:
        """When the event was made."""
        return as_pendulum(self._record.timestamp)

    @property
    def asset(self) -> Asset:
        """The asset; `dataset` in Airflow 2."""
        told = self._record.asset
        return Asset(name=told.name, uri=told.uri, group=told.group, extra=told.extra)

    dataset = asset

    @property
    def uri(self) -> str:
        """The URI of the asset."""
        return self._record.asset.uri

    @property
    def source_aliases(self) -> list[AssetAlias]:
        """The aliases that the event was made through."""
        return [AssetAlias(name) for name in self._record.aliases]

    @property
    def source_dag_run(self) -> DagRun | None:
        """The run whose task made the event, None for an event from elsewhere."""
        from tradewind.sdk.runtime.dag_run import DagRun  # noqa: PLC0415 - few tasks ask

        if self.source_dag_id is None or self.source_run_id is None:
            return None
        found = worker_store().get_dag_runs(dag_id=self.source_dag_id, run_ids=[self.source_run_id])
        return DagRun(found[0]) if found else None

    @property
    def source_task_instance(self) -> AssetEventSource | None:
        """The task instance that made the event, None for an event from elsewhere."""
        return None if self.source_task_id is None else AssetEventSource(self._record)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetEvent) and self._record == other._record

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={getattr(self._record, name)!r}" for name in ("id", "timestamp", "extra"))
        return f"AssetEvent(asset={self._record.asset.name!r}, {told})"


class AssetEventSource:
    """The task instance that made an event."""

    def __init__(self, record: AssetEventRecord) -> None:
        self.dag_id = record.source_dag_id or ""
        self.task_id = record.source_task_id or ""
        self.run_id = record.source_run_id or ""
        self.map_index = -1 if record.source_map_index is None else record.source_map_index

    def xcom_pull(self, *, key: str = "return_value", default: Any = None) -> Any:
        """Return an XCom of the task instance, the default where it has none."""
        from tradewind.sdk.xcoms.backend import xcom_backend  # noqa: PLC0415 - few tasks ask
        from tradewind.sdk.xcoms.storing import from_stored  # noqa: PLC0415 - as above

        found = worker_store().get_xcom(
            dag_id=self.dag_id, run_id=self.run_id, task_id=self.task_id, map_index=self.map_index, key=key
        )
        return default if found is None else from_stored(xcom_backend(), found)

    def __repr__(self) -> str:
        return f"<AssetEventSource {self.dag_id}.{self.task_id} {self.run_id} [{self.map_index}]>"


class InletEventsAccessor(_EventSequence):
    """The events of one asset, or through one alias, oldest first; narrowed by calls before it is read."""

    def __init__(
        self, asset_name: str | None = None, asset_uri: str | None = None, alias_name: str | None = None
    ) -> None:
        self._told: dict[str, Any] = {"name": asset_name, "uri": asset_uri, "alias": alias_name}
        self._after: datetime | str | None = None
        self._before: datetime | str | None = None
        self._ascending = True
        self._limit: int | None = None
        self._events: list[AssetEvent] | None = None

    def after(self, after: datetime | str) -> InletEventsAccessor:
        """Only events at or after that date."""
        self._after, self._events = after, None
        return self

    def before(self, before: datetime | str) -> InletEventsAccessor:
        """Only events at or before that date."""
        self._before, self._events = before, None
        return self

    def ascending(self, ascending: bool = True) -> InletEventsAccessor:
        """Oldest first, or newest first."""
        self._ascending, self._events = ascending, None
        return self

    def limit(self, limit: int) -> InletEventsAccessor:
        """At most so many."""
        self._limit, self._events = limit, None
        return self

    def __iter__(self) -> Iterator[AssetEvent]:
        return iter(self._fetched())

    def __len__(self) -> int:
        return len(self._fetched())

    def __getitem__(self, key: Any) -> Any:
        events: Any = self._fetched()
        return events[key]

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self._told.items() if value is not None)
        return f"InletEventsAccessor({told})"

    def _fetched(self) -> list[AssetEvent]:
        if self._events is None:
            records = worker_store().get_asset_events(
                **self._told,
                after=_date(self._after),
                before=_date(self._before),
                is_ascending=self._ascending,
                limit=self._limit,
            )
            self._events = [AssetEvent(record) for record in records]
        return self._events


class InletEventsAccessors(_ByAsset):
    """The events of each inlet of a task, by the inlet or by its place. Raises KeyError for what is no inlet."""

    def __init__(self, inlets: Iterable[Any]) -> None:
        self._inlets = list(inlets)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inlets)

    def __len__(self) -> int:
        return len(self._inlets)

    def __getitem__(self, key: Any) -> InletEventsAccessor:
        if isinstance(key, int):
            key = self._inlets[key]
            if not isinstance(key, BaseAsset):
                raise IndexError(f"inlet {key!r} is no asset and has no events")
        if isinstance(key, AssetAlias):
            if all(not isinstance(inlet, AssetAlias) or inlet.name != key.name for inlet in self._inlets):
                raise KeyError(key)
            return InletEventsAccessor(alias_name=key.name)
        if isinstance(key, str):
            key = next((asset for asset in self._assets() if key in {asset.uri, asset.name}), AssetUriRef(key))
        found = next((asset for asset in self._assets() if _is(asset, key)), None)
        if found is None:
            raise KeyError(key)
        # A reference asks for all events of the name, or of the URI, whatever asset of it they are of.
        if isinstance(key, AssetNameRef):
            return InletEventsAccessor(asset_name=found.name)
        if isinstance(key, AssetUriRef):
            return InletEventsAccessor(asset_uri=found.uri)
        return InletEventsAccessor(asset_name=found.name, asset_uri=found.uri)

    def for_asset(self, *, name: str | None = None, uri: str | None = None) -> InletEventsAccessor:
        """Return the events of an inlet by name, URI or both."""
        return self[asset_of(name, uri)]

    def for_asset_alias(self, *, name: str) -> InletEventsAccessor:
        """Return the events through an alias."""
        return self[AssetAlias(name)]

    def _assets(self) -> Iterator[Asset]:
        """Yield the inlets that are assets, references looked up."""
        for inlet in self._inlets:
            if isinstance(inlet, Asset):
                yield inlet
            elif isinstance(inlet, AssetRef):
                yield resolved(inlet)


class TriggeringAssetEventsAccessor(_ByAsset):
    """The events that a run was created for, by asset and by alias."""

    def __init__(self, events: Iterable[AssetEvent]) -> None:
        self._events: dict[Key, list[AssetEvent]] = {}
        for event in events:
            keys: list[Key] = [AssetUniqueKey.from_asset(event.asset)]
            keys += [AssetAliasUniqueKey.from_asset_alias(alias) for alias in event.source_aliases]
            for key in keys:
                self._events.setdefault(key, []).append(event)

    def __iter__(self) -> Iterator[Any]:
        for key in self._events:
            yield key.to_asset() if isinstance(key, AssetUniqueKey) else key.to_asset_alias()

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, key: Any) -> list[AssetEvent]:
        if isinstance(key, AssetAlias):
            return self._events[AssetAliasUniqueKey.from_asset_alias(key)]
        if isinstance(key, AssetRef):
            key = resolved(key, [known.to_asset() for known in self._events if isinstance(known, AssetUniqueKey)])
        if not isinstance(key, Asset):
            raise TypeError(f"Key should be either an asset or an asset alias, not {type(key)}")
        return self._events[AssetUniqueKey.from_asset(key)]

    def for_asset(self, *, name: str | None = None, uri: str | None = None) -> list[AssetEvent]:
        """Return the events of an asset by name, URI or both."""
        return self[asset_of(name, uri)]

    def for_asset_alias(self, *, name: str) -> list[AssetEvent]:
        """Return the events through an alias."""
        return self[AssetAlias(name)]

    def by_uri(self) -> dict[str, list[AssetEvent]]:
        """Return the events by URI, as Airflow 2 has them in `triggering_dataset_events`."""
        return {key.uri: events for key, events in self._events.items() if isinstance(key, AssetUniqueKey)}

    def __repr__(self) -> str:
        return f"TriggeringAssetEventsAccessor({self._events})"


def triggering_events(dag_id: str, run_id: str) -> TriggeringAssetEventsAccessor:
    """Return the events that the run was created for."""
    records = worker_store().get_triggering_asset_events(dag_id=dag_id, run_id=run_id)
    return TriggeringAssetEventsAccessor(AssetEvent(record) for record in records)


def _is(asset: Asset, wanted: Any) -> bool:
    if isinstance(wanted, AssetNameRef):
        return asset.name == wanted.name
    if isinstance(wanted, AssetUriRef):
        return asset.uri == wanted.uri
    return isinstance(wanted, Asset) and (asset.name, asset.uri) == (wanted.name, wanted.uri)


def _date(value: datetime | str | None) -> datetime | None:
    if value is None:
        return None
    from tradewind.sdk.definitions.dag_arguments import as_utc  # noqa: PLC0415 - few tasks narrow by date

    return as_utc(value)
