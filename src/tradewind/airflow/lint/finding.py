"""What a linter says: one deprecated spelling at one place, and the edit that would mend it."""

from __future__ import annotations

from typing import NamedTuple

from tradewind.sdk.deprecations import DeprecationNote


class Edit(NamedTuple):
    """Replace what is between two offsets, in bytes of the file, by a text."""

    start: int
    end: int
    text: str


class Finding(NamedTuple):
    """One deprecated spelling. `edits` together mend it; none where somebody has to think first."""

    line: int
    column: int
    """Counted from 1, in characters."""
    old: str
    modern: str
    since: str
    removed_in: str
    edits: tuple[Edit, ...] = ()
    is_of_tries: bool = False
    """Met when a try runs, not when the file is loaded."""

    @property
    def message(self) -> str:
        """The sentence with which loading the file would warn."""
        return DeprecationNote(
            file="", line=self.line, old=self.old, modern=self.modern, since=self.since, removed_in=self.removed_in
        ).message


def apply_edits(source: bytes, edits: list[Edit]) -> bytes:
    """Return the source with the edits made; one that overlaps an earlier one is left out, for the next time."""
    pieces: list[bytes] = []
    at = 0
    for edit in sorted(set(edits)):
        if edit.start < at:
            continue
        pieces += [source[at : edit.start], edit.text.encode()]
        at = edit.end
    return b"".join([*pieces, source[at:]])
