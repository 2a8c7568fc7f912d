"""Assets, references to them, aliases, and expressions of them that a DAG can wait for.

The names and arguments are those of `airflow.sdk` 3.3, and of `airflow.datasets` for what 2.x calls datasets.
"""

from __future__ import annotations

import os

from tradewind.sdk.assets.uris import normalize_uri, normalizer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, ClassVar

_MAX_LENGTH = 1500
_TAKEN_NAMES = ("self", "context")
"""Parameters of an `@asset` function that stand for something else than the asset of that name."""


class BaseAsset:
    """Whatever can stand in `schedule=`: an asset, an alias, a reference, or an expression of them."""

    def __or__(self, other: object) -> BaseAsset:
        return AssetAny(self, other) if isinstance(other, BaseAsset) else NotImplemented

    def __and__(self, other: object) -> BaseAsset:
        return AssetAll(self, other) if isinstance(other, BaseAsset) else NotImplemented

    def as_expression(self) -> Any:
        """Return it as the DAG document has it."""
        raise NotImplementedError(f"{type(self).__name__} is no asset that a schedule can wait for")

    def leaves(self) -> Iterator[BaseAsset]:
        """Yield the assets, aliases and references in it."""
        yield self


class AssetAccessControl:
    """Which teams may make events of an asset, and which may wait for them; kept for installations with several teams."""

    def __init__(
        self,
        producer_teams: list[str] | None = None,
        consumer_teams: list[str] | None = None,
        allow_global: bool = True,
    ) -> None:
        for what, teams in (("producer_teams", producer_teams), ("consumer_teams", consumer_teams)):
            for team in teams or ():
                if not isinstance(team, str) or not team.strip():  # pyright: ignore[reportUnnecessaryIsInstance] - authors
                    raise ValueError(f"Each entry in {what} is the name of a team, a non-empty string; got {team!r}")
        if not isinstance(allow_global, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - authors write anything
            raise TypeError(f"allow_global is True or False (<class 'bool'>), got {allow_global!r}")
        self.producer_teams = list(producer_teams or ())
        self.consumer_teams = consumer_teams
        self.allow_global = allow_global

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetAccessControl) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((tuple(self.producer_teams), tuple(self.consumer_teams or ()), self.allow_global))

    def __repr__(self) -> str:
        return f"AssetAccessControl({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class AssetWatcher:
    """Makes an event of the asset whenever its trigger fires. The name is unique among the asset's watchers."""

    def __init__(self, name: str, trigger: Any) -> None:
        # By name: the class lies beside the triggers, which few files need.
        if not any(kind.__name__ == "BaseEventTrigger" for kind in type(trigger).__mro__):
            raise ValueError(
                f"Asset watcher trigger must inherit BaseEventTrigger; watcher {name!r} has a {type(trigger).__name__}"
            )
        self.name = name
        self.trigger = trigger

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetWatcher) and (self.name, self.trigger) == (other.name, other.trigger)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"AssetWatcher(name={self.name!r}, trigger={self.trigger!r})"


class Asset(os.PathLike[str], BaseAsset):
    """Data that tasks make and DAGs wait for, known by its name and its URI; one of the two stands for both.

    Raises TypeError without either and ValueError for one that cannot be used: empty, too long, a reserved scheme.
    """

    asset_type: ClassVar[str] = "asset"
    __version__: ClassVar[int] = 1

    def __init__(
        self,
        name: str | None = None,
        uri: Any = None,
        *,
        group: str | None = None,
        extra: dict[str, Any] | None = None,
        watchers: Sequence[AssetWatcher] | None = None,
        access_control: AssetAccessControl | None = None,
    ) -> None:
        if name is None and uri is None:
            raise TypeError(f"{type(self).__name__}() requires either 'name' or 'uri'")
        name = str(uri) if name is None else name
        self.name = _checked(self, "name", name)
        if name in _TAKEN_NAMES:
            raise ValueError(f"prohibited name for asset: {name}")
        self.uri = _checked(self, "uri", normalize_uri(name if uri is None else uri))
        self.group = _checked(self, "group", self.asset_type if group is None else group, may_be_empty=True)
        self.extra = {} if extra is None else extra
        self.watchers = list(watchers or ())
        self.access_control = access_control or AssetAccessControl()

    @staticmethod
    def ref(*, name: str = "", uri: str = "") -> AssetRef:
        """Return a reference to the asset of that name, or of that URI, which is defined elsewhere."""
        if name and uri:
            raise TypeError("Asset reference must be made to either name or URI, not both")
        if not name and not uri:
            raise TypeError("Asset reference expects keyword argument 'name' or 'uri'")
        return AssetNameRef(name) if name else AssetUriRef(uri)

    @property
    def normalized_uri(self) -> str | None:
        """The URI as the provider of its scheme has it; None where nobody knows the scheme or the URI breaks its rules."""
        from urllib.parse import urlsplit, urlunsplit  # noqa: PLC0415 - rarely asked

        parts = urlsplit(self.uri)
        normalizer = normalizer_of(parts.scheme.lower()) if parts.scheme else None
        if normalizer is None:
            return None
        try:
            return urlunsplit(normalizer(parts))
        except ValueError:
            return None

    def as_expression(self) -> Any:
        """Return it as the DAG document has it."""
        return {"asset": {"uri": self.uri, "name": self.name, "group": self.group}}

    def __fspath__(self) -> str:
        return self.uri

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash((self.name, self.uri))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name={self.name!r}, uri={self.uri!r}, group={self.group!r}, extra={self.extra!r}, "
            f"watchers={self.watchers!r}, access_control={self.access_control!r})"
        )

    def _compared(self) -> tuple[Any, ...]:
        return self.name, self.uri, self.group, self.extra, self.watchers, self.access_control


class Dataset(Asset):
    """What Airflow 2 calls an asset. Its first argument is the URI, and its name too where none is given."""

    asset_type: ClassVar[str] = "dataset"


class Model(Asset):
    """An asset that is a model."""

    asset_type: ClassVar[str] = "model"


class AssetRef(BaseAsset):
    """A reference to an asset that is defined elsewhere; made by `Asset.ref`."""

    _told: tuple[str, str]

    def as_expression(self) -> Any:
        """Return it as the DAG document has it."""
        return {"asset_ref": dict([self._told])}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetRef) and self._told == other._told

    def __hash__(self) -> int:
        return hash(self._told)

    def __repr__(self) -> str:
        field, value = self._told
        return f"{type(self).__name__}({field}={value!r})"


class AssetNameRef(AssetRef):
    """A reference by name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._told = ("name", name)


class AssetUriRef(AssetRef):
    """A reference by URI."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._told = ("uri", uri)


class AssetAlias(BaseAsset):
    """A name for assets that a task decides on while it runs. Raises ValueError for a name that cannot be used."""

    asset_type: ClassVar[str] = "asset"

    def __init__(self, name: str, *, group: str | None = None) -> None:
        self.name = _checked(self, "name", name)
        self.group = _checked(self, "group", self.asset_type if group is None else group, may_be_empty=True)

    def as_expression(self) -> Any:
        """Return it as the DAG document has it."""
        return {"alias": {"name": self.name, "group": self.group}}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetAlias) and (self.name, self.group) == (other.name, other.group)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, group={self.group!r})"


class AssetBooleanCondition(BaseAsset):
    """An expression of assets. Raises TypeError for a part that is none."""

    _word: ClassVar[str]

    def __init__(self, *objects: BaseAsset) -> None:
        for part in objects:
            if not isinstance(part, BaseAsset):  # pyright: ignore[reportUnnecessaryIsInstance] - authors write anything
                raise TypeError(f"expect asset expressions in condition, got {type(part).__name__}: {part!r}")
        self.objects: Any = objects

    def as_expression(self) -> Any:
        """Return it as the DAG document has it."""
        return {self._word: [part.as_expression() for part in self.objects]}

    def leaves(self) -> Iterator[BaseAsset]:
        """Yield the assets, aliases and references in it."""
        for part in self.objects:
            yield from part.leaves()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and tuple(self.objects) == tuple(other.objects)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self._word, tuple(self.objects)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.objects))})"


class AssetAny(AssetBooleanCondition):
    """Met by an event of any of its parts: `a | b`."""

    _word = "any"

    def __or__(self, other: object) -> BaseAsset:
        return AssetAny(*self.objects, other) if isinstance(other, BaseAsset) else NotImplemented


class AssetAll(AssetBooleanCondition):
    """Met by events of all of its parts: `a & b`."""

    _word = "all"

    def __and__(self, other: object) -> BaseAsset:
        return AssetAll(*self.objects, other) if isinstance(other, BaseAsset) else NotImplemented


def _checked(owner: object, field: str, value: Any, *, may_be_empty: bool = False) -> str:
    kind = type(owner).__name__
    if not isinstance(value, str):
        raise ValueError(f"{kind} {field} must be a string, got {type(value).__name__}")  # noqa: TRY004 - as Airflow
    if len(value) > _MAX_LENGTH:
        raise ValueError(f"{kind} {field} cannot exceed {_MAX_LENGTH} characters, got {len(value)}")
    if value.isspace():
        raise ValueError(f"{kind} {field} cannot be just whitespace")
    if not value and not may_be_empty:
        raise ValueError(f"{kind} {field} cannot be empty")
    return value
