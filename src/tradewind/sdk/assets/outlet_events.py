"""`outlet_events` in the task context: what a task says of the events that its success makes."""

from __future__ import annotations

from collections.abc import Mapping

from tradewind.sdk.assets.asset import Asset, AssetAlias, AssetNameRef, AssetRef, AssetUriRef, BaseAsset
from tradewind.sdk.assets.keys import AssetAliasUniqueKey, AssetUniqueKey
from tradewind.sdk.ports import worker_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from typing import Any

    Key = AssetUniqueKey | AssetAliasUniqueKey
    _Events = Mapping[Asset | AssetAlias, "OutletEventAccessor"]
else:
    _Events = Mapping

_MAX_KEY = 250


class Metadata:
    """What a task yields, or returns, to say something of the event of an asset: `extra`, and an alias to make it through."""

    def __init__(self, asset: Any, extra: dict[str, Any] | None = None, alias: AssetAlias | None = None) -> None:
        self.asset = asset
        self.extra = {} if extra is None else extra
        self.alias = alias

    def __repr__(self) -> str:
        return f"Metadata(asset={self.asset!r}, extra={self.extra!r}, alias={self.alias!r})"


class AssetAliasEvent:
    """An event of an asset that is made through an alias."""

    def __init__(
        self,
        source_alias_name: str,
        dest_asset_key: AssetUniqueKey,
        dest_asset_extra: dict[str, Any],
        extra: dict[str, Any],
    ) -> None:
        self.source_alias_name = source_alias_name
        self.dest_asset_key = dest_asset_key
        self.dest_asset_extra = dest_asset_extra
        self.extra = extra

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetAliasEvent) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment] - it can change

    def __repr__(self) -> str:
        return f"AssetAliasEvent({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class OutletEventAccessor:
    """What the task says of the events of one asset, or through one alias."""

    def __init__(
        self,
        key: Key,
        extra: dict[str, Any] | None = None,
        asset_alias_events: list[AssetAliasEvent] | None = None,
        partition_keys: set[str] | None = None,
    ) -> None:
        self.key = key
        self.extra = {} if extra is None else extra
        self.asset_alias_events = [] if asset_alias_events is None else asset_alias_events
        self.partition_keys: set[str] = set() if partition_keys is None else partition_keys

    def add(self, asset: Asset | AssetRef, extra: dict[str, Any] | None = None) -> None:
        """Make an event of `asset` through this alias; of an asset it does nothing, as in Airflow."""
        if not isinstance(self.key, AssetAliasUniqueKey):
            return
        found = resolved(asset) if isinstance(asset, AssetRef) else asset
        event = AssetAliasEvent(self.key.name, AssetUniqueKey.from_asset(found), found.extra, extra or {})
        self.asset_alias_events.append(event)

    def add_partitions(self, keys: str | list[str]) -> None:
        """Make one event for each partition key. Raises TypeError for an alias, ValueError for a key that cannot be."""
        if isinstance(self.key, AssetAliasUniqueKey):
            raise TypeError(
                f"add_partitions() is not supported on asset alias {self.key.name!r}: "
                "only the event of an asset itself has a partition"
            )
        several = [keys] if isinstance(keys, str) else list(keys)
        for key in several:
            if not key.strip():
                raise ValueError(f"partition_key must not be empty or whitespace-only, got {key!r}")
            if len(key) > _MAX_KEY:
                raise ValueError(f"partition_key must be at most {_MAX_KEY} characters, got {len(key)}")
        self.partition_keys.update(several)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OutletEventAccessor) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment] - it can change

    def __repr__(self) -> str:
        return f"OutletEventAccessor({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class OutletEventAccessors(_Events):
    """An accessor for each asset or alias that is asked for, made when it is."""

    def __init__(self, outlets: Iterable[Any] = ()) -> None:
        """Know the task's outlets, so that they can be asked for by their text, as in Airflow 2.10."""
        self._outlets = [leaf for one in outlets if isinstance(one, BaseAsset) for leaf in one.leaves()]
        self._dict: dict[Key, OutletEventAccessor] = {}

    def accessors(self) -> dict[Key, OutletEventAccessor]:
        """Return what was asked for, by key."""
        return self._dict

    def __iter__(self) -> Iterator[Asset | AssetAlias]:
        return iter([_object_of(key) for key in self._dict])

    def __len__(self) -> int:
        return len(self._dict)

    def __getitem__(self, key: Any) -> OutletEventAccessor:
        found = self._key_of(key)
        accessor = self._dict.get(found)
        if accessor is None:
            accessor = self._dict[found] = OutletEventAccessor(found)
        return accessor

    def for_asset(self, *, name: str | None = None, uri: str | None = None) -> OutletEventAccessor:
        """Return the accessor of an asset by name, URI or both."""
        return self[asset_of(name, uri)]

    def for_asset_alias(self, *, name: str) -> OutletEventAccessor:
        """Return the accessor of an alias."""
        return self[AssetAlias(name)]

    def __repr__(self) -> str:
        return f"OutletEventAccessors(_dict={self._dict})"

    def _key_of(self, key: Any) -> Key:
        if isinstance(key, str):
            key = self._outlet_called(key)
        if isinstance(key, Asset):
            return AssetUniqueKey.from_asset(key)
        if isinstance(key, AssetAlias):
            return AssetAliasUniqueKey.from_asset_alias(key)
        if isinstance(key, AssetRef):
            return AssetUniqueKey.from_asset(resolved(key, self._outlets))
        raise TypeError(f"Key should be either an asset or an asset alias, not {type(key)}")

    def _outlet_called(self, text: str) -> BaseAsset:
        for outlet in self._outlets:
            if text in {getattr(outlet, "uri", None), getattr(outlet, "name", None)}:
                return outlet
        return Asset(text)


def asset_of(name: str | None, uri: str | None) -> Asset | AssetRef:
    """Return an asset, or a reference where only one of the two is known. Raises ValueError without either."""
    if name and uri:
        return Asset(name=name, uri=uri)
    if not name and not uri:
        raise ValueError("name and uri cannot both be None")
    return Asset.ref(name=name) if name else Asset.ref(uri=uri or "")


def resolved(ref: AssetRef, known: Iterable[BaseAsset] = ()) -> Asset:
    """Return the asset that a reference means: of `known`, else of those that the system knows.

    Raises `AirflowRuntimeError` where nobody defines it.
    """
    for asset in known:
        is_it = isinstance(asset, Asset) and (
            (isinstance(ref, AssetNameRef) and asset.name == ref.name)
            or (isinstance(ref, AssetUriRef) and asset.uri == ref.uri)
        )
        if is_it:
            return asset  # type: ignore[return-value] - an Asset, by the line above
    record = worker_store().get_asset(name=getattr(ref, "name", None), uri=getattr(ref, "uri", None))
    if record is None:
        from tradewind.sdk.exceptions import AirflowRuntimeError, ErrorResponse, ErrorType  # noqa: PLC0415 - rare

        told = {"name": getattr(ref, "name", None), "uri": getattr(ref, "uri", None)}
        raise AirflowRuntimeError(ErrorResponse(ErrorType.ASSET_NOT_FOUND, told))
    return Asset(name=record.name, uri=record.uri, group=record.group, extra=record.extra)


def take_yielded(values: Generator[Any, Any, Any]) -> Any:
    """Run the generator of a task to its end and take the `Metadata` that it yields for the events of its outlets.

    Returns what it returned; of a generator that returns nothing and yields no `Metadata`, the list of what it yields.
    """
    others: list[Any] = []
    has_told = False
    while True:
        try:
            value = next(values)
        except StopIteration as end:
            return end.value if has_told or end.value is not None else others
        if isinstance(value, Metadata):
            has_told = True
            _take(value)
        else:
            others.append(value)


def _take(metadata: Metadata) -> None:
    from tradewind.sdk.runtime.current import get_current_context  # noqa: PLC0415 - it needs the context's own parts

    outlet_events = get_current_context()["outlet_events"]
    outlet_events[metadata.asset].extra.update(metadata.extra)
    if metadata.alias:
        outlet_events[metadata.alias].add(metadata.asset, extra=metadata.extra)


def events_of(outlets: Iterable[Any], told: OutletEventAccessors | None) -> list[dict[str, Any]]:
    """Return the events that a task's success makes, as plain data; assets that are no outlet of it are left out.

    Each has `name` and `uri` (one of them empty for a reference), `extra`, the names of `aliases` and `partition_key`;
    one through aliases also `asset_extra`, which the asset gets where it is new.
    """
    leaves = [leaf for one in outlets if isinstance(one, BaseAsset) for leaf in one.leaves()]
    accessors = {} if told is None else told.accessors()
    events: list[dict[str, Any]] = []
    done: set[Any] = set()
    for leaf in leaves:
        if isinstance(leaf, AssetAlias) or leaf in done:
            continue
        done.add(leaf)
        name, uri = getattr(leaf, "name", ""), getattr(leaf, "uri", "")
        accessor = next((one for key, one in accessors.items() if _is_of(key, name, uri)), None)
        extra = {} if accessor is None else accessor.extra
        partition_keys = [] if accessor is None else sorted(accessor.partition_keys)
        events += [_event(name, uri, extra, key) for key in partition_keys or (None,)]
    return events + _alias_events({leaf.name for leaf in leaves if isinstance(leaf, AssetAlias)}, accessors.values())


def _alias_events(aliases: set[str], accessors: Iterable[OutletEventAccessor]) -> list[dict[str, Any]]:
    """Return one event for each asset and extra, with all aliases that it was added to."""
    found: list[dict[str, Any]] = []
    for accessor in accessors:
        for event in accessor.asset_alias_events:
            if event.source_alias_name not in aliases:
                continue
            key = event.dest_asset_key
            new: dict[str, Any] = _event(key.name, key.uri, event.extra, None)
            new["asset_extra"] = event.dest_asset_extra
            same: dict[str, Any] = next((one for one in found if {**one, "aliases": []} == new), new)
            if same is new:
                found.append(new)
            if event.source_alias_name not in same["aliases"]:
                same["aliases"].append(event.source_alias_name)
    return found


def _event(name: str, uri: str, extra: dict[str, Any], partition_key: str | None) -> dict[str, Any]:
    return {"name": name, "uri": uri, "extra": extra, "aliases": [], "partition_key": partition_key}


def _is_of(key: Key, name: str, uri: str) -> bool:
    return isinstance(key, AssetUniqueKey) and (not name or key.name == name) and (not uri or key.uri == uri)


def _object_of(key: Key) -> Asset | AssetAlias:
    return key.to_asset() if isinstance(key, AssetUniqueKey) else key.to_asset_alias()
