"""What is wrong with who makes assets and who waits for them: circles, and assets that nobody makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Use(NamedTuple):
    """A DAG that waits for (`schedule`) or makes (`outlet`) an asset, or something through an alias."""

    dag_id: str
    role: str
    kind: str
    """asset, alias, asset_ref."""
    name: str
    uri: str

    def means(self, other: Use) -> bool:
        """Say whether both mean the same asset or alias; a reference may leave out the name or the URI."""
        if "alias" in {self.kind, other.kind}:
            return self.kind == other.kind and self.name == other.name
        return all(not mine or not theirs or mine == theirs for mine, theirs in zip(self[3:], other[3:], strict=True))


def circles(uses: Iterable[Use]) -> dict[str, list[str]]:
    """Return for each DAG that waits, by way of others, for what it makes itself, the way from it back to it."""
    follows = _followers(list(uses))
    found: dict[str, list[str]] = {}
    for start in follows:
        way = _way_back(start, follows)
        if way is not None:
            found[start] = way
    return found


def never_made(uses: Iterable[Use], watched: Iterable[tuple[str, str]] = ()) -> dict[str, list[str]]:
    """Return for each DAG the assets and aliases that it waits for and that neither a task nor a watcher makes."""
    known = list(uses)
    made = [use for use in known if use.role == "outlet"]
    made += [Use("", "outlet", "asset", name, uri) for name, uri in watched]
    found: dict[str, list[str]] = {}
    for use in known:
        if use.role == "schedule" and not any(use.means(other) for other in made):
            found.setdefault(use.dag_id, []).append(use.name or use.uri)
    return found


def _followers(uses: list[Use]) -> dict[str, list[str]]:
    """Return for each DAG those that wait for what it makes, sorted."""
    waiting = [use for use in uses if use.role == "schedule"]
    follows: dict[str, set[str]] = {}
    for made in uses:
        if made.role == "outlet":
            followers = {use.dag_id for use in waiting if use.means(made)}
            if followers:
                follows.setdefault(made.dag_id, set()).update(followers)
    return {dag_id: sorted(after) for dag_id, after in sorted(follows.items())}


def _way_back(start: str, follows: dict[str, list[str]]) -> list[str] | None:
    """Return the shortest way from a DAG to itself, None where there is none."""
    came_from: dict[str, str] = {}
    line = [start]
    for here in line:
        for after in follows.get(here, ()):
            if after == start:
                way = [here]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return [*reversed(way), start]
            if after not in came_from:
                came_from[after] = here
                line.append(after)
    return None
