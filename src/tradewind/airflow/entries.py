"""Entries of the table of names, and the short forms the table is written in."""

from __future__ import annotations


class Entry:
    """What one name of one `airflow` module stands for.

    `target` is the module that has it, below `tradewind` where it begins with a dot; `attribute` its name there, `*`
    where a whole module stands for another. A deprecated spelling has the `modern` one, with the Airflow release that
    deprecated it and the one that dropped it (`since`, `removed_in`). A name without a target is one that Tradewind
    does not have: `modern` says what to do.
    """

    __slots__ = ("attribute", "modern", "removed_in", "since", "target")

    def __init__(self, target: str, attribute: str, modern: str = "", since: str = "", removed_in: str = "") -> None:
        self.target = target
        self.attribute = attribute
        self.modern = modern
        self.since = since
        self.removed_in = removed_in

    def __repr__(self) -> str:
        return f"<Entry {self.target}:{self.attribute}{f', modern: {self.modern}' if self.modern else ''}>"

    @property
    def is_deprecated(self) -> bool:
        """Whether the spelling works and has a modern form."""
        return bool(self.target and self.since)


Names = dict[str, Entry]


def now(target: str, names: str) -> Names:
    """Return entries for names that are spelled as Airflow 3 spells them: `Name`, or `Name=NameInTarget`."""
    return {name: Entry(target, attribute) for name, attribute in _pairs(names)}


def old(target: str, names: str, modern: str, *, since: str = "3.0", removed_in: str = "4.0") -> Names:
    """Return entries for names that have moved to the module `modern`, under the name they have in the target.

    A `modern` that begins with "=" is itself what to write instead, whatever the name.
    """
    entries: Names = {}
    for name, attribute in _pairs(names):
        spelling = modern[1:] if modern.startswith("=") else modern if attribute == "*" else f"{modern}.{attribute}"
        entries[name] = Entry(target, attribute, spelling, since, removed_in)
    return entries


def missing(names: str, advice: str) -> Names:
    """Return entries for names that Tradewind does not have, with what to do about it."""
    return {name: Entry("", "", advice) for name, _ in _pairs(names)}


def _pairs(names: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for word in names.split():
        name, _, attribute = word.partition("=")
        pairs.append((name, attribute or name))
    return pairs
