"""The condition of a DAG that waits for assets: whether it is met, and what it still waits for.

A condition is plain data, as the DAG document has it: `{"asset": {"name": ..., "uri": ...}}`, `{"alias": {"name": ...}}`,
`{"asset_ref": {"name": ...}}` or `{"asset_ref": {"uri": ...}}`, and `{"all": [...]}` and `{"any": [...]}` of conditions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Condition = dict[str, Any]


class ArrivedAsset(NamedTuple):
    """An asset of which a DAG has an event that no run of it has consumed."""

    name: str
    uri: str
    aliases: frozenset[str] = frozenset()
    """The aliases that a task has ever made an event of the asset through."""


def is_met(condition: Condition, arrived: Collection[ArrivedAsset]) -> bool:
    """Say whether the events that have arrived meet the condition. Nothing arrived meets nothing."""
    return bool(arrived) and _holds(condition, arrived)


def missing(condition: Condition, arrived: Collection[ArrivedAsset]) -> list[str]:
    """Name what the condition still waits for, in words; one entry where any of several will do."""
    kind, value = _split(condition)
    if kind == "all":
        found: list[str] = []
        for part in value:
            found += missing(part, arrived)
        return list(dict.fromkeys(found))
    if kind == "any":
        if _holds(condition, arrived):
            return []
        words = [" and ".join(missing(part, arrived)) for part in value]
        return [" or ".join(word for word in words if word)]
    return [] if _holds(condition, arrived) else [_named(kind, value)]


def leaves(condition: Condition) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the assets, aliases and references in a condition, each as its kind and what is told of it."""
    kind, value = _split(condition)
    if kind in {"all", "any"}:
        for part in value:
            yield from leaves(part)
    else:
        yield kind, value


def words_of(condition: Condition) -> str:
    """Give the condition as people write it: `a & (b | c)`."""
    kind, value = _split(condition)
    if kind in {"all", "any"}:
        parts = [f"({text})" if _is_several(part) else text for part in value for text in [words_of(part)]]
        return (" & " if kind == "all" else " | ").join(parts)
    return str(value.get("name") or value.get("uri"))


def outline(condition: Condition) -> Condition:
    """Return a condition with what tells its assets apart, without what else is said of them: it may be secret."""
    kind, value = _split(condition)
    if kind in {"all", "any"}:
        return {kind: [outline(part) for part in value]}
    return {kind: {name: told for name, told in value.items() if name in {"name", "uri", "group"}}}


def _holds(condition: Condition, arrived: Collection[ArrivedAsset]) -> bool:
    kind, value = _split(condition)
    if kind == "all":
        return all(_holds(part, arrived) for part in value)
    if kind == "any":
        return any(_holds(part, arrived) for part in value)
    return any(_is_asset(kind, value, asset) for asset in arrived)


def _is_asset(kind: str, told: dict[str, Any], asset: ArrivedAsset) -> bool:
    if kind == "alias":
        return told["name"] in asset.aliases
    return all(told.get(field) in {None, getattr(asset, field)} for field in ("name", "uri"))


def _is_several(condition: Condition) -> bool:
    kind, value = _split(condition)
    return kind in {"all", "any"} and len(value) > 1


def _split(condition: Condition) -> tuple[str, Any]:
    """Return the one key of a condition with its value; raises ValueError for what is no condition."""
    if len(condition) == 1:
        kind, value = next(iter(condition.items()))
        if kind in {"all", "any", "asset", "alias", "asset_ref"}:
            return kind, value
    raise ValueError(f"{condition!r} is no condition of assets")


def _named(kind: str, told: dict[str, Any]) -> str:
    return f"{'alias' if kind == 'alias' else 'asset'} {told.get('name') or told.get('uri')!r}"
