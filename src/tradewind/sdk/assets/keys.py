"""What tells one asset, or one alias, from another."""

from __future__ import annotations

from tradewind.sdk.assets.asset import Asset, AssetAlias


class AssetUniqueKey:
    """Name and URI of an asset."""

    __slots__ = ("name", "uri")

    def __init__(self, name: str, uri: str) -> None:
        self.name = name
        self.uri = uri

    @classmethod
    def from_asset(cls, asset: Asset) -> AssetUniqueKey:
        """Return the key of an asset."""
        return cls(asset.name, asset.uri)

    def to_asset(self) -> Asset:
        """Return an asset of this name and URI."""
        return Asset(name=self.name, uri=self.uri)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetUniqueKey) and (self.name, self.uri) == (other.name, other.uri)

    def __hash__(self) -> int:
        return hash((self.name, self.uri))

    def __repr__(self) -> str:
        return f"AssetUniqueKey(name={self.name!r}, uri={self.uri!r})"


class AssetAliasUniqueKey:
    """Name of an alias."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def from_asset_alias(cls, asset_alias: AssetAlias) -> AssetAliasUniqueKey:
        """Return the key of an alias."""
        return cls(asset_alias.name)

    def to_asset_alias(self) -> AssetAlias:
        """Return an alias of this name."""
        return AssetAlias(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetAliasUniqueKey) and self.name == other.name

    def __hash__(self) -> int:
        return hash(("alias", self.name))

    def __repr__(self) -> str:
        return f"AssetAliasUniqueKey(name={self.name!r})"
