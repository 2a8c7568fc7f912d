"""Mappers: which partition of the DAG that waits an event's partition key belongs to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind.core.timetables.partitions.policies import WaitForAll, WaitPolicy

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.core.timetables.partitions.windows import Window


class PartitionMapper(ABC):
    """Gives for the partition key of an event the keys of the runs that it is for.

    Raises TypeError for a subclass that overrides `decode_downstream` or `encode_upstream` without the other, and
    ValueError for a limit of keys that is no positive number.
    """

    is_rollup: ClassVar[bool] = False
    expected_decoded_type: ClassVar[type] = str
    """What `decode_downstream` gives."""
    max_downstream_keys: int | None = None

    def __init__(self, *, max_downstream_keys: int | None = None) -> None:
        if max_downstream_keys is not None and (not isinstance(max_downstream_keys, int) or max_downstream_keys < 1):  # pyright: ignore[reportUnnecessaryIsInstance] - authors write anything
            raise ValueError(f"max_downstream_keys must be a positive integer or None, got {max_downstream_keys!r}")
        self.max_downstream_keys = max_downstream_keys

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        is_own = [
            getattr(cls, name) is not getattr(PartitionMapper, name)
            for name in ("decode_downstream", "encode_upstream")
        ]
        if is_own[0] != is_own[1]:
            raise TypeError(
                f"{cls.__qualname__} overrides only one side of the decode/encode pair: decode_downstream and "
                "encode_upstream undo each other, and a partition would wait for ever for keys that are never made"
            )

    @abstractmethod
    def to_downstream(self, key: str) -> str | Iterable[str]:
        """Give the key, or the keys, of the runs that an event with this key is for."""

    def decode_downstream(self, downstream_key: str) -> Any:
        """Give what a window takes of a run's key."""
        return downstream_key

    def encode_upstream(self, decoded: Any) -> str:
        """Give the key of an event for a member of a window."""
        return decoded

    def to_partition_date(self, downstream_key: str) -> datetime | None:
        """Give the beginning of the period that a run's key stands for, None where it stands for no time."""
        del downstream_key
        return None

    def carry_partition_date(self, source_partition_date: datetime | None) -> datetime | None:
        """Give the date that a run takes over from the run that made the event, None where the key says it better."""
        del source_partition_date
        return None

    def serialize(self) -> dict[str, Any]:
        """Give what `deserialize` needs: plain JSON types, and mappers, windows and policies as they are."""
        return {} if self.max_downstream_keys is None else {"max_downstream_keys": self.max_downstream_keys}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PartitionMapper:
        """Make the mapper again."""
        return cls(**data)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.serialize() == other.serialize()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), repr(self.serialize())))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.serialize().items())
        return f"{type(self).__name__}({told})"


class IdentityMapper(PartitionMapper):
    """The run has the key of the event."""

    def to_downstream(self, key: str) -> str:
        """Give the key."""
        return key

    def carry_partition_date(self, source_partition_date: datetime | None) -> datetime | None:
        """Give the date: the partition is the same."""
        return source_partition_date


class AllowedKeyMapper(PartitionMapper):
    """The run has the key of the event, which has to be one of a list."""

    def __init__(self, allowed_keys: list[str], *, max_downstream_keys: int | None = None) -> None:
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.allowed_keys = allowed_keys

    def to_downstream(self, key: str) -> str:
        """Give the key. Raises ValueError for one that is not in the list."""
        if key not in self.allowed_keys:
            raise ValueError(f"Key {key!r} not in allowed keys {self.allowed_keys}")
        return key

    def serialize(self) -> dict[str, Any]:
        """Give the list."""
        return {"allowed_keys": self.allowed_keys, **super().serialize()}


class FixedKeyMapper(PartitionMapper):
    """Every event is for one run, of one key. Raises ValueError for a key that is empty or no text."""

    def __init__(self, downstream_key: str, *, max_downstream_keys: int | None = None) -> None:
        if not downstream_key or not isinstance(downstream_key, str):  # pyright: ignore[reportUnnecessaryIsInstance] - authors write anything
            raise ValueError(f"FixedKeyMapper downstream_key must be a non-empty str; got {downstream_key!r}")
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.downstream_key = downstream_key

    def to_downstream(self, key: str) -> str:
        """Give the one key."""
        del key
        return self.downstream_key

    def serialize(self) -> dict[str, Any]:
        """Give the one key."""
        return {"downstream_key": self.downstream_key, **super().serialize()}


class _SeveralMappers(PartitionMapper):
    def __init__(
        self,
        mapper0: PartitionMapper,
        mapper1: PartitionMapper,
        /,
        *mappers: PartitionMapper,
        max_downstream_keys: int | None = None,
    ) -> None:
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.mappers = [mapper0, mapper1, *mappers]

    def serialize(self) -> dict[str, Any]:
        """Give the mappers."""
        return {"mappers": self.mappers, **super().serialize()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PartitionMapper:
        """Make the mapper again."""
        return cls(*data["mappers"], **{name: value for name, value in data.items() if name != "mappers"})


class ChainMapper(_SeveralMappers):
    """One mapper after the other."""

    def to_downstream(self, key: str) -> str | list[str]:
        """Give what the last mapper gives. Raises TypeError for a mapper that gives no text."""
        keys = [key]
        for mapper in self.mappers:
            keys = [mapped for one in keys for mapped in _keys_of(mapper, one)]
        return keys[0] if len(keys) == 1 else keys

    def to_partition_date(self, downstream_key: str) -> datetime | None:
        """Give what the last mapper gives: it made the key."""
        return self.mappers[-1].to_partition_date(downstream_key)


class ProductMapper(_SeveralMappers):
    """A key of several parts, a mapper for each."""

    def __init__(
        self,
        mapper0: PartitionMapper,
        mapper1: PartitionMapper,
        /,
        *mappers: PartitionMapper,
        delimiter: str = "|",
        max_downstream_keys: int | None = None,
    ) -> None:
        super().__init__(mapper0, mapper1, *mappers, max_downstream_keys=max_downstream_keys)
        self.delimiter = delimiter

    def to_downstream(self, key: str) -> str:
        """Give the parts, each mapped. Raises ValueError for another number of parts, TypeError for several keys of one."""
        segments = key.split(self.delimiter)
        if len(segments) != len(self.mappers):
            raise ValueError(f"Expected {len(self.mappers)} segments in key, got {len(segments)}: {key!r}")
        mapped = [mapper.to_downstream(segment) for mapper, segment in zip(self.mappers, segments, strict=True)]
        for mapper, result in zip(self.mappers, mapped, strict=True):
            if not isinstance(result, str):
                raise TypeError(f"ProductMapper child mappers must return a single key; {mapper!r} gave several")
        return self.delimiter.join(map(str, mapped))

    def to_partition_date(self, downstream_key: str) -> datetime | None:
        """Give the date of the one part that has one; None where none or several have."""
        segments = downstream_key.split(self.delimiter)
        if len(segments) != len(self.mappers):
            return None
        dates = [mapper.to_partition_date(part) for mapper, part in zip(self.mappers, segments, strict=True)]
        found = [date for date in dates if date is not None]
        return found[0] if len(found) == 1 else None

    def serialize(self) -> dict[str, Any]:
        """Give the delimiter and the mappers."""
        return {"delimiter": self.delimiter, **super().serialize()}


class RollupMapper(PartitionMapper):
    """Many events are for one run, which waits for those that `window` names, as far as `wait_policy` wants them.

    Raises TypeError where the window takes something else than the mapper decodes to.
    """

    is_rollup = True

    def __init__(
        self,
        *,
        upstream_mapper: PartitionMapper,
        window: Window,
        wait_policy: WaitPolicy | None = None,
        max_downstream_keys: int | None = None,
    ) -> None:
        if upstream_mapper.expected_decoded_type is not window.expected_decoded_type:
            raise TypeError(
                f"{type(window).__name__} expects decoded values of type {window.expected_decoded_type.__name__!r}, "
                f"but {type(upstream_mapper).__name__} decodes to {upstream_mapper.expected_decoded_type.__name__!r}"
            )
        super().__init__(max_downstream_keys=max_downstream_keys)
        self.upstream_mapper = upstream_mapper
        self.window = window
        self.wait_policy = wait_policy or WaitForAll()

    def to_downstream(self, key: str) -> str | Iterable[str]:
        """Give what the mapper gives."""
        return self.upstream_mapper.to_downstream(key)

    def to_upstream(self, downstream_key: str) -> frozenset[str]:
        """Give the keys of all events that the run of this key waits for."""
        decoded = self.upstream_mapper.decode_downstream(downstream_key)
        return frozenset(map(self.upstream_mapper.encode_upstream, self.window.to_upstream(decoded)))

    def to_partition_date(self, downstream_key: str) -> datetime | None:
        """Give what the mapper gives: it made the key."""
        return self.upstream_mapper.to_partition_date(downstream_key)

    def serialize(self) -> dict[str, Any]:
        """Give the parts."""
        return {
            "upstream_mapper": self.upstream_mapper,
            "window": self.window,
            "wait_policy": self.wait_policy,
            **super().serialize(),
        }


def keys_of(mapper: PartitionMapper, key: str) -> list[str]:
    """Give the keys of the runs that an event is for, as a list. Raises TypeError for a mapper that gives no text."""
    return _keys_of(mapper, key)


def _keys_of(mapper: PartitionMapper, key: str) -> list[str]:
    mapped: Any = mapper.to_downstream(key)
    keys: list[Any] = [mapped] if isinstance(mapped, str) or not isinstance(mapped, Iterable) else list(mapped)  # type: ignore[reportUnknownArgumentType] - checked below
    for one in keys:
        if not isinstance(one, str):
            raise TypeError(
                f"a mapper must return a string or iterable of strings, {type(mapper).__name__} gave {type(one).__name__}"
            )
    return keys
